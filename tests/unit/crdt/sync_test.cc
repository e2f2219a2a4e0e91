#include "crdt/sync.h"

#include <algorithm>
#include <deque>

#include <catch2/catch.hpp>

#include "crdt/message.h"
#include "tests/unit/crdt/replicas.h"

namespace crdt {
namespace {

base::Instant at(std::int64_t milliseconds) {
    return base::Instant(base::milliseconds(milliseconds));
}

struct Host {
    Map map;
    Sync sync;
    SyncEffects out;

    Host(std::uint8_t number, SyncConfig config, std::uint64_t seed)
        : map(node(number)), sync(node(number), config, base::Prng(seed + number)) {}
};

// Hosts numbered from 1 and the messages between them, delivered in random order and sometimes not.
struct World {
    base::Prng prng;
    std::vector<Host> hosts;
    std::vector<std::pair<base::NodeId, Send>> wire;
    std::vector<base::NodeId> peers;
    double loss = 0;
    std::size_t datagram_bytes = 0, stream_bytes = 0, largest = 0;

    World(std::uint8_t count, std::uint64_t seed, SyncConfig config = {}) : prng(seed) {
        for (std::uint8_t i = 1; i <= count; ++i) {
            hosts.emplace_back(i, config, seed);
            peers.push_back(node(i));
        }
    }

    Host& host(base::NodeId id) { return hosts.at(id.bytes.back() - 1U); }

    void collect(Host& host, base::NodeId from) {
        for (Send& send : host.out.sends) {
            (send.channel == Channel::datagram ? datagram_bytes : stream_bytes) +=
                send.bytes.size();
            largest = std::max(largest, send.bytes.size());
            if (!prng.chance(loss)) {
                wire.emplace_back(from, std::move(send));
            }
        }
        host.out.sends.clear();
    }

    void deliver_all(base::Instant now) {
        for (int count = 0; !wire.empty(); ++count) {
            REQUIRE(count < 100'000);
            std::swap(wire[prng.below(wire.size())], wire.back());
            auto const [from, send] = std::move(wire.back());
            wire.pop_back();
            Host& to = host(send.to);
            REQUIRE(to.sync.on_message(now, from, send.bytes, to.map, to.out));
            collect(to, send.to);
        }
    }

    void tick(base::Instant now) {
        for (base::NodeId const id : peers) {
            host(id).sync.on_tick(now, peers, host(id).map, host(id).out);
            collect(host(id), id);
        }
        deliver_all(now);
    }

    bool converged() {
        return std::ranges::all_of(peers, [&](base::NodeId id) {
            return host(id).map.canonical() == host(peers[0]).map.canonical() &&
                   host(id).map.digest() == host(peers[0]).map.digest();
        });
    }
};

TEST_CASE("hosts converge in spite of loss, and then exchange digests only") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        INFO("seed " << seed);
        World world(6, seed, {.chunk_bytes = 150});
        world.loss = 0.3;
        std::int64_t now = 0;
        for (int round = 0; round < 30; ++round, now += 500) {
            for (Host& host : world.hosts) {
                random_write(host.map, world.prng);
            }
            world.tick(at(now));
        }
        // One host dies for good.
        world.peers.erase(world.peers.begin());
        for (int round = 0; round < 200 && !world.converged(); ++round, now += 500) {
            world.tick(at(now));
        }
        REQUIRE(world.converged());
        world.datagram_bytes = world.stream_bytes = 0;
        now += 10'000;
        world.tick(at(now));
        REQUIRE(world.stream_bytes == 0);
        REQUIRE(world.datagram_bytes == world.peers.size() * 10);
    }
}

TEST_CASE("one exchange leaves both sides with everything, whoever starts it") {
    World world(2, 1);
    Host& one = world.hosts[0];
    Host& two = world.hosts[1];
    put(one.map, "a", "1");
    put(two.map, "b", "2");
    one.sync.pull(at(0), node(2), one.map, one.out);
    world.collect(one, node(1));
    world.deliver_all(at(0));
    CHECK(world.converged());
    CHECK(text(one.map, "b") == "2");
    CHECK(one.out.changed == std::vector<std::string>{"b"});
    CHECK(two.out.changed == std::vector<std::string>{"a"});
    CHECK(one.out.advanced);
    CHECK(two.out.advanced);
}

TEST_CASE("a joiner pulls chunk by chunk, each within the bound") {
    World world(2, 1, {.chunk_bytes = std::size_t{1} << 30});
    for (int i = 0; i < 12; ++i) {
        put(world.hosts[0].map, std::to_string(i), std::string(value_max, 'x'));
    }
    Host& joiner = world.hosts[1];
    joiner.sync.pull(at(0), node(1), joiner.map, joiner.out);
    joiner.sync.pull(at(0), node(1), joiner.map, joiner.out);
    CHECK(joiner.out.sends.size() == 1);
    world.collect(joiner, node(2));
    world.deliver_all(at(0));
    CHECK(world.converged());
    CHECK(joiner.out.changed.size() == 12);
    CHECK(world.largest > 256 * 1024);
    CHECK(world.largest <= message_max);
}

TEST_CASE("the largest possible pull and answer fit into a message") {
    Map map(node(1));
    for (std::size_t i = 0; i < origins_max; ++i) {
        base::NodeId id;
        id.bytes[0] = static_cast<std::uint8_t>(i >> 8);
        id.bytes[1] = static_cast<std::uint8_t>(i);
        map.raise(id, counter_max - 1);
    }
    for (std::size_t i = 0; i < ahead_max + 10; ++i) {
        base::NodeId id;
        id.bytes.fill(static_cast<std::uint8_t>(255 - i % 200));
        Entry entry = first_write(std::to_string(i), "x", 1, counter_max - i);
        entry.stamp.writer = entry.dot.origin = id;
        REQUIRE(map.merge(entry));
    }
    CHECK(map.version().origins().size() == origins_max);
    Pull const pull{.from = map.version(), .ahead = map.ahead(map.version())};
    CHECK(pull.ahead.size() == ahead_max);
    base::Bytes const bytes = encode(Message(pull));
    CHECK(bytes.size() < message_max / 4);
    CHECK(decode_message(bytes));
}

TEST_CASE("what no version tells is found by its digest, and everything is asked for") {
    // Host 1 told host 2 of a write that its failing disk then lost, and closed the gap.
    World world(2, 7, {});
    Host& lost = world.hosts[0];
    Host& heard = world.hosts[1];
    Map before(node(1));
    auto const write = before.put("instance", base::to_bytes("phantom"));
    REQUIRE(write);
    REQUIRE(heard.map.merge(**write));
    lost.map.raise(node(1), 1);
    REQUIRE(lost.map.version() == heard.map.version());
    std::int64_t now = 0;
    for (; now < 10'000 && !world.converged(); now += 500) {
        world.tick(at(now));
    }
    CHECK(world.converged());
    CHECK(lost.map.value("instance") != nullptr);
}

TEST_CASE("equal hosts answer a digest with silence") {
    World world(2, 1);
    world.tick(at(0));
    CHECK(world.stream_bytes == 0);
    CHECK(world.datagram_bytes == 20);
}

TEST_CASE("a digest goes out once an interval, not to ourselves, and not without peers") {
    Host host(1, {}, 1);
    std::vector<base::NodeId> const only_us{node(1)};
    host.sync.on_tick(at(0), only_us, host.map, host.out);
    CHECK(host.out.sends.empty());
    std::vector<base::NodeId> const both{node(1), node(2)};
    host.sync.on_tick(host.sync.next_deadline(), both, host.map, host.out);
    REQUIRE(host.out.sends.size() == 1);
    CHECK(host.out.sends[0].to == node(2));
    CHECK(host.out.sends[0].channel == Channel::datagram);
    base::Instant const next = host.sync.next_deadline();
    host.sync.on_tick(next - base::nanoseconds(1), both, host.map, host.out);
    CHECK(host.out.sends.size() == 1);
    host.sync.on_tick(next, both, host.map, host.out);
    CHECK(host.out.sends.size() == 2);
}

TEST_CASE("a pull without an answer is given up and can be made again") {
    Host host(1, {}, 1);
    host.sync.on_tick(at(0), {}, host.map, host.out);
    host.sync.pull(at(0), node(2), host.map, host.out);
    host.sync.on_tick(at(4999), {}, host.map, host.out);
    CHECK(host.sync.next_deadline() == at(5000));
    host.sync.pull(at(4999), node(2), host.map, host.out);
    CHECK(host.out.sends.size() == 1);
    host.sync.on_tick(at(5000), {}, host.map, host.out);
    host.sync.pull(at(5000), node(2), host.map, host.out);
    CHECK(host.out.sends.size() == 2);
}

TEST_CASE("pulls at a time are bounded") {
    Host host(1, {}, 1);
    for (std::uint8_t peer = 1; peer < 20; ++peer) {
        host.sync.pull(at(0), node(peer), host.map, host.out);
    }
    CHECK(host.out.sends.size() == pulls_max);
}

// A host that has sent a pull to host 2.
struct Asking : Host {
    Pull pull;

    Asking() : Host(1, {}, 1) {
        sync.pull(at(0), node(2), map, out);
        pull = std::get<Pull>(*decode_message(out.sends.at(0).bytes));
        out = {};
    }

    std::expected<void, Errc> hear(Map::Delta delta, std::uint8_t from = 2,
                                   std::uint64_t twist = 0) {
        Answer answer{.question = question_of(pull) ^ twist, .delta = std::move(delta)};
        return sync.on_message(at(1), node(from), encode(Message(std::move(answer))), map, out);
    }
};

Map::Delta delta_of(std::vector<Entry> entries, bool complete = true) {
    Map::Delta delta{.entries = std::move(entries), .covered = {}, .complete = complete};
    delta.covered.raise(node(3), 7);
    return delta;
}

TEST_CASE("only the answer to our own question is taken") {
    Asking host;
    auto const entries = std::vector{first_write("a", "x", 3, 5)};
    SECTION("another host's") {
        CHECK(host.hear(delta_of(entries), 4));
    }
    SECTION("to another question") {
        CHECK(host.hear(delta_of(entries), 2, 1));
    }
    SECTION("after giving up") {
        host.sync.on_tick(at(5000), {}, host.map, host.out);
        CHECK(host.hear(delta_of(entries)));
    }
    CHECK(host.map.size() == 0);
    CHECK(host.map.version() == VersionVector{});
}

TEST_CASE("the version rises with the last chunk only") {
    Asking host;
    REQUIRE(host.hear(delta_of({first_write("a", "x", 3, 5)}, false)));
    CHECK(text(host.map, "a") == "x");
    CHECK_FALSE(host.out.advanced);
    REQUIRE(host.out.sends.size() == 1);
    host.pull = std::get<Pull>(*decode_message(host.out.sends[0].bytes));
    CHECK(host.pull.from.of(node(3)) == 7);
    REQUIRE(host.hear(delta_of({first_write("b", "y", 3, 6)})));
    CHECK(host.out.advanced);
    CHECK(host.map.version().of(node(3)) == 7);
}

TEST_CASE("a peer that promises more and brings nothing is not asked again") {
    Asking host;
    REQUIRE(host.hear({.entries = {}, .covered = {}, .complete = false}));
    CHECK(host.out.sends.empty());
    host.sync.pull(at(1), node(2), host.map, host.out);
    CHECK(host.out.sends.size() == 1);
}

TEST_CASE("writes beyond a gap are all handed on, also past one that the puller has replaced") {
    World world(2, 1, {.chunk_bytes = 1});
    Host& one = world.hosts[0];
    Host& two = world.hosts[1];
    for (std::uint64_t sequence = 2; sequence < 9; ++sequence) {
        Entry const entry = first_write(std::to_string(sequence), "x", 9, sequence);
        REQUIRE(one.map.merge(entry));
        if (sequence < 4) {
            REQUIRE(two.map.merge(entry));
            put(two.map, entry.key, "y");
        }
    }
    two.sync.pull(at(0), node(1), two.map, two.out);
    // Only this way: what is pulled back would hide it.
    while (!two.out.sends.empty()) {
        SyncEffects answer;
        auto const bytes = std::move(two.out.sends.back().bytes);
        two.out.sends.clear();
        Sync responder(node(1), {.chunk_bytes = 1}, base::Prng(1));
        REQUIRE(responder.on_message(at(0), node(2), bytes, one.map, answer));
        REQUIRE(two.sync.on_message(at(0), node(1), answer.sends.at(0).bytes, two.map, two.out));
    }
    CHECK(text(two.map, "8") == "x");
    CHECK(text(two.map, "2") == "y");
    CHECK(two.map.size() == 7);
}

TEST_CASE("a bad entry ends the exchange, what came before it stays") {
    Asking host;
    std::string const foreign = "node/" + base::to_string(node(9)) + "/facts";
    auto const heard =
        host.hear(delta_of({first_write("a", "x", 3, 5), first_write(foreign, "y", 3, 6)}));
    REQUIRE_FALSE(heard);
    CHECK(heard.error() == Errc::not_the_writer);
    CHECK(host.out.changed == std::vector<std::string>{"a"});
    CHECK(host.map.version() == VersionVector{});
}

TEST_CASE("an entry that loses is not reported as a change") {
    Asking host;
    put(host.map, "a", "1");
    put(host.map, "a", "2");
    REQUIRE(host.hear(delta_of({first_write("a", "x", 3, 5), first_write("b", "x", 3, 6)})));
    CHECK(host.out.changed == std::vector<std::string>{"b"});
    CHECK(host.map.conflicts().all().size() == 1);
}

TEST_CASE("what is no message is refused") {
    Asking host;
    std::vector<base::Bytes> bad;
    for (Message const& good :
         {Message(Digest{.value = 1}), Message(host.pull),
          Message(Answer{.question = 1, .delta = delta_of({first_write("a", "x", 3, 5)})})}) {
        base::Bytes const bytes = encode(good);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            bad.emplace_back(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        }
        bad.push_back(bytes);
        bad.back().push_back(std::byte{1});
        bad.push_back(bytes);
        bad.back()[0] = std::byte{2};
        bad.push_back(bytes);
        bad.back()[1] = std::byte{9};
    }
    bad.emplace_back(message_max + 1);
    std::size_t accepted = 0;
    for (base::Bytes const& bytes : bad) {
        accepted += host.sync.on_message(at(0), node(3), bytes, host.map, host.out).has_value();
    }
    // An answer may end after its covered vector, in front of its first entry.
    CHECK(accepted == 1);
    CHECK(host.map.size() == 0);
    CHECK_FALSE(
        host.sync.on_message(at(0), node(1), encode(Message(Digest{})), host.map, host.out));
    CHECK(host.out.sends.empty());
}

}  // namespace
}  // namespace crdt
