#include "runtime/oci/name_files.h"

#include <catch2/catch.hpp>

namespace {

runtime::Attachment attachment() {
    return {.id = "web",
            .netns_path = {},
            .address = base::IpAddress::v4(0x0a800302),
            .gateway = base::IpAddress::v4(0x0a800301)};
}

}  // namespace

TEST_CASE("a container asks its host's agent for names, or whom it is told to") {
    runtime::Networking networking;
    networking.search_domains = {"shop.covey.internal", "covey.internal"};
    CHECK(resolver_configuration(networking, attachment()).value() ==
          "nameserver 10.128.3.1\nsearch shop.covey.internal covey.internal\n"
          "options ndots:1 timeout:1\n");
    networking.nameservers = {"9.9.9.9", "2620:fe::fe"};
    networking.search_domains = {};
    networking.resolver_options = {"ndots:3"};
    CHECK(resolver_configuration(networking, attachment()).value() ==
          "nameserver 9.9.9.9\nnameserver 2620:fe::fe\noptions ndots:1 timeout:1 ndots:3\n");
    CHECK(runtime::resolver_configuration({}, {}).value() == "options ndots:1 timeout:1\n");
}

TEST_CASE("the names of a container and of others stand in its hosts file") {
    runtime::Networking networking;
    networking.alias = "shop-web";
    networking.domain_name = "example.org";
    networking.extra_hosts = {{"db", {"10.0.0.5", "fd00::5"}}, {"here", {"host-gateway"}}};
    CHECK(hosts_text(networking, "web-1", attachment(), {}).value() ==
          "127.0.0.1 localhost\n::1 localhost\n"
          "10.128.3.2 web-1.example.org web-1 shop-web\n"
          "10.0.0.5 db\nfd00::5 db\n10.128.3.1 here\n");
    networking.extra_hosts.clear();
    CHECK(hosts_text(networking, "web-1", {}, {})
              .value()
              .ends_with("127.0.0.1 web-1.example.org web-1 shop-web\n"));
    networking.mode = runtime::NetworkMode::host;
    CHECK(hosts_text(networking, "node7", attachment(), "127.0.0.1 localhost node7\n\n").value() ==
          "127.0.0.1 localhost node7\n");
}

TEST_CASE("what would begin another line of these files is refused") {
    runtime::Networking networking;
    networking.nameservers = {"dns.example.org"};
    CHECK_FALSE(resolver_configuration(networking, attachment()));
    networking = {};
    networking.search_domains = {"a\nnameserver 6.6.6.6"};
    CHECK_FALSE(resolver_configuration(networking, attachment()));
    networking = {};
    networking.resolver_options = {"ndots:1 rotate"};
    CHECK_FALSE(resolver_configuration(networking, attachment()));
    networking = {};
    networking.extra_hosts = {{"a b", {"10.0.0.1"}}};
    CHECK_FALSE(hosts_text(networking, "x", attachment(), {}));
    networking.extra_hosts = {{"a", {"ten"}}};
    CHECK_FALSE(hosts_text(networking, "x", attachment(), {}));
    networking.extra_hosts = {{"a", {"host-gateway"}}};
    CHECK_FALSE(hosts_text(networking, "x", {}, {}));
    networking = {};
    networking.domain_name = "x\ny";
    CHECK_FALSE(hosts_text(networking, "x", attachment(), {}));
}
