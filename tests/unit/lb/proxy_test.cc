#include "lb/proxy/proxy.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>

#include "lb/proxy/sockets.h"
#include "sockets.h"

namespace {

using test::Ending;

// A proxy and the frontends given to it, in any order.
class Fixture {
public:
    explicit Fixture(lb::ProxyConfig config = {}) {
        auto started = lb::Proxy::start(config);
        REQUIRE(started);
        proxy = std::move(*started);
    }

    // Returns when the proxy follows the table.
    void set(std::vector<lb::Frontend> frontends) {
        std::ranges::sort(frontends, {}, [](lb::Frontend const& one) {
            return std::pair(one.protocol, one.listen);
        });
        auto table = std::make_shared<lb::Table>();
        table->generation = ++generation_;
        table->frontends = std::move(frontends);
        proxy->set_table(std::move(table));
        REQUIRE(test::becomes_true([&] { return proxy->stats().generation == generation_; }));
    }

    std::unique_ptr<lb::Proxy> proxy;

private:
    std::uint64_t generation_{};
};

lb::Frontend frontend(base::SocketAddress const& listen,
                      std::vector<base::SocketAddress> const& backends,
                      lb::Protocol protocol = lb::Protocol::tcp) {
    lb::Frontend out;
    out.service = "shop/web";
    out.listen = listen;
    out.protocol = protocol;
    for (auto const& backend : backends) {
        out.backends.push_back({.address = backend});
    }
    return out;
}

base::Descriptor dialled(base::SocketAddress const& address) {
    auto socket = test::dial(address);
    REQUIRE(socket);
    return std::move(*socket);
}

// Whether a client is reset without having been served; it may notice as early as it connects.
bool is_reset(base::SocketAddress const& address) {
    auto const client = test::dial(address);
    return !client || test::ending_of(client->get()) == Ending::reset;
}

// A client and the backend's end of its connection.
struct Joined {
    base::Descriptor client;
    base::Descriptor backend;
};

Joined join(base::SocketAddress const& through, test::Socket const& backend) {
    Joined out;
    out.client = dialled(through);
    out.backend = test::accept_on(backend);
    return out;
}

// Sends from `stream` until the whole way to a reader that does not read is full; the number of
// bytes that it took.
std::size_t fill(int fd, std::string_view stream) {
    std::size_t total = 0;
    // Full: nothing was taken for a while.
    for (int refused = 0; refused < 50 && total < stream.size();) {
        auto const size =
            ::send(fd, stream.data() + total, stream.size() - total, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size > 0) {
            total += static_cast<std::size_t>(size);
            refused = 0;
        } else {
            pollfd entry{.fd = fd, .events = POLLOUT, .revents = 0};
            refused += ::poll(&entry, 1, 5) == 0 ? 1 : 0;
        }
    }
    return total;
}

}  // namespace

TEST_CASE("connections are spread over the backends") {
    std::vector<test::Socket> backends;
    std::vector<base::SocketAddress> addresses;
    for (int at = 0; at < 3; ++at) {
        backends.push_back(test::listen_tcp(test::free_address(), 512));
        addresses.push_back(backends.back().address);
    }
    Fixture fixture;
    auto const listen = test::free_address();
    fixture.set({frontend(listen, addresses)});
    std::vector<base::Descriptor> clients;
    for (int count = 0; count < 300; ++count) {
        clients.push_back(dialled(listen));
    }
    REQUIRE(test::becomes_true([&] { return fixture.proxy->stats().connected == 300; }));
    for (auto const& backend : backends) {
        int count = 0;
        for (; test::readable_now(backend.fd.get()); ++count) {
            std::ignore = test::accept_on(backend);
        }
        // 100 each; six standard deviations are 49.
        CHECK(count > 51);
    }
}

TEST_CASE("a backend that refuses is passed over") {
    auto const backend = test::listen_tcp(test::free_address());
    Fixture fixture;
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {test::free_address(), test::free_address(), backend.address})});
    for (int count = 0; count < 40; ++count) {
        auto const joined = join(listen, backend);
        test::send_text(joined.client.get(), "hello");
        REQUIRE(test::receive_text(joined.backend.get(), 5) == "hello");
    }
    CHECK(fixture.proxy->stats().failed == 0);
    CHECK(fixture.proxy->stats().retried > 10);
}

TEST_CASE("a doubtful backend is used only when the others fail") {
    auto const certain = test::listen_tcp(test::free_address());
    auto const doubtful = test::listen_tcp(test::free_address());
    Fixture fixture;
    auto const listen = test::free_address();
    auto table = frontend(listen, {certain.address, doubtful.address});
    table.backends[1].doubtful = true;
    fixture.set({table});
    for (int count = 0; count < 20; ++count) {
        std::ignore = join(listen, certain);
    }
    table.backends[0].address = test::free_address();
    fixture.set({table});
    std::ignore = join(listen, doubtful);
}

TEST_CASE("a silent backend gets a rival") {
    test::SilentListener const silent;
    auto const backend = test::listen_tcp(test::free_address());
    lb::ProxyConfig config;
    config.connect_hedge = base::milliseconds(20);
    Fixture fixture(config);
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {silent.listener.address, backend.address})});
    for (int count = 0; count < 20; ++count) {
        auto const joined = join(listen, backend);
        test::send_text(joined.backend.get(), "hello");
        REQUIRE(test::receive_text(joined.client.get(), 5) == "hello");
    }
    CHECK(fixture.proxy->stats().retried > 0);
    CHECK(fixture.proxy->stats().failed == 0);
}

TEST_CASE("a backend that answers late still wins when its rivals fail") {
    test::SilentListener late;
    lb::ProxyConfig config;
    config.connect_hedge = base::milliseconds(1);
    Fixture fixture(config);
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {late.listener.address, test::free_address()})});
    auto const client = dialled(listen);
    REQUIRE(test::becomes_true([&] { return fixture.proxy->stats().retried > 0; }));
    // Room in its queue: the next SYN that the kernel repeats is answered.
    std::ignore = test::accept_on(late.listener);
    auto const joined = test::accept_on(late.listener);
    test::send_text(joined.get(), "late");
    CHECK(test::receive_text(client.get(), 4) == "late");
}

TEST_CASE("a connection that no backend accepts is reset") {
    test::SilentListener const silent;
    lb::ProxyConfig config;
    config.connect_timeout = base::milliseconds(50);
    Fixture fixture(config);
    auto const listen = test::free_address();
    // Silent, refusing, and one that cannot even be tried.
    std::array const candidates{silent.listener.address, test::free_address(),
                                base::SocketAddress{base::IpAddress::v4(0xffffffff), 80}};
    auto const backend = candidates.at(GENERATE(0U, 1U, 2U));
    fixture.set({frontend(listen, {backend})});
    CHECK(is_reset(listen));
    CHECK(fixture.proxy->stats().failed == 1);
    CHECK(test::becomes_true([&] { return fixture.proxy->stats().active == 0; }));
}

TEST_CASE("clients wait while there is no backend, and are served when one appears") {
    Fixture fixture;
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {})});
    auto const client = dialled(listen);
    test::send_text(client.get(), "hello");
    REQUIRE(test::becomes_true([&] { return fixture.proxy->stats().waiting == 1; }));
    auto const backend = test::listen_tcp(test::free_address());
    fixture.set({frontend(listen, {backend.address})});
    auto const joined = test::accept_on(backend);
    CHECK(test::receive_text(joined.get(), 5) == "hello");
    CHECK(fixture.proxy->stats().waiting == 0);
}

TEST_CASE("a new backend is tried at once while the old one is silent") {
    test::SilentListener const silent;
    lb::ProxyConfig config;
    config.connect_hedge = base::seconds(60);
    Fixture fixture(config);
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {silent.listener.address})});
    auto const client = dialled(listen);
    REQUIRE(test::becomes_true([&] { return fixture.proxy->stats().accepted == 1; }));
    auto const backend = test::listen_tcp(test::free_address());
    fixture.set({frontend(listen, {backend.address})});
    auto const joined = test::accept_on(backend);
    test::send_text(client.get(), "hello");
    CHECK(test::receive_text(joined.get(), 5) == "hello");
}

TEST_CASE("waiting for a backend is bounded in time and number") {
    lb::ProxyConfig config;
    config.waiting_max = 1;
    SECTION("time") {
        config.wait_for_backend = base::milliseconds(20);
        Fixture fixture(config);
        auto const listen = test::free_address();
        fixture.set({frontend(listen, {})});
        CHECK(is_reset(listen));
        CHECK(is_reset(listen));
    }
    SECTION("number") {
        config.wait_for_backend = base::seconds(60);
        Fixture fixture(config);
        auto const listen = test::free_address();
        fixture.set({frontend(listen, {})});
        auto first = dialled(listen);
        REQUIRE(test::becomes_true([&] { return fixture.proxy->stats().waiting == 1; }));
        CHECK(is_reset(listen));
        // One that gives up makes room.
        lb::reset_on_close(first.get());
        first = base::Descriptor();
        CHECK(test::becomes_true([&] { return fixture.proxy->stats().waiting == 0; }));
        CHECK(fixture.proxy->stats().failed == 1);
    }
}

TEST_CASE("connections outlive changes of the table") {
    auto const first = test::listen_tcp(test::free_address());
    auto const second = test::listen_tcp(test::free_address());
    Fixture fixture;
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {first.address})});
    auto const old = join(listen, first);
    auto const talk = [&] {
        test::send_text(old.client.get(), "ping");
        CHECK(test::receive_text(old.backend.get(), 4) == "ping");
        test::send_text(old.backend.get(), "pong");
        CHECK(test::receive_text(old.client.get(), 4) == "pong");
    };
    fixture.set({frontend(listen, {second.address})});
    std::ignore = join(listen, second);
    talk();
    fixture.set({});
    CHECK_FALSE(test::dial(listen));
    talk();
    fixture.set({frontend(listen, {second.address})});
    std::ignore = join(listen, second);
    talk();
}

TEST_CASE("each direction ends by itself") {
    auto const backend = test::listen_tcp(test::free_address());
    Fixture fixture;
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {backend.address})});
    auto const joined = join(listen, backend);
    bool const client_first = GENERATE(true, false);
    int const early = client_first ? joined.client.get() : joined.backend.get();
    int const late = client_first ? joined.backend.get() : joined.client.get();
    test::send_text(early, "request");
    ::shutdown(early, SHUT_WR);
    CHECK(test::receive_text(late, 100) == "request");
    CHECK(test::ending_of(late) == Ending::in_order);
    test::send_text(late, "answer");
    CHECK(test::receive_text(early, 6) == "answer");
    CHECK(fixture.proxy->stats().active == 1);
    ::shutdown(late, SHUT_WR);
    CHECK(test::ending_of(early) == Ending::in_order);
    CHECK(test::becomes_true([&] { return fixture.proxy->stats().active == 0; }));
}

TEST_CASE("a reset is passed on") {
    auto const backend = test::listen_tcp(test::free_address());
    Fixture fixture;
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {backend.address})});
    auto joined = join(listen, backend);
    REQUIRE(test::becomes_true([&] { return fixture.proxy->stats().connected == 1; }));
    bool const client_leaves = GENERATE(true, false);
    base::Descriptor& leaver = client_leaves ? joined.client : joined.backend;
    lb::reset_on_close(leaver.get());
    leaver = base::Descriptor();
    CHECK(test::ending_of(client_leaves ? joined.backend.get() : joined.client.get()) ==
          Ending::reset);
    CHECK(test::becomes_true([&] { return fixture.proxy->stats().active == 0; }));
}

TEST_CASE("a reader that stops slows its writer, and nothing is lost") {
    auto const backend = test::listen_tcp(test::free_address());
    Fixture fixture;
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {backend.address})});
    auto const joined = join(listen, backend);
    std::string block(100'003, '\0');
    for (std::size_t at = 0; at < block.size(); ++at) {
        block[at] = static_cast<char>(at * 7 + at / 251);
    }
    bool const client_writes = GENERATE(true, false);
    int const writer = client_writes ? joined.client.get() : joined.backend.get();
    int const reader = client_writes ? joined.backend.get() : joined.client.get();
    std::string const stream = [&] {
        std::string out;
        for (int count = 0; count < 200; ++count) {
            out += block;
        }
        return out;
    }();
    std::size_t const sent = fill(writer, stream);
    // What the kernel's buffers hold, not all of the 20 MB.
    CHECK(sent < stream.size());
    ::shutdown(writer, SHUT_WR);
    // The other direction is free meanwhile.
    test::send_text(reader, "still here");
    CHECK(test::receive_text(writer, 10) == "still here");
    bool const unchanged = test::receive_text(reader, sent) == stream.substr(0, sent);
    CHECK(unchanged);
    CHECK(test::ending_of(reader) == Ending::in_order);
}

TEST_CASE("many connections at once") {
    auto const backend = test::listen_tcp(test::free_address(), 1024);
    Fixture fixture;
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {backend.address})});
    std::deque<Joined> all;
    for (int count = 0; count < 150; ++count) {
        all.push_back(join(listen, backend));
    }
    CHECK(fixture.proxy->stats().active == 150);
    for (auto const& joined : all) {
        test::send_text(joined.client.get(), "ping");
    }
    for (auto const& joined : all) {
        REQUIRE(test::receive_text(joined.backend.get(), 4) == "ping");
        test::send_text(joined.backend.get(), "pong");
    }
    for (auto const& joined : all) {
        REQUIRE(test::receive_text(joined.client.get(), 4) == "pong");
    }
    all.clear();
    CHECK(test::becomes_true([&] { return fixture.proxy->stats().active == 0; }));
}

TEST_CASE("a full proxy leaves clients in the queue until a connection ends") {
    auto const backend = test::listen_tcp(test::free_address());
    lb::ProxyConfig config;
    config.connections_max = 2;
    config.bind_retry = base::seconds(60);
    Fixture fixture(config);
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {backend.address})});
    auto first = join(listen, backend);
    auto const second = join(listen, backend);
    auto const third = dialled(listen);
    test::send_text(third.get(), "patient");
    test::send_text(second.client.get(), "ping");
    CHECK(test::receive_text(second.backend.get(), 4) == "ping");
    CHECK(fixture.proxy->stats().accepted == 2);
    first = Joined();
    auto const served = test::accept_on(backend);
    CHECK(test::receive_text(served.get(), 7) == "patient");
}

TEST_CASE("a port in use is reported, harms no other, and is taken when it is free") {
    auto const backend = test::listen_tcp(test::free_address());
    auto const taken = test::free_address();
    auto const free = test::free_address();
    std::optional<test::Socket> occupant = test::listen_tcp(taken);
    lb::ProxyConfig config;
    bool const by_timer = GENERATE(true, false);
    config.bind_retry = by_timer ? base::milliseconds(10) : base::milliseconds(60'000);
    Fixture fixture(config);
    fixture.set({frontend(taken, {backend.address}), frontend(free, {backend.address})});
    auto const problems = fixture.proxy->problems();
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].service == "shop/web");
    CHECK(problems[0].listen == taken);
    CHECK_THAT(problems[0].reason, Catch::EndsWith("/tcp: Address already in use"));
    CHECK(fixture.proxy->stats().bind_failures > 0);
    std::ignore = join(free, backend);
    occupant.reset();
    if (!by_timer) {
        fixture.set({frontend(taken, {backend.address}), frontend(free, {backend.address})});
    }
    CHECK(test::becomes_true([&] { return fixture.proxy->problems().empty(); }));
    std::ignore = join(taken, backend);
}

TEST_CASE("a port of every address stands beside the same port of one") {
    auto const one = test::listen_tcp(test::free_address());
    auto const every = test::listen_tcp(test::free_address());
    Fixture fixture;
    auto const virtual_ip = test::free_address();
    base::SocketAddress const elsewhere{test::free_address().ip, virtual_ip.port};
    auto const any = GENERATE(base::IpAddress::v4(0), base::IpAddress{});
    fixture.set(
        {frontend(virtual_ip, {one.address}), frontend({any, virtual_ip.port}, {every.address})});
    REQUIRE(fixture.proxy->problems().empty());
    std::ignore = join(virtual_ip, one);
    std::ignore = join(elsewhere, every);
}

TEST_CASE("datagrams go to one backend and come back from where they were sent to") {
    std::deque<test::Socket> backends;
    std::vector<base::SocketAddress> addresses;
    for (int at = 0; at < 3; ++at) {
        backends.push_back(test::bind_udp(test::free_address()));
        addresses.push_back(backends.back().address);
    }
    Fixture fixture;
    auto const place = test::free_address();
    int const kind = GENERATE(0, 1, 2);
    auto const listen_ip = kind == 0   ? place.ip
                           : kind == 1 ? base::IpAddress::v4(0)
                                       : base::IpAddress{};
    fixture.set({frontend({listen_ip, place.port}, addresses, lb::Protocol::udp)});
    REQUIRE(fixture.proxy->problems().empty());
    std::map<std::size_t, int> used;
    std::deque<base::Descriptor> clients;
    for (int count = 0; count < 30; ++count) {
        // Connected: it takes answers from this address only.
        auto const& client = clients.emplace_back(test::dial_udp(place));
        for (int turn = 0; turn < 2; ++turn) {
            test::send_text(client.get(), "question");
            std::size_t chosen = backends.size();
            REQUIRE(test::becomes_true([&] {
                for (chosen = 0; chosen < backends.size(); ++chosen) {
                    if (test::readable_now(backends[chosen].fd.get())) {
                        return true;
                    }
                }
                return false;
            }));
            std::byte buffer[100];
            lb::RawAddress from;
            auto const size = ::recvfrom(backends[chosen].fd.get(), buffer, sizeof buffer, 0,
                                         from.get(), &from.size);
            REQUIRE(size == 8);
            ::sendto(backends[chosen].fd.get(), "answer", 6, 0, from.get(), from.size);
            REQUIRE(test::receive_datagram(client.get()) == "answer");
            ++used[chosen];
        }
    }
    CHECK(used.size() == 3);
    for (auto const& [index, count] : used) {
        CHECK(count % 2 == 0);
    }
    CHECK(fixture.proxy->stats().sessions == 30);
    CHECK(test::becomes_true([&] { return fixture.proxy->stats().datagrams == 120; }));
}

TEST_CASE("a session leaves a backend that left the table") {
    auto const first = test::bind_udp(test::free_address());
    auto const second = test::bind_udp(test::free_address());
    Fixture fixture;
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {first.address}, lb::Protocol::udp)});
    auto const client = test::dial_udp(listen);
    test::send_text(client.get(), "one");
    CHECK(test::receive_datagram(first.fd.get()) == "one");
    fixture.set({frontend(listen, {first.address, second.address}, lb::Protocol::udp)});
    CHECK(fixture.proxy->stats().sessions == 1);
    test::send_text(client.get(), "two");
    CHECK(test::receive_datagram(first.fd.get()) == "two");
    fixture.set({frontend(listen, {second.address}, lb::Protocol::udp)});
    CHECK(fixture.proxy->stats().sessions == 0);
    test::send_text(client.get(), "three");
    CHECK(test::receive_datagram(second.fd.get()) == "three");
    fixture.set({});
    CHECK(fixture.proxy->stats().sessions == 0);
}

TEST_CASE("a session passes over a backend that refuses") {
    auto const backend = test::bind_udp(test::free_address());
    Fixture fixture;
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {test::free_address(), test::free_address(), backend.address},
                          lb::Protocol::udp)});
    for (int count = 0; count < 10; ++count) {
        auto const client = test::dial_udp(listen);
        CHECK(test::becomes_true([&] {
            test::send_text(client.get(), "again");
            return test::readable_now(backend.fd.get());
        }));
        while (test::readable_now(backend.fd.get())) {
            std::ignore = test::receive_datagram(backend.fd.get());
        }
    }
}

TEST_CASE("sessions are bounded in time and number, and datagrams without one are counted") {
    auto const backend = test::bind_udp(test::free_address());
    lb::ProxyConfig config;
    config.sessions_max = 1;
    config.udp_idle = base::milliseconds(GENERATE(20, 60'000));
    Fixture fixture(config);
    auto const listen = test::free_address();
    fixture.set({frontend(listen, {}, lb::Protocol::udp)});
    auto const first = test::dial_udp(listen);
    test::send_text(first.get(), "nobody there");
    CHECK(test::becomes_true([&] { return fixture.proxy->stats().dropped == 1; }));
    fixture.set({frontend(listen, {backend.address}, lb::Protocol::udp)});
    test::send_text(first.get(), "one");
    CHECK(test::receive_datagram(backend.fd.get()) == "one");
    auto const second = test::dial_udp(listen);
    if (config.udp_idle > base::seconds(1)) {
        test::send_text(second.get(), "no room");
        CHECK(test::becomes_true([&] { return fixture.proxy->stats().dropped == 2; }));
    } else {
        CHECK(test::becomes_true([&] { return fixture.proxy->stats().sessions == 0; }));
        test::send_text(second.get(), "two");
        CHECK(test::receive_datagram(backend.fd.get()) == "two");
    }
}
