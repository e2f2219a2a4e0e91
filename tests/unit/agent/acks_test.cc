#include "agent/acks.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/unit/agent/fleet.h"

using namespace agent;
using base::milliseconds;
using base::seconds;

namespace {

constexpr base::Instant start{seconds(10)};

std::vector<base::NodeId> peers(std::uint8_t last) {
    std::vector<base::NodeId> out;
    for (std::uint8_t number = 2; number <= last; ++number) {
        out.push_back(node(number));
    }
    return out;
}

std::vector<base::NodeId> asked(AckWaits& waits) {
    std::vector<base::NodeId> out;
    for (AckMessage const& message : waits.take_questions()) {
        out.push_back(message.to);
    }
    return out;
}

Acknowledged outcome_of(Fleet& fleet, std::uint8_t by, Accepted const& accepted,
                        AckTerms const& terms) {
    fleet.acknowledged(by).clear();
    fleet.tell(by, [&](Agent& agent, Effects& out) {
        agent.await_acks(fleet.now, 7, accepted, terms, out);
    });
    REQUIRE(fleet.run_until(seconds(20), [&] { return !fleet.acknowledged(by).empty(); }));
    CHECK(fleet.acknowledged(by).front().request == 7);
    return fleet.acknowledged(by).front();
}

Accepted applied(Fleet& fleet, std::uint8_t by, std::string const& name) {
    Outcome<Accepted> outcome;
    fleet.tell(by, [&](Agent& agent, Effects& out) {
        outcome = agent.apply(fleet.now, {service(name)}, out);
    });
    REQUIRE(outcome.has_value());
    return *outcome;
}

}  // namespace

TEST_CASE("how many hosts are wanted") {
    auto const wanted = [](char const* text, std::size_t alive) {
        AckTerms terms;
        REQUIRE(read_hosts(text, terms));
        CHECK(hosts_text(terms) == text);
        return hosts_wanted(terms, alive);
    };
    CHECK(wanted("usual", 1) == 1);
    CHECK(wanted("usual", 5) == 2);
    CHECK(wanted("local", 5) == 1);
    CHECK(wanted("all", 5) == 5);
    CHECK(wanted("3", 1) == 3);
    AckTerms terms;
    for (char const* const text : {"", "0", "-1", "some", "2 "}) {
        CHECK_FALSE(read_hosts(text, terms));
    }
}

TEST_CASE("as many peers are asked as are missing, and another when one is silent") {
    AckWaits waits(node(1), 100);
    waits.await(start, 1, {{node(1), 5}}, 2, seconds(5), peers(4));
    CHECK(asked(waits) == std::vector{node(2)});
    waits.on_tick(start + AckWaits::ask_again, peers(4));
    CHECK(asked(waits) == std::vector{node(3)});
    waits.on_tick(start + 2 * AckWaits::ask_again, peers(4));
    CHECK(asked(waits) == std::vector{node(4)});
    // Nobody is left: from the beginning again.
    waits.on_tick(start + 3 * AckWaits::ask_again, peers(4));
    CHECK(asked(waits) == std::vector{node(2)});
    CHECK(waits.take_answers().empty());
    waits.on_answer(node(3), {100});
    auto const answers = waits.take_answers();
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].hosts == std::vector{node(1), node(3)});
    CHECK(answers[0].enough());
    CHECK(waits.next_deadline() == base::instant_max);
}

TEST_CASE("the answer of a host that was not asked, or to another question, counts for nothing") {
    AckWaits waits(node(1), 100);
    waits.await(start, 1, {{node(1), 5}}, 2, seconds(5), peers(3));
    waits.on_answer(node(3), {100});
    waits.on_answer(node(2), {99});
    waits.on_answer(node(2), {101});
    CHECK(waits.take_answers().empty());
    waits.on_tick(start + seconds(5), peers(3));
    auto const answers = waits.take_answers();
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].hosts == std::vector{node(1)});
    CHECK_FALSE(answers[0].enough());
}

TEST_CASE("one host counts once") {
    AckWaits waits(node(1), 100);
    waits.await(start, 1, {{node(1), 5}}, 3, seconds(5), peers(3));
    waits.on_answer(node(2), {100});
    waits.on_answer(node(2), {100});
    CHECK(waits.take_answers().empty());
}

TEST_CASE("too many who wait: the oldest is told how far it came") {
    AckWaits waits(node(1), 100);
    for (std::uint64_t request = 1; request <= AckWaits::waits_max + 1; ++request) {
        waits.await(start, request, {{node(1), request}}, 2, seconds(5), peers(2));
    }
    auto const answers = waits.take_answers();
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].request == 1);
}

TEST_CASE("a debt is paid when the write is on the disk, not before") {
    crdt::Map map(node(2));
    crdt::Map other(node(1));
    crdt::Entry const entry = **other.put("a", base::to_bytes("1"));
    AckDebts debts;
    debts.on_question(start, node(1), {5, {entry.dot}});
    debts.update(start, map, 10, 10);
    CHECK(debts.lacking() == std::vector{node(1)});
    CHECK(debts.take_answers().empty());
    REQUIRE(map.merge(entry));
    debts.update(start, map, 10, 11);
    CHECK(debts.lacking().empty());
    CHECK(debts.wait_for(11));
    CHECK(debts.take_answers().empty());
    // What came later does not put it off.
    debts.update(start, map, 10, 12);
    debts.update(start, map, 11, 12);
    auto const answers = debts.take_answers();
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].to == node(1));
    CHECK(decode_ack_answer(answers[0].bytes)->number == 5);
    CHECK(debts.empty());
}

TEST_CASE("debts are bounded and forgotten") {
    crdt::Map const map(node(2));
    AckDebts debts;
    for (std::uint64_t number = 0; number <= AckDebts::debts_max; ++number) {
        debts.on_question(start, node(1), {number, {{node(1), 1}}});
    }
    CHECK(debts.lacking().size() == AckDebts::debts_max);
    debts.on_question(start, node(1), {AckDebts::debts_max, {{node(1), 1}}});
    CHECK(debts.lacking().size() == AckDebts::debts_max);
    debts.update(start + AckDebts::patience, map, 0, 0);
    CHECK(debts.empty());
}

TEST_CASE("questions and answers come back as they were, and nothing else does") {
    AckQuestion const question{7, {{node(1), 3}, {node(2), 1}}};
    base::Bytes const bytes = encode(question);
    CHECK(decode_ack_question(bytes)->dots == question.dots);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK_FALSE(decode_ack_question(base::ByteView(bytes).first(size)).has_value());
    }
    CHECK_FALSE(decode_ack_question(encode(AckQuestion{7, {{node(2), 1}, {node(1), 3}}})));
    CHECK(decode_ack_answer(encode(AckAnswer{9}))->number == 9);
    CHECK_FALSE(decode_ack_answer(bytes).has_value());
}

TEST_CASE("a change is acknowledged by another host, by all, or by this one alone") {
    Fleet fleet(4);
    fleet.run(seconds(3));
    Accepted const accepted = applied(fleet, 1, "web");
    CHECK(outcome_of(fleet, 1, accepted, {}).hosts.size() == 2);
    CHECK(outcome_of(fleet, 1, accepted, {.hosts = AckTerms::Hosts::all}).hosts.size() == 4);
    CHECK(outcome_of(fleet, 1, accepted, {.hosts = AckTerms::Hosts::local}).hosts.size() == 1);
    // What was there already is as safe as what is new.
    Accepted const again = applied(fleet, 1, "web");
    CHECK(again.changed.empty());
    CHECK(outcome_of(fleet, 1, again, {}).enough());
}

TEST_CASE("a host that is alone says so at once, and one that is cut off when its time is over") {
    Fleet fleet(2);
    fleet.run(seconds(3));
    Accepted const accepted = applied(fleet, 1, "web");
    fleet.part({1});
    base::Instant const before = fleet.now;
    AckTerms const two{.hosts = AckTerms::Hosts::count, .count = 2, .timeout = seconds(2)};
    Acknowledged const late = outcome_of(fleet, 1, accepted, two);
    CHECK_FALSE(late.enough());
    CHECK(late.hosts == std::vector{node(1)});
    CHECK(fleet.now - before >= seconds(2));
    REQUIRE(fleet.run_until(seconds(20), [&] { return fleet.status(1).nodes_alive == 1; }));
    CHECK(outcome_of(fleet, 1, accepted, {}).enough());
}

TEST_CASE("no host acknowledges what its disk has refused") {
    Fleet fleet(2);
    fleet.run(seconds(3));
    fleet.break_disk(2, true);
    Accepted const accepted = applied(fleet, 1, "web");
    fleet.run(milliseconds(500));
    REQUIRE(fleet.at(2).map().value(service_entry("shop/web")) != nullptr);
    AckTerms const brief{.timeout = seconds(2)};
    CHECK_FALSE(outcome_of(fleet, 1, accepted, brief).enough());
    fleet.break_disk(2, false);
    CHECK(outcome_of(fleet, 1, accepted, brief).enough());
}
