// The parts of the machine one by one: the queue of news, the table of members, suspicions.
#include <algorithm>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

#include "gossip/broadcast_queue.h"
#include "gossip/membership.h"
#include "gossip/suspicion.h"
#include "tests/unit/gossip/records.h"

using gossip::BroadcastQueue;
using gossip::Change;
using gossip::Intent;
using gossip::Judgement;
using gossip::Membership;
using gossip::Message;
using gossip::Record;
using gossip::State;
using gossip_test::draft;
using gossip_test::host_address;
using gossip_test::node_id;
using gossip_test::record;
using gossip_test::signed_by;
using Kind = gossip::BroadcastQueue::Kind;

namespace {

base::Instant const now{base::seconds(100)};

base::Bytes payload(char const* text) {
    return gossip::encode(gossip::Broadcast{base::to_bytes(text)});
}

// The payloads of the next packet.
std::vector<std::string> next_packet(BroadcastQueue& queue, std::size_t size_max = 1200,
                                     int retransmits = 100) {
    gossip::PacketWriter packet(size_max);
    queue.fill(packet, retransmits, {});
    std::vector<std::string> texts;
    auto const messages = gossip::decode(packet.take());
    REQUIRE(messages);
    for (Message const& message : *messages) {
        texts.emplace_back(base::as_text(std::get<gossip::Broadcast>(message).bytes));
    }
    return texts;
}

using Texts = std::vector<std::string>;

// Host 0's table.
struct Table {
    Membership members{{node_id(0), "", host_address(0), 1, {}, 0}};
    base::Prng prng{1};
    std::vector<Change> changes;

    bool take(Record const& news) {
        changes.clear();
        bool const is_news = members.is_news(news);
        if (is_news) {
            members.take(now, news, gossip::encode(news), Judgement::trusted, prng, changes);
        }
        return is_news;
    }

    void judge(int host, Judgement judgement) {
        changes.clear();
        members.judge(now, *members.find(node_id(host)), judgement, prng, changes);
    }

    State state(int host) { return members.find(node_id(host))->member->state; }
};

gossip::Suspicion suspicion(int host, base::Duration shortest, base::Duration longest) {
    return {.member = node_id(host),
            .incarnation = 1,
            .started = now,
            .time_min = shortest,
            .time_max = longest,
            .confirmations_wanted = 2,
            .accusers = {node_id(90)},
            .answered = false,
            .deadline = {}};
}

}  // namespace

TEST_CASE("what was sent least goes first, and of that the newest") {
    BroadcastQueue queue(10);
    queue.put(Kind::payload, "a", payload("a"));
    queue.put(Kind::payload, "b", payload("b"));
    CHECK(next_packet(queue) == Texts{"b", "a"});
    queue.put(Kind::payload, "c", payload("c"));
    queue.put(Kind::member, "m", payload("m"));
    CHECK(next_packet(queue) == Texts{"m", "c", "b", "a"});
}

TEST_CASE("an update goes into packets as often as it should, then is dropped") {
    BroadcastQueue queue(10);
    queue.put(Kind::payload, "a", payload("a"));
    for (int sent = 0; sent < 3; ++sent) {
        CHECK(next_packet(queue, 1200, 3) == Texts{"a"});
    }
    CHECK(queue.empty());
}

TEST_CASE("an update replaces the one of the same kind and name") {
    BroadcastQueue queue(10);
    queue.put(Kind::payload, "a", payload("old"));
    queue.put(Kind::member, "a", payload("member"));
    queue.put(Kind::payload, "a", payload("new"));
    CHECK(next_packet(queue) == Texts{"member", "new"});
    queue.withdraw(Kind::member, "a");
    CHECK(next_packet(queue) == Texts{"new"});
}

TEST_CASE("a full queue drops what was sent most, payloads first") {
    BroadcastQueue queue(3);
    CHECK(queue.put(Kind::member, "m", payload("m")));
    CHECK(queue.put(Kind::payload, "a", payload("a")));
    next_packet(queue);
    CHECK(queue.put(Kind::payload, "b", payload("b")));
    CHECK_FALSE(queue.put(Kind::payload, "c", payload("c")));
    CHECK(queue.size() == 3);
    CHECK(next_packet(queue) == Texts{"m", "c", "b"});
}

TEST_CASE("an update too large for the room left gives way to a smaller one") {
    BroadcastQueue queue(10);
    queue.put(Kind::payload, "small", payload("small"));
    queue.put(Kind::payload, "large", payload("a text of some length"));
    CHECK(next_packet(queue, 20) == Texts{"small"});
    CHECK(next_packet(queue).front() == "a text of some length");
}

TEST_CASE("of two records the one of the higher incarnation is taken") {
    Table table;
    CHECK(table.take(record(1, 5)));
    CHECK(table.changes.size() == 1);
    CHECK_FALSE(table.changes[0].before);
    CHECK_FALSE(table.take(record(1, 5)));
    CHECK_FALSE(table.take(record(1, 4, Intent::leaving)));
    CHECK(table.state(1) == State::alive);
    CHECK(table.take(record(1, 6, Intent::leaving)));
    CHECK(table.state(1) == State::leaving);
}

TEST_CASE("hosts that hear the same records in any order agree") {
    base::Prng prng(1);
    for (int round = 0; round < 200; ++round) {
        std::vector<Record> records;
        for (int i = 0; i < 6; ++i) {
            Record fields = draft(1, 1 + prng.below(3));
            fields.intent = static_cast<Intent>(prng.below(5));
            fields.address = host_address(static_cast<int>(10 + prng.below(3)));
            records.push_back(signed_by(1, std::move(fields)));
        }
        Table one;
        Table other;
        for (Record const& said : records) {
            one.take(said);
        }
        prng.shuffle(std::span(records));
        for (Record const& said : records) {
            other.take(said);
        }
        CHECK(one.members.find(node_id(1))->record == other.members.find(node_id(1))->record);
        CHECK(one.state(1) == other.state(1));
    }
}

TEST_CASE("a judgement is of one incarnation, and what a member says of itself shows through") {
    Table table;
    table.take(record(1, 1));
    table.judge(1, Judgement::suspect);
    CHECK(table.state(1) == State::suspect);
    table.judge(1, Judgement::down);
    CHECK(table.state(1) == State::down);
    CHECK(table.members.live_count() == 0);
    CHECK(table.members.down().contains(node_id(1)));
    table.take(record(1, 2));
    CHECK(table.state(1) == State::alive);
    CHECK(table.members.live_count() == 1);
    CHECK(table.members.down().empty());
    table.judge(1, Judgement::refused);
    CHECK(table.state(1) == State::restarting);
    CHECK(table.members.held().contains(node_id(1)));
    table.take(record(1, 3, Intent::unsteady));
    CHECK(table.state(1) == State::unsteady);
    table.judge(1, Judgement::suspect);
    CHECK(table.state(1) == State::unsteady);
    table.take(record(1, 4, Intent::leaving));
    table.judge(1, Judgement::down);
    CHECK(table.state(1) == State::left);
    // It may only have been cut off.
    CHECK(table.members.down().contains(node_id(1)));
}

TEST_CASE("what is remembered is down, and yields to any record") {
    Table table;
    gossip::Member known;
    known.id = node_id(1);
    known.incarnation = 7;
    known.state = State::alive;
    table.members.remember(now, known);
    known.id = node_id(2);
    known.state = State::left;
    table.members.remember(now, known);
    CHECK(table.state(1) == State::down);
    CHECK(table.state(2) == State::left);
    CHECK(table.members.down() == std::set{node_id(1)});
    CHECK(table.take(record(1, 1)));
    CHECK(table.state(1) == State::alive);
}

TEST_CASE("a member that was thrown out stays so whatever it says") {
    Table table;
    table.take(record(1, 1));
    table.members.evict(now, node_id(1), table.prng, table.changes);
    CHECK(table.state(1) == State::evicted);
    CHECK(table.members.live_count() == 0);
    table.take(record(1, 2));
    CHECK(table.state(1) == State::evicted);
    table.members.readmit(now, node_id(1), table.prng, table.changes);
    CHECK(table.state(1) == State::down);
}

TEST_CASE("a round probes every live member once, and rounds differ") {
    Table table;
    for (int host = 1; host <= 20; ++host) {
        table.take(record(host));
    }
    table.judge(5, Judgement::down);
    auto const next = [&] { return table.members.next_probe(table.prng)->member->id; };
    auto const round = [&] {
        std::vector<base::NodeId> order;
        for (int i = 0; i < 19; ++i) {
            order.push_back(next());
        }
        return order;
    };
    while (next() != node_id(1)) {
    }
    // Wherever the round stood: of any 2n - 1 probes each member gets one (SWIM, section 4.3).
    std::set<base::NodeId> probed;
    for (int i = 0; i < 37; ++i) {
        probed.insert(next());
    }
    CHECK(probed.size() == 19);
    CHECK_FALSE(probed.contains(node_id(5)));
    CHECK(round() != round());
}

TEST_CASE("members that come and go in the middle of a round disturb nobody else's turn") {
    base::Prng prng(4);
    for (int round = 0; round < 100; ++round) {
        Table table;
        table.prng = base::Prng(prng.next());
        for (int host = 1; host <= 12; ++host) {
            table.take(record(host));
        }
        std::set<base::NodeId> probed;
        for (std::uint64_t i = prng.below(12); i > 0; --i) {
            probed.insert(table.members.next_probe(table.prng)->member->id);
        }
        for (int host = 1; host <= 6; ++host) {
            table.judge(host, prng.chance(0.5) ? Judgement::down : Judgement::suspect);
        }
        for (int host = 20; host < 23; ++host) {
            table.take(record(host));
        }
        // The rest of the round, and the next.
        for (std::size_t i = 0; i < 2 * table.members.live_count(); ++i) {
            probed.insert(table.members.next_probe(table.prng)->member->id);
        }
        for (int host = 1; host < 23; ++host) {
            bool const live = (host <= 12 || host >= 20) && table.state(host) != State::down;
            CHECK((!live || probed.contains(node_id(host))));
        }
    }
}

TEST_CASE("a sample has no repeats, no excluded member and nobody who is gone") {
    Table table;
    for (int host = 1; host <= 5; ++host) {
        table.take(record(host, 1, host == 5 ? Intent::left : Intent::running));
    }
    for (int i = 0; i < 50; ++i) {
        auto const sample = table.members.sample(table.prng, 10, node_id(2));
        std::set<gossip::Peer*> const unique(sample.begin(), sample.end());
        CHECK(unique.size() == 3);
        CHECK(sample.size() == 3);
    }
    CHECK(table.members.sample(table.prng, 2, {}).size() == 2);
}

TEST_CASE("a suspicion expires once, and one about a later incarnation replaces it") {
    gossip::Suspicions suspicions;
    suspicions.start(suspicion(1, base::seconds(1), base::seconds(1)));
    gossip::Suspicion later = suspicion(1, base::seconds(2), base::seconds(2));
    later.incarnation = 2;
    suspicions.start(later);
    CHECK_FALSE(suspicions.take_expired(now + base::seconds(1)));
    CHECK(suspicions.next_deadline() == now + base::seconds(2));
    suspicions.postpone(base::seconds(1));
    auto const expired = suspicions.take_expired(now + base::seconds(3));
    REQUIRE(expired);
    CHECK(expired->incarnation == 2);
    CHECK_FALSE(suspicions.take_expired(now + base::seconds(9)));
    CHECK(suspicions.next_deadline() == base::instant_max);
}

TEST_CASE("each new accuser shortens a suspicion, the same one twice does not") {
    gossip::Suspicions suspicions;
    suspicions.start(suspicion(1, base::seconds(1), base::seconds(6)));
    CHECK(suspicions.next_deadline() == now + base::seconds(6));
    CHECK_FALSE(suspicions.confirm(node_id(1), node_id(90)));
    CHECK(suspicions.next_deadline() == now + base::seconds(6));
    CHECK(suspicions.confirm(node_id(1), node_id(91)));
    base::Instant const shorter = suspicions.next_deadline();
    CHECK(shorter < now + base::seconds(6));
    CHECK(suspicions.confirm(node_id(1), node_id(92)));
    CHECK(suspicions.next_deadline() == now + base::seconds(1));
    CHECK_FALSE(suspicions.confirm(node_id(1), node_id(93)));
    CHECK_FALSE(suspicions.confirm(node_id(2), node_id(93)));
}

TEST_CASE("a suspect that answers is let be, and has its time anew when it ceases") {
    gossip::Suspicions suspicions;
    suspicions.start(suspicion(1, base::seconds(1), base::seconds(6)));
    suspicions.confirm(node_id(1), node_id(91));
    suspicions.confirm(node_id(1), node_id(92));
    suspicions.on_answer(now, node_id(1));
    CHECK(suspicions.next_deadline() == now + base::seconds(6));
    suspicions.on_silence(now + base::seconds(2), node_id(1));
    CHECK(suspicions.next_deadline() == now + base::seconds(3));
    suspicions.on_answer(now + base::seconds(2), node_id(1));
    auto const expired = suspicions.take_expired(now + base::seconds(8));
    REQUIRE(expired);
    CHECK(expired->answered);
}
