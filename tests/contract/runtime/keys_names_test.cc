// What a real container is called, and what names it knows.

#include <boost/json.hpp>
#include <sys/utsname.h>

#include "tests/contract/runtime/keys_fixture.h"

using contract::KeysFixture;
using runtime::ContainerSpec;

TEST_CASE("a container knows its names and those it is told") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.networking.hostname = "web";
    spec.networking.domain_name = "example.org";
    spec.networking.alias = "shop-web";
    spec.networking.extra_hosts = {{"db", {"10.0.0.5"}}, {"gate", {"host-gateway"}}};
    spec.networking.nameservers = {"9.9.9.9"};
    spec.networking.search_domains = {"example.org"};
    spec.networking.resolver_options = {"ndots:2"};
    CHECK(fixture.output(spec,
                         "hostname; cat /proc/sys/kernel/domainname /etc/hosts "
                         "/etc/hostname /etc/resolv.conf") ==
          "web\nexample.org\n127.0.0.1 localhost\n::1 localhost\n"
          "10.128.9.2 web.example.org web shop-web\n10.0.0.5 db\n10.128.9.1 gate\nweb\n"
          "nameserver 9.9.9.9\nsearch example.org\noptions ndots:1 timeout:1 ndots:2\n");
    spec.networking.extra_hosts = {{"db", {"nowhere"}}};
    CHECK(fixture.refusal(spec) == "extra_hosts db: 'nowhere' is no address");
}

TEST_CASE("in the host's namespaces a container has the host's names") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    utsname host{};
    uname(&host);
    ContainerSpec spec;
    spec.isolation.uts = runtime::Namespace::host;
    spec.networking.mode = runtime::NetworkMode::host;
    spec.networking.hostname = "unused";
    std::string const output = fixture.output(
        spec, "hostname; echo $HOSTNAME; cat /etc/hostname /etc/resolv.conf; cat /etc/hosts");
    std::string const name = host.nodename;
    CHECK(output.starts_with(
        base::concat(name, "\n", name, "\n", name, "\nnameserver 10.128.9.1\n")));
    auto const hosts = runtime::read_file("/etc/hosts", 1 << 20);
    CHECK(output.ends_with(base::concat(base::trim(*hosts), "\n")));
}

TEST_CASE("labels and annotations are what the runtime shows of a container") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    runtime::Start start = contract::start_of("noted", contract::heeds_term);
    start.spec.labels = {{"team", "shop"}};
    start.spec.annotations = {{"org.example.note", "kept"}};
    start.spec.networking.alias = "shop-web";
    fixture.driver().perform(start);
    contract::expect<runtime::Started>(fixture);
    std::string const description = fixture.driver().description();
    std::string const runtime = description.contains("crun") ? "/usr/bin/crun" : "/usr/sbin/runc";
    auto const state = runtime::run_program(
        {runtime, "--root", fixture.host().directory + "/run/oci", "state", "noted"},
        base::seconds(20), 4000);
    REQUIRE(state);
    CAPTURE(state->output);
    auto const annotations = boost::json::parse(state->output).at("annotations");
    CHECK(annotations.at("team") == "shop");
    CHECK(annotations.at("org.example.note") == "kept");
    CHECK(annotations.at("covey.container_name") == "shop-web");
    fixture.driver().perform(runtime::Stop{"noted", base::seconds(0)});
    contract::expect<runtime::Exited>(fixture);
}
