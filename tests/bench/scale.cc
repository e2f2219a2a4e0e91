// What large fleets cost, and how quick they are.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <malloc.h>

#include "base/check.h"
#include "base/text.h"
#include "gossip/codec.h"
#include "tests/bench/fleet.h"
#include "tests/bench/measurements.h"
#include "tests/bench/table.h"
#include "tests/support/fake_keys.h"
#include "tests/unit/gossip/measures.h"

namespace bench {

namespace {

using gossip_test::Cluster;
using gossip_test::host_address;
using gossip_test::in_seconds;
using gossip_test::node_id;
using gossip_test::quantile;

double mean(std::vector<double> const& values) {
    double sum = 0;
    for (double const value : values) {
        sum += value;
    }
    return sum / static_cast<double>(values.size());
}

std::string rates_text(std::vector<double> const& rates) {
    return base::concat("mean ", number(mean(rates), 0), ", p99 ", number(quantile(rates, 0.99), 0),
                        ", max ", number(quantile(rates, 1), 0));
}

std::size_t allocated() {
    return ::mallinfo2().uordblks;
}

gossip::Record record_of(int host) {
    support::FakeKeys const keys(node_id(host));
    return gossip::make_record({.id = node_id(host),
                                .key = keys.public_key(),
                                .incarnation = 1,
                                .intent = gossip::Intent::running,
                                .address = host_address(host),
                                .name = gossip_test::host_name(host),
                                .meta = base::Bytes(32),
                                .body = {},
                                .signature = {}},
                               keys);
}

// The view of a member that knows hosts 1 to `count`.
base::Bytes view_of(int count) {
    gossip::PacketWriter packet(8 << 20);
    packet.add(gossip::encode(gossip::Exchange{
        .phase = gossip::Exchange::Phase::take, .digests = {}, .bucket_count = 1, .buckets = 1}));
    for (int host = 1; host <= count; ++host) {
        packet.add(gossip::encode(record_of(host)));
    }
    return packet.take();
}

double bytes_per_member(int count) {
    constexpr int part = 1000;
    support::FakeKeys const keys(node_id(0));
    gossip::Gossip gossip({node_id(0), "host0", host_address(0), 1, {}, 0}, {}, base::Prng(1),
                          keys);
    gossip::Effects out;
    base::Instant now{base::seconds(1)};
    gossip.on_tick(now, out);
    std::size_t const before = allocated();
    for (int known = part; known <= count; known += part) {
        base::Bytes const view = view_of(known);
        CHECK(gossip.on_message(now, node_id(1), host_address(1), gossip::Channel::stream, view,
                                out));
        out.clear();
        now += base::seconds(1);
    }
    CHECK(gossip.members().size() == static_cast<std::size_t>(count) + 1);
    return static_cast<double>(allocated() - before) / count;
}

}  // namespace

gossip_test::Cluster joined(int hosts, std::uint64_t seed, Cluster::Options options) {
    options.seed = seed;
    Cluster cluster(std::move(options));
    for (int host = 0; host < hosts; ++host) {
        cluster.start(host);
        if (host > 0) {
            cluster.join(host, {0});
        }
        cluster.run_for(base::Duration(base::seconds(1)) / hosts);
    }
    cluster.run_until(
        base::seconds(120), [&] { return cluster.converged(); }, base::milliseconds(10));
    return cluster;
}

void measure_idle_traffic() {
    title("idle, bytes a second of a host, seal and headers included");
    for (int const hosts : {5, 100, 1000}) {
        Cluster cluster = joined(hosts, 5);
        cluster.run_for(base::seconds(60));
        gossip_test::Rates const rates = gossip_test::measure_rates(cluster, base::seconds(60));
        std::string const in = base::concat(hosts, " hosts: received");
        std::string const out = base::concat(hosts, " hosts: sent");
        if (hosts == 1000) {
            row(in, rates_text(rates.in), {"mean < 4,000", mean(rates.in) < 4000});
            row(out, rates_text(rates.out), {"mean < 4,000", mean(rates.out) < 4000});
        } else {
            row(in, rates_text(rates.in));
            row(out, rates_text(rates.out));
        }
    }
}

void measure_bootstrap() {
    title("1,000 hosts start within a second, all with the same one seed");
    std::vector<double> taken;
    gossip_test::Rates rates;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        Cluster cluster = joined(1000, seed);
        CHECK(cluster.converged());
        // From the first start, at one second.
        double const until = in_seconds(cluster.now().time_since_epoch()) - 1;
        taken.push_back(until);
        for (int host = 0; host < 1000; ++host) {
            rates.in.push_back(static_cast<double>(cluster.traffic(host).bytes_in));
            rates.out.push_back(static_cast<double>(cluster.traffic(host).bytes_out));
        }
    }
    row("from the first start until all see all, s", spread(taken, 1),
        {"< 20", quantile(taken, 1) < 20});
    row("bytes sent by a host until then", rates_text(rates.out));
    row("bytes received by a host until then", rates_text(rates.in));
}

void measure_broadcast() {
    title("a broadcast in 1,000 hosts, gossip_interval 200 ms");
    Cluster::Options options;
    options.config.gossip_interval = base::milliseconds(200);
    Cluster cluster = joined(1000, 6, std::move(options));
    cluster.run_for(base::seconds(20));
    std::vector<double> taken;
    base::Prng prng(6);
    int const broadcasts = 10;
    for (int i = 0; i < broadcasts; ++i) {
        std::string const text = base::concat("news ", i, std::string(200, '.'));
        base::Instant const at = cluster.now();
        cluster.broadcast(static_cast<int>(prng.below(1000)), text);
        cluster.run_for(base::seconds(5));
        for (auto const& [host, seen] : cluster.delivered[text]) {
            taken.push_back(in_seconds(seen - at));
        }
    }
    double const p99 = quantile(taken, 0.99);
    row("until a host has it, s", spread(taken, 2), {"p99 < 1.5", p99 < 1.5});
    row("hosts that have it", base::concat(taken.size(), " of ", 1000 * broadcasts),
        {"all", taken.size() == 1000U * broadcasts});
}

void measure_memory() {
    title("memory for each known member, bytes");
    for (int const count : {1000, 4000}) {
        double const bytes = bytes_per_member(count);
        row(base::concat(count, " members, just learned"), number(bytes, 0),
            {"< 1,000", bytes < 1000});
    }
    std::size_t const before = allocated();
    Cluster::Options options;
    options.keep_observed = false;
    Cluster cluster = joined(300, 7, std::move(options));
    cluster.run_for(base::seconds(300));
    row("300 hosts, after 5 minutes, all that a simulated host holds",
        number(static_cast<double>(allocated() - before) / 300 / 300, 0));
}

}  // namespace bench
