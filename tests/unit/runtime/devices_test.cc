#include "runtime/oci/devices.h"

#include <catch2/catch.hpp>

namespace {

std::string refusal(runtime::Security const& security) {
    auto const found = find_devices(security);
    return found ? "" : found.error().message;
}

}  // namespace

TEST_CASE("device rules are read, or refused whole") {
    using runtime::DeviceRule;
    CHECK(runtime::parse_device_rule("c 1:3 rwm").value() == DeviceRule{'c', 1, 3, "rwm"});
    CHECK(runtime::parse_device_rule("b 8:* r").value() == DeviceRule{'b', 8, {}, "r"});
    CHECK(runtime::parse_device_rule("a *:* m").value() == DeviceRule{'a', {}, {}, "m"});
    for (char const* const text : {"", "c 1:3", "d 1:3 r", "c 1 r", "c 1:3 x", "c 1:3 rwmr",
                                   "c x:3 r", "c 1:3 r w", "c -1:3 r"}) {
        INFO(text);
        CHECK_FALSE(runtime::parse_device_rule(text));
    }
}

TEST_CASE("a device of the host is found by its path, with its own rule") {
    runtime::Security security;
    security.devices = {{"/dev/nothing", {"/dev/null", "rw"}}};
    security.device_rules = {"c 10:* r"};
    auto const found = find_devices(security);
    REQUIRE(found);
    REQUIRE(found->nodes.size() == 1);
    CHECK(found->nodes[0].path == "/dev/nothing");
    CHECK(found->nodes[0].type == 'c');
    CHECK(found->nodes[0].number == runtime::DeviceNumber{1, 3});
    CHECK(found->rules == std::vector<runtime::DeviceRule>{{'c', 1, 3, "rw"}, {'c', 10, {}, "r"}});
}

TEST_CASE("a directory of devices brings those in it") {
    runtime::Security security;
    security.devices = {{"/dev/mine", {"/dev/net", "rw"}}};
    auto const found = find_devices(security);
    REQUIRE(found);
    for (runtime::DeviceNode const& node : found->nodes) {
        CHECK(node.path.starts_with("/dev/mine/"));
    }
    CHECK(found->rules.size() == found->nodes.size());
}

TEST_CASE("what is no device, or could not work, is refused") {
    runtime::Security security;
    security.devices = {{"/dev/x", {"/dev/no-such-device", "rwm"}}};
    CHECK(refusal(security).contains("/dev/no-such-device of this host: No such file"));
    security.devices = {{"/dev/x", {"/etc/passwd", "rwm"}}};
    CHECK(refusal(security) == "/etc/passwd of this host is no device");
    security.devices = {{"/dev/x", {"/dev/null", "rx"}}};
    CHECK(refusal(security) == "device permissions 'rx' are not made of r, w and m");
    for (char const* const path : {"/srv/null", "/dev/../srv/null", "/dev/"}) {
        security.devices = {{path, {"/dev/null", "rwm"}}};
        CHECK(refusal(security).contains("is not below /dev"));
    }
}

TEST_CASE("block devices are known by number") {
    runtime::BlockIo io;
    io.read_bps = {{"/dev/null", 1}};
    CHECK(find_block_devices(io).error().message == "blkio_config: /dev/null is no block device");
    io.read_bps = {{"/dev/no-such-device", 1}};
    CHECK_FALSE(find_block_devices(io));
    CHECK(runtime::find_block_devices({}).value().empty());
}
