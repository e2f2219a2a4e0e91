// ./dev bench state: the shared state, as tables for docs/benchmarks.md.
#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <malloc.h>

#include "agent/records.h"
#include "base/check.h"
#include "base/text.h"
#include "crdt/map.h"
#include "crdt/sync.h"
#include "tests/bench/table.h"
#include "tests/sim/world.h"

namespace {

using base::concat;
using bench::number;
using Clock = std::chrono::steady_clock;

constexpr std::size_t origins = 1000;
constexpr std::size_t entries = 20'000;
constexpr double link_bytes_per_second = 100e6 / 8;
constexpr double one_way_seconds = 0.0005;
// As sealed frames over TCP carry it: 16 bytes of seal for 16 KiB, 40 of headers for 1,460.
constexpr double overhead = 1.03;

base::NodeId node(std::size_t number) {
    base::NodeId id;
    std::uint64_t const word = base::mix(number + 1);
    for (std::size_t at = 0; at < id.bytes.size(); ++at) {
        id.bytes[at] = static_cast<std::uint8_t>(word >> (8 * (at % 8)));
    }
    return id;
}

double since(Clock::time_point began) {
    return std::chrono::duration<double>(Clock::now() - began).count();
}

// As instance records are: about 150 bytes.
crdt::Entry record(std::size_t origin, std::uint64_t sequence, std::uint64_t counter,
                   std::size_t size) {
    base::NodeId const id = node(origin);
    return {.key = agent::instance_entry(id, concat("shop/web", sequence), 1),
            .value = base::Bytes(size, std::byte{'x'}),
            .stamp = {counter, id},
            .replaced = {counter - 1, counter > 1 ? id : base::NodeId()},
            .dot = {id, sequence + (counter - 1) * entries}};
}

crdt::Map fleet_state() {
    crdt::Map map(node(0));
    for (std::size_t at = 0; at < entries; ++at) {
        CHECK(map.merge(record(at % origins, at / origins + 1, 1, 150)).has_value());
    }
    return map;
}

struct Exchange {
    double seconds = 0;  // on the link, one message after the other
    std::size_t bytes = 0;
    std::size_t messages = 0;
};

// All that two hosts have to say to each other.
Exchange converse(crdt::Sync& one, crdt::Map& first, crdt::Sync& two, crdt::Map& second,
                  crdt::SyncEffects opening) {
    Exchange out;
    std::deque<std::pair<bool, base::Bytes>> moving;
    auto const send = [&](bool to_second, crdt::SyncEffects& effects) {
        for (crdt::Send& each : effects.sends) {
            moving.emplace_back(to_second, std::move(each.bytes));
        }
        effects = {};
    };
    send(true, opening);
    while (!moving.empty()) {
        auto const [to_second, bytes] = std::move(moving.front());
        moving.pop_front();
        ++out.messages;
        out.bytes += bytes.size();
        out.seconds +=
            one_way_seconds + static_cast<double>(bytes.size()) * overhead / link_bytes_per_second;
        crdt::SyncEffects effects;
        auto const took = to_second ? two.on_message({}, node(origins), bytes, second, effects)
                                    : one.on_message({}, node(0), bytes, first, effects);
        CHECK(took.has_value());
        send(!to_second, effects);
    }
    return out;
}

void measure_joining() {
    bench::title(concat("Sync of ", entries, " entries of ", origins, " origins"));
    crdt::Map fleet = fleet_state();
    crdt::Map joiner(node(origins), 1);
    crdt::Sync member(node(0), {}, base::Prng(1));
    crdt::Sync fresh(node(origins), {}, base::Prng(2));
    crdt::SyncEffects opening;
    auto const began = Clock::now();
    fresh.pull({}, node(0), joiner, opening);
    Exchange const joined = converse(fresh, joiner, member, fleet, std::move(opening));
    double const computing = since(began);
    CHECK(joiner.digest() == fleet.digest());
    double const total = joined.seconds + computing;
    bench::row("a joiner is current, on 100 Mb/s with 1 ms there and back",
               concat(number(total, 2), " s: ", number(joined.seconds, 2), " s on the link, ",
                      number(computing, 2), " s of one core on both hosts"),
               {.text = "< 2 s", .met = total < 2});
    bench::row("bytes of it", concat(number(static_cast<double>(joined.bytes) / 1e6, 2), " MB in ",
                                     joined.messages, " messages"));
    crdt::SyncEffects idle;
    std::vector<base::NodeId> const peers{node(0)};
    fresh.on_tick(base::Instant(base::seconds(60)), peers, joiner, idle);
    Exchange const quiet = converse(fresh, joiner, member, fleet, std::move(idle));
    bench::row("an idle pair, each time", concat(quiet.bytes, " bytes"),
               {.text = "< 1,000 bytes", .met = quiet.bytes < 1000});
    CHECK(fleet.put("service/shop/web", base::Bytes(500)).has_value());
    crdt::SyncEffects news;
    fresh.pull({}, node(0), joiner, news);
    Exchange const one = converse(fresh, joiner, member, fleet, std::move(news));
    bench::row("one entry that gossip lost",
               concat(one.bytes, " bytes in ", one.messages, " messages"));
}

void measure_merging() {
    bench::title("Merging, one core");
    constexpr std::size_t count = 100'000;
    constexpr std::uint64_t rounds = 5;
    std::vector<std::vector<crdt::Entry>> made(rounds);
    for (std::uint64_t round = 0; round < rounds; ++round) {
        for (std::size_t at = 0; at < count; ++at) {
            made[round].push_back(record(at % origins, at / origins + 1, round + 1, 16));
        }
    }
    auto map = std::make_unique<crdt::Map>(node(origins));
    for (std::uint64_t round = 0; round < rounds; ++round) {
        auto const began = Clock::now();
        for (crdt::Entry& entry : made[round]) {
            CHECK(map->merge(std::move(entry)).has_value());
        }
        double const rate = static_cast<double>(count) / since(began) / 1e6;
        bench::row(round == 0 ? "new keys" : concat("replaced, round ", round),
                   concat(number(rate, 2), " million/s"),
                   {.text = "> 1 million/s", .met = rate > 1});
    }
}

void measure_memory() {
    bench::title("Memory");
    std::size_t const before = ::mallinfo2().uordblks;
    crdt::Map const map = fleet_state();
    std::size_t const held = ::mallinfo2().uordblks - before;
    bench::row("an entry with a key of 58 and a value of 150 bytes",
               concat(held / map.size(), " bytes"));
}

void measure_spreading() {
    bench::title("An apply reaches all of 5 hosts, simulated");
    sim::World world(1, 5);
    world.boot();
    world.run_for(base::seconds(5));
    std::vector<double> took;
    for (std::uint32_t round = 1; round <= 100; ++round) {
        spec::ServiceSpec service;
        service.project = "shop";
        service.name = concat("web", round);
        service.image = "busybox";
        std::size_t const by = round % 5;
        world.apply(by, service);
        auto const known = [&] {
            return std::ranges::all_of(world.hosts(), [&](auto const& host) {
                return host->agent->map().value(agent::service_entry(spec::service_key(service))) !=
                       nullptr;
            });
        };
        base::Instant const began = world.now();
        while (!known()) {
            world.run_for(base::milliseconds(1));
        }
        took.push_back(std::chrono::duration<double>(world.now() - began).count() * 1e3);
        world.run_for(base::milliseconds(700));
    }
    std::ranges::sort(took);
    double const median = took[took.size() / 2];
    bench::row("milliseconds", bench::spread(took, 0),
               {.text = "median < 50 ms", .met = median < 50});
}

}  // namespace

int main() {
    measure_joining();
    measure_merging();
    measure_memory();
    measure_spreading();
    bench::remark(concat(bench::missed(), " targets missed."));
    return bench::missed() == 0 ? 0 : 1;
}
