// What the processes of a real container may do.

#include <filesystem>

#include "runtime/oci/capabilities.h"
#include "tests/contract/runtime/keys_fixture.h"

using contract::KeysFixture;
using runtime::ContainerSpec;

namespace {

constexpr char const* bounding = "grep CapBnd /proc/self/status | cut -f2";

std::string hexadecimal(runtime::CapabilitySet set) {
    char text[18];
    std::snprintf(text, sizeof text, "%016llx\n", static_cast<unsigned long long>(set));
    return text;
}

}  // namespace

TEST_CASE("capabilities are those asked for") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    CHECK(fixture.output(spec, bounding) == hexadecimal(runtime::default_capabilities()));
    spec.security.cap_add = {"NET_ADMIN"};
    spec.security.cap_drop = {"CAP_CHOWN"};
    auto const changed =
        runtime::change_capabilities(spec.security.cap_add, spec.security.cap_drop).value();
    CHECK(fixture.output(spec, bounding) == hexadecimal(changed));
    spec.security.cap_add = {"NET_RAW"};
    spec.security.cap_drop = {"ALL"};
    CHECK(fixture.output(spec, bounding) == "0000000000002000\n");
    spec.security.cap_add = {"ALL"};
    spec.security.cap_drop = {};
    CHECK(fixture.output(spec, bounding) == hexadecimal(fixture.host_abilities().capabilities));
    spec.security.cap_add = {"FLY"};
    CHECK(fixture.refusal(spec) == "there is no capability 'FLY'");
}

TEST_CASE("new privileges can be had where they are asked for") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    std::string const script = "grep NoNewPrivs /proc/self/status | cut -f2";
    CHECK(fixture.output(spec, script) == "1\n");
    spec.security.options = {"no-new-privileges:false", "seccomp=unconfined"};
    CHECK(fixture.output(spec, script) == "0\n");
    CHECK(fixture.notice().empty());
}

TEST_CASE("a read-only root takes nothing but what is in memory") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.security.read_only_root = true;
    spec.tmpfs["/run"] = {.size_bytes = 1 << 20, .mode = 0700};
    spec.tmpfs["/var/scratch"] = {.options = {"exec", "uid=5"}};
    std::string const output =
        fixture.output(spec,
                       "touch /x 2>&1; touch /etc/hosts 2>&1; touch /run/x && echo kept; "
                       "grep ' /run ' /proc/self/mounts; stat -c '%a %u' /run /var/scratch; "
                       "grep -c ' /var/scratch tmpfs.*noexec' /proc/self/mounts");
    CHECK(
        output.starts_with("touch: /x: Read-only file system\n"
                           "touch: /etc/hosts: Read-only file system\nkept\n"));
    CHECK(output.contains("nosuid,nodev,noexec"));
    CHECK(output.contains("size=1024k"));
    CHECK(output.ends_with("700 0\n1777 5\n0\n"));
}

TEST_CASE("the kernel's own files are hidden as Docker hides them") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    std::string const script =
        "for path in /proc/acpi /proc/keys /proc/timer_list /proc/kcore /sys/firmware; do "
        "test -e $path && cat $path/* $path 2>/dev/null | head -c 1; done; "
        "for path in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger /sys; do "
        "test ! -e $path || grep -q \" $path [^ ]* ro\" /proc/self/mounts || echo $path; done; "
        "grep -E ' cgroup2? rw' /proc/self/mounts";
    CHECK(fixture.output({}, script) == "");
    ContainerSpec spec;
    spec.security.options = {"systempaths=unconfined"};
    CHECK(fixture.output(spec,
                         "grep -c ' /proc/' /proc/self/mounts; "
                         "grep -c ' /sys sysfs ro' /proc/self/mounts") == "0\n1\n");
}

TEST_CASE("a privileged container may do what the agent may, with every device") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.security.privileged = true;
    std::string const output = fixture.output(
        spec, base::concat(bounding,
                           "; grep -c ' /proc/' /proc/self/mounts; "
                           "grep -c ' /sys sysfs rw' /proc/self/mounts; "
                           "head -c 1 /dev/kmsg >/dev/null && echo read; ls /dev/loop0"));
    CHECK(output ==
          hexadecimal(fixture.host_abilities().capabilities) + "0\n1\nread\n/dev/loop0\n");
}

TEST_CASE("devices are there under the path and with the rights asked for") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    std::string const script =
        "ls -l /dev/mine | cut -c1,5-; "
        "head -c 1 /dev/mine >/dev/null && echo read; (echo x >/dev/mine) && echo written";
    spec.security.devices = {{"/dev/mine", {"/dev/loop0", "r"}}};
    std::string output = fixture.output(spec, script);
    CHECK(output.starts_with("b"));
    CHECK(output.contains("\nread\n"));
    CHECK_FALSE(output.contains("written"));
    spec.security.devices = {{"/dev/mine", {"/dev/no-such", "r"}}};
    CHECK(fixture.refusal(spec).starts_with("device /dev/no-such of this host"));

    spec.security.devices.clear();
    spec.security.cap_add = {"MKNOD"};
    std::string const make =
        "busybox mknod /dev/made b 7 0; head -c 1 /dev/made >/dev/null "
        "&& echo read";
    CHECK_FALSE(fixture.output(spec, make).contains("read"));
    spec.security.device_rules = {"b 7:0 rm"};
    CHECK(fixture.output(spec, make) == "read\n");
}

TEST_CASE("further groups are those of the image, or numbers") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.user = "65534:65534";
    spec.security.groups = {"web", "4242"};
    CHECK(fixture.output(spec, "id -G") == "65534 800 4242\n");
    spec.security.groups = {"missing"};
    CHECK(fixture.refusal(spec).starts_with("group 'missing'"));
}
