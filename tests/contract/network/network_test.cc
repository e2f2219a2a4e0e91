#include "runtime/network/network.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>
#include <span>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/network/net_namespace.h"
#include "test_hosts.h"

namespace {

base::Prefix const fleet = *base::parse_prefix("10.128.0.0/12");
base::Prefix const subnet = *base::parse_prefix("10.128.1.0/24");
base::Prefix const other_subnet = *base::parse_prefix("10.128.2.0/24");

base::IpAddress ip(char const* text) {
    return *base::parse_ip(text);
}

template <class T>
T unwrap(base::Result<T> result) {
    INFO((result ? "" : result.error().message));
    REQUIRE(result);
    if constexpr (!std::is_void_v<T>) {
        return std::move(*result);
    }
}

// An agent's network on a host of its own.
struct NetworkHost {
    TestHost host;
    TestDirectory directory;
    std::unique_ptr<runtime::Network> network;

    NetworkHost() { restart(); }

    ~NetworkHost() {
        if (network) {
            host.run([&] { (void)network->clear(); });
        }
    }

    // As an agent that was killed and started again.
    void restart() {
        network = host.run(
            [&] { return unwrap(runtime::open_network({.netns_dir = directory.path()})); });
    }

    void set_subnet(base::Prefix own = subnet) {
        host.run([&] { unwrap(network->set_subnet(own, fleet)); });
    }

    runtime::Attachment attach(std::string const& id) {
        return host.run([&] { return unwrap(network->attach(id)); });
    }

    void detach(std::string const& id) {
        host.run([&] { unwrap(network->detach(id)); });
    }

    std::vector<runtime::Attachment> attachments() {
        return host.run([&] { return unwrap(network->attachments()); });
    }

    void set_routes(std::vector<runtime::Route> const& routes) {
        host.run([&] { unwrap(network->set_routes(routes)); });
    }

    std::string attach_error(std::string const& id) {
        return host.run([&] {
            auto const result = network->attach(id);
            return result ? std::string() : result.error().message;
        });
    }
};

base::Descriptor netns_of(runtime::Attachment const& attachment) {
    base::Descriptor netns(::open(attachment.netns_path.c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(netns);
    return netns;
}

}  // namespace

TEST_CASE("containers of one host reach each other and their host") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    one.set_subnet();
    auto const first = one.attach("shop.web.1.0a1b2c3d.1");
    auto const second = one.attach("shop.web.2.0a1b2c3d.1");
    CHECK(first.address == ip("10.128.1.2"));
    CHECK(second.address == ip("10.128.1.3"));
    CHECK(first.gateway == ip("10.128.1.1"));
    auto const first_netns = netns_of(first);
    auto const second_netns = netns_of(second);
    auto const in_second = listen_in(second_netns.get(), second.address);
    CHECK(seen_client(first_netns.get(), in_second) == first.address);
    CHECK(seen_client(one.host.netns(), in_second) == ip("10.128.1.1"));
    auto const on_host = listen_in(one.host.netns(), first.gateway);
    CHECK(seen_client(first_netns.get(), on_host) == first.address);
    auto const on_loopback = listen_in(first_netns.get(), ip("127.0.0.1"));
    CHECK(seen_client(first_netns.get(), on_loopback) == ip("127.0.0.1"));
}

TEST_CASE("a container has the MAC address it is given, and the bridge its address") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    CHECK(one.network->gateway().is_unspecified());
    one.set_subnet();
    CHECK(one.network->gateway() == ip("10.128.1.1"));
    // The last is a group's.
    for (char const* const text : {"02:42:ac:11:65", "02:42:ac:11:65:4", "02:42:ac:11:65:4g",
                                   "02-42-ac-11-65-43", "01:00:5e:00:00:01"}) {
        CHECK_FALSE(one.host.run([&] { return one.network->attach("given", text).has_value(); }));
    }
    auto const given =
        one.host.run([&] { return unwrap(one.network->attach("given", "02:42:AC:11:65:43")); });
    auto const netns = netns_of(given);
    ifreq request{};
    std::strcpy(request.ifr_name, "eth0");
    REQUIRE(runtime::in_net_namespace(netns, [&]() -> base::Result<void> {
        base::Descriptor const any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        return ioctl(any.get(), SIOCGIFHWADDR, &request) == 0 ? base::Result<void>()
                                                              : base::fail("ioctl");
    }));
    CHECK(base::hex(std::as_bytes(std::span(request.ifr_hwaddr.sa_data)).first(6)) ==
          "0242ac116543");
    auto const plain = one.attach("plain");
    auto const listener = listen_in(netns.get(), given.address);
    CHECK(seen_client(netns_of(plain).get(), listener) == plain.address);
}

TEST_CASE("containers of two hosts reach each other, unchanged, through routes") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    NetworkHost two;
    link_hosts(one.host, "192.168.77.1/24", two.host, "192.168.77.2/24");
    one.set_subnet();
    two.set_subnet(other_subnet);
    auto const here = one.attach("here");
    auto const there = two.attach("there");
    auto const here_netns = netns_of(here);
    auto const listener = listen_in(netns_of(there).get(), there.address);
    CHECK(seen_client(here_netns.get(), listener, 1) == std::nullopt);

    one.host.shell("ip route add 10.128.9.0/24 via 192.168.77.9");
    one.set_routes({{other_subnet, ip("192.168.77.3")}});
    two.set_routes({{subnet, ip("192.168.77.1")}});
    one.set_routes({{other_subnet, ip("192.168.77.2")}});
    CHECK(seen_client(here_netns.get(), listener) == here.address);

    one.restart();
    one.set_routes({});
    CHECK_FALSE(one.host.succeeds("ip route show 10.128.2.0/24 | grep -q via"));
    CHECK(one.host.succeeds("ip route show 10.128.9.0/24 | grep -q 192.168.77.9"));
}

TEST_CASE("a route that cannot be made is named and hinders no other") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    TestHost neighbour;
    link_hosts(one.host, "192.168.77.1/24", neighbour, "192.168.77.2/24");
    std::vector<runtime::Route> const routes{
        {*base::parse_prefix("10.128.3.0/24"), ip("172.16.9.9")},
        {*base::parse_prefix("10.128.4.0/24"), ip("fd00::1")},
        {other_subnet, ip("192.168.77.2")}};
    auto const error =
        one.host.run([&] { return one.network->set_routes(routes).error().message; });
    CHECK_THAT(error, Catch::Contains("10.128.3.0/24 via 172.16.9.9: Network is unreachable"));
    CHECK_THAT(error, Catch::Contains("fd00::1"));
    CHECK(one.host.succeeds("ip route show 10.128.2.0/24 | grep -q 192.168.77.2"));
}

TEST_CASE("what leaves the fleet has its host's address") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    TestHost outside;
    link_hosts(one.host, "192.168.77.1/24", outside, "192.168.77.2/24");
    one.set_subnet();
    one.set_subnet();
    auto const container = one.attach("container");
    auto const netns = netns_of(container);
    auto const listener = listen_in(outside.netns(), ip("192.168.77.2"));
    CHECK(seen_client(netns.get(), listener) == ip("192.168.77.1"));

    // A fleet of all addresses has no outside: the rule was replaced, not added to.
    one.host.run([&] { unwrap(one.network->set_subnet(subnet, base::Prefix{})); });
    outside.shell("ip route add 10.128.1.0/24 via 192.168.77.1");
    CHECK(seen_client(netns.get(), listener) == container.address);
}

TEST_CASE("an agent with another bridge leaves the source NAT as it is") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    TestHost outside;
    link_hosts(one.host, "192.168.77.1/24", outside, "192.168.77.2/24");
    one.set_subnet();
    TestDirectory directory;
    one.host.run([&] {
        auto const other =
            unwrap(runtime::open_network({.bridge = "covey1", .netns_dir = directory.path()}));
        unwrap(other->set_subnet(other_subnet, other_subnet));
        unwrap(other->clear());
    });
    auto const container = one.attach("container");
    auto const listener = listen_in(outside.netns(), ip("192.168.77.2"));
    CHECK(seen_client(netns_of(container).get(), listener) == ip("192.168.77.1"));
}

TEST_CASE("every address of the virtual range is local") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    one.set_subnet();
    auto const container = one.attach("container");
    one.host.run([&] {
        unwrap(one.network->set_virtual_range(*base::parse_prefix("10.142.0.0/16")));
        unwrap(one.network->set_virtual_range(*base::parse_prefix("10.143.0.0/16")));
        unwrap(one.network->set_virtual_range(*base::parse_prefix("10.143.0.0/16")));
    });
    auto const listener = listen_in(one.host.netns(), ip("10.143.200.9"));
    CHECK(seen_client(netns_of(container).get(), listener) == container.address);
    CHECK(seen_client(one.host.netns(), listener).has_value());
    CHECK_FALSE(one.host.succeeds("ip route show table local | grep -q 10.142"));
}

TEST_CASE("a restarted agent finds its attachments and uses freed addresses again") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    one.set_subnet();
    auto const first = one.attach("first");
    auto const second = one.attach("second");
    one.restart();
    auto const found = one.attachments();
    REQUIRE(found.size() == 2);
    CHECK(found[0].id == "first");
    CHECK(found[0].address == first.address);
    CHECK(found[0].gateway == first.gateway);
    CHECK(found[0].netns_path == first.netns_path);
    CHECK(one.attach("second").address == second.address);
    one.set_subnet();
    one.detach("first");
    one.detach("first");
    one.detach("unknown");
    CHECK(one.attachments().size() == 1);
    CHECK(one.attach("third").address == first.address);
    CHECK(one.attach("fourth").address == ip("10.128.1.4"));
}

TEST_CASE("another subnet waits until no container uses the old one") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    CHECK_THAT(one.attach_error("early"), Catch::Contains("no subnet yet"));
    one.set_subnet();
    one.attach("first");
    auto const refused =
        one.host.run([&] { return one.network->set_subnet(other_subnet, fleet).error().message; });
    CHECK_THAT(refused, Catch::Contains("while container first uses one of 10.128.1.0/24"));
    one.detach("first");
    one.set_subnet(other_subnet);
    CHECK(one.attach("second").address == ip("10.128.2.2"));
    CHECK_FALSE(one.host.succeeds("ip addr show covey0 | grep -q 10.128.1.1"));
}

TEST_CASE("a full subnet and unusable names are answered with an error") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    one.set_subnet(*base::parse_prefix("10.128.1.8/29"));
    for (char const* id : {"a", "b", "c", "d", "e"}) {
        one.attach(id);
    }
    CHECK_THAT(one.attach_error("f"), Catch::Contains("all 5 addresses of 10.128.1.8/29"));
    for (std::string const& id : {std::string(), std::string("a/b"), std::string(".."),
                                  std::string("a b"), std::string(201, 'x')}) {
        CHECK_THAT(one.attach_error(id), Catch::Contains("cannot name"));
    }
    CHECK(one.attach_error(std::string(200, 'x')) != "");
    one.detach("a");
    CHECK(one.attach(std::string(200, 'x')).address == ip("10.128.1.10"));
    CHECK(one.attachments().size() == 5);
}

TEST_CASE("what a crash or a reboot left half made is cleaned up") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    one.set_subnet();
    auto const whole = one.attach("whole");
    auto const cut = one.attach("cut");
    // The veth is gone but the namespace is not; a namespace file with nothing bound; a veth that
    // no namespace belongs to.
    REQUIRE(
        one.host.succeeds("ip -o link | sed -n 's/.*\\(cv[0-9a-f]*\\)@.*/\\1/p' | "
                          "while read name; do ip link show $name | grep -q ' cut$' && "
                          "ip link del $name; done; true"));
    std::ofstream(one.directory.path() + "/stale").put('x');
    std::ofstream(one.directory.path() + "/reused").put('x');
    one.host.shell("ip link add cvdeadbeef type veth peer name loose");
    one.host.shell("ip link set cvdeadbeef master covey0");

    CHECK(one.attachments().size() == 1);
    CHECK(one.attach("reused").address == cut.address);
    one.restart();
    CHECK(one.attachments().size() == 2);
    CHECK_FALSE(one.host.succeeds("ip link show cvdeadbeef 2>/dev/null"));
    CHECK(::access((one.directory.path() + "/stale").c_str(), F_OK) != 0);
    CHECK(::access(cut.netns_path.c_str(), F_OK) != 0);
    CHECK(::access(whole.netns_path.c_str(), F_OK) == 0);
}

TEST_CASE("containers outlive their bridge") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    one.set_subnet();
    auto const first = one.attach("first");
    auto const listener = listen_in(netns_of(first).get(), first.address);
    one.host.shell("ip link del covey0");
    one.restart();
    CHECK(one.attachments().size() == 1);
    one.set_subnet();
    CHECK(seen_client(one.host.netns(), listener) == first.gateway);
    CHECK(one.attach("second").address == ip("10.128.1.3"));
}

TEST_CASE("what cannot be removed does not keep an agent from starting") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    std::string const odd = one.directory.path() + "/a directory";
    REQUIRE(::mkdir(odd.c_str(), 0700) == 0);
    std::ofstream(one.directory.path() + "/stale").put('x');
    one.restart();
    CHECK(::access((one.directory.path() + "/stale").c_str(), F_OK) != 0);
    REQUIRE(::rmdir(odd.c_str()) == 0);
}

TEST_CASE("an agent killed at any moment leaves nothing that hinders the next") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    for (int round = 0; round < 20; ++round) {
        int progress[2];
        REQUIRE(::pipe2(progress, O_CLOEXEC) == 0);
        base::Descriptor const told(progress[0]);
        base::Descriptor teller(progress[1]);
        one.network.reset();
        pid_t const child = one.host.run([&] {
            pid_t const pid = ::fork();
            if (pid == 0) {
                auto network = runtime::open_network({.netns_dir = one.directory.path()});
                bool good = network && (*network)->set_subnet(subnet, fleet).has_value();
                for (int turn = 0; good; ++turn) {
                    good = ::write(teller.get(), "x", 1) == 1 &&
                           (*network)->attach(base::concat("c", turn % 3)).has_value() &&
                           (*network)->detach(base::concat("c", (turn + 1) % 3)).has_value();
                }
                ::_exit(1);
            }
            return pid;
        });
        teller = base::Descriptor();
        for (int step = 0; step <= round % 4; ++step) {
            char letter;
            REQUIRE(::read(told.get(), &letter, 1) == 1);
        }
        // Spreads the kill over the steps of an attach.
        for (int spin = 0; spin < round * 20; ++spin) {
            ::sched_yield();
        }
        ::kill(child, SIGKILL);
        REQUIRE(::waitpid(child, nullptr, 0) == child);

        one.restart();
        one.set_subnet();
        std::set<base::IpAddress> addresses;
        for (auto const& attachment : one.attachments()) {
            addresses.insert(attachment.address);
            CHECK(netns_of(attachment));
        }
        CHECK(addresses.size() == one.attachments().size());
        auto const left = one.attach("c0");
        auto const right = one.attach("c1");
        CHECK(seen_client(netns_of(left).get(), listen_in(netns_of(right).get(), right.address)) ==
              left.address);
    }
}

TEST_CASE("several threads attach and detach at once") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    one.set_subnet();
    std::vector<std::future<std::vector<base::IpAddress>>> results;
    for (int thread = 0; thread < 4; ++thread) {
        results.push_back(std::async(std::launch::async, [&one, thread] {
            return one.host.run([&] {
                std::vector<base::IpAddress> kept;
                for (int turn = 0; turn < 6; ++turn) {
                    auto const id = base::concat("t", thread, ".", turn);
                    auto const made = one.network->attach(id);
                    if (made && turn % 2 == 0) {
                        kept.push_back(made->address);
                    } else {
                        (void)one.network->detach(id);
                    }
                }
                return kept;
            });
        }));
    }
    std::set<base::IpAddress> addresses;
    for (auto& result : results) {
        for (base::IpAddress const& address : result.get()) {
            CHECK(addresses.insert(address).second);
        }
    }
    CHECK(addresses.size() == 12);
    CHECK(one.attachments().size() == 12);
}

TEST_CASE("clear leaves nothing") {
    if (!can_make_hosts()) {
        return;
    }
    NetworkHost one;
    TestHost neighbour;
    link_hosts(one.host, "192.168.77.1/24", neighbour, "192.168.77.2/24");
    one.set_subnet();
    one.attach("first");
    one.attach("second");
    one.set_routes({{other_subnet, ip("192.168.77.2")}});
    one.host.run([&] {
        unwrap(one.network->set_virtual_range(*base::parse_prefix("10.143.0.0/16")));
        unwrap(one.network->clear());
        unwrap(one.network->clear());
    });
    CHECK(one.directory.remains() == 0);
    CHECK(one.host.succeeds("test $(ip -o link | wc -l) = 2"));
    CHECK_FALSE(one.host.succeeds("ip route show table all | grep -q '10\\.1'"));
    auto const listener = listen_in(neighbour.netns(), ip("192.168.77.2"));
    CHECK(seen_client(one.host.netns(), listener) == ip("192.168.77.1"));
}
