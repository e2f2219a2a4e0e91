#include "tests/sim/checkers/limits.h"

#include <algorithm>

#include "base/text.h"
#include "crdt/map.h"
#include "tests/sim/bounds.h"

namespace sim {

using base::concat;

namespace {

constexpr double packets_a_second_max = 1000;  // several times what a joiner's news causes
constexpr std::size_t framing = 1;             // the agent's, of every message
constexpr std::size_t unwritten_max = 4096;    // a second of writes, and more than ever wait

std::uint64_t bytes_sent(World const& world) {
    std::uint64_t bytes = 0;
    for (auto const& host : world.hosts()) {
        bytes += host->bytes_out;
    }
    return bytes;
}

}  // namespace

Complaint MessagesFit::check(World const& world) {
    gossip::Config const& config = world.config().gossip;
    std::size_t const datagram = world.longest(gossip::Channel::datagram);
    std::size_t const stream = world.longest(gossip::Channel::stream);
    // The search for the path MTU tries up to a jumbo frame.
    constexpr std::size_t jumbo = 8000;
    if (datagram > std::max(config.datagram_max, jumbo) + framing) {
        return concat("a datagram of ", datagram, " bytes was sent");
    }
    if (stream > config.stream_max + framing) {
        return concat("a stream message of ", stream, " bytes was sent");
    }
    return std::nullopt;
}

Complaint QueuesBounded::check(World const& world) {
    for (Host const* const host : running_hosts(world)) {
        crdt::Map const& map = host->agent->map();
        if (map.conflicts().all().size() > crdt::conflicts_max || map.size() > crdt::entries_max) {
            return concat("host ", short_string(host->id), " keeps ", map.conflicts().all().size(),
                          " conflicts and ", map.size(), " entries");
        }
        if (host->unwritten.size() > unwritten_max) {
            return concat("host ", short_string(host->id), " has ", host->unwritten.size(),
                          " writes under way");
        }
    }
    return std::nullopt;
}

Complaint NoStorm::check(World const& world) {
    packets_before_.resize(world.hosts().size());
    double const seconds = std::chrono::duration<double>(world.now() - since_).count();
    double const most = 2 * static_cast<double>(mail_max) + seconds * packets_a_second_max;
    Complaint complaint;
    for (auto const& host : world.hosts()) {
        std::uint64_t const before = std::exchange(packets_before_[host->index], host->packets_out);
        if (static_cast<double>(host->packets_out - before) > most) {
            complaint =
                concat("host ", short_string(host->id), " sent ", host->packets_out - before,
                       " packets in ", static_cast<std::uint64_t>(seconds * 1000), " ms");
        }
    }
    since_ = world.now();
    return complaint;
}

TrafficWithinBudget::TrafficWithinBudget(World const& world)
    : since_(world.now()), bytes_before_(bytes_sent(world)) {}

Complaint TrafficWithinBudget::check(World const& world) {
    double const seconds = std::chrono::duration<double>(world.now() - since_).count();
    double const bytes = static_cast<double>(bytes_sent(world) - bytes_before_);
    double const each = bytes / seconds / static_cast<double>(world.hosts().size());
    if (double const most = idle_traffic_max(world); each > most) {
        return concat("a host sends ", static_cast<std::uint64_t>(each), " bytes a second, ",
                      static_cast<std::uint64_t>(most), " are allowed");
    }
    return std::nullopt;
}

}  // namespace sim
