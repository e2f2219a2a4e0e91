#include "gossip/config.h"

#include <array>

#include "base/text.h"

namespace gossip {

namespace {

using base::milliseconds;
using base::seconds;
using std::chrono::hours;
using std::chrono::minutes;

// In the largest unit that leaves a whole number; minutes only from two on, as people say it.
std::string human(base::Duration duration) {
    struct Unit {
        base::Duration size;
        base::Duration from;
        std::string_view name;
    };

    static constexpr std::array units{
        Unit{hours(1), hours(1), "h"}, Unit{minutes(1), minutes(2), "m"},
        Unit{seconds(1), seconds(1), "s"}, Unit{milliseconds(1), milliseconds(1), "ms"},
        Unit{std::chrono::microseconds(1), std::chrono::microseconds(1), "us"}};
    for (Unit const& unit : units) {
        bool const large_enough = duration >= unit.from || duration <= -unit.from;
        if (large_enough && duration % unit.size == base::Duration::zero()) {
            return base::concat(duration / unit.size, unit.name);
        }
    }
    return duration == base::Duration::zero() ? "0s" : base::concat(duration.count(), "ns");
}

std::string human_bytes(std::size_t bytes) {
    if (bytes != 0 && bytes % (1 << 20) == 0) {
        return base::concat(bytes >> 20, "MiB");
    }
    if (bytes != 0 && bytes % (1 << 10) == 0) {
        return base::concat(bytes >> 10, "KiB");
    }
    return base::concat(bytes, "B");
}

// Keeps the first complaint.
class Limits {
public:
    Limits& duration(std::string_view name, base::Duration value, base::Duration min,
                     base::Duration max) {
        return within(name, value >= min && value <= max, human(value), human(min), human(max));
    }

    Limits& count(std::string_view name, std::int64_t value, std::int64_t min, std::int64_t max) {
        return within(name, value >= min && value <= max, base::concat(value), base::concat(min),
                      base::concat(max));
    }

    Limits& bytes(std::string_view name, std::size_t value, std::size_t min, std::size_t max) {
        return within(name, value >= min && value <= max, human_bytes(value), human_bytes(min),
                      human_bytes(max));
    }

    [[nodiscard]] std::string const& complaint() const { return complaint_; }

private:
    Limits& within(std::string_view name, bool good, std::string const& value,
                   std::string const& min, std::string const& max) {
        if (!good && complaint_.empty()) {
            complaint_ = base::concat(name, " is ", value, ": give ", min, " to ", max);
        }
        return *this;
    }

    std::string complaint_;
};

}  // namespace

Config config_of(Profile profile) {
    Config config;
    switch (profile) {
        case Profile::lan:
            break;
        case Profile::wan:
            config.probe_interval = milliseconds(500);
            config.probe_timeout_min = milliseconds(150);
            config.probe_timeout_initial = milliseconds(500);
            config.probe_timeout_max = seconds(2);
            config.gossip_interval = milliseconds(100);
            config.push_pull_interval = seconds(20);
            config.reconnect_interval = seconds(5);
            config.restart_hold = seconds(30);
            break;
        case Profile::edge:
            config.probe_interval = seconds(1);
            config.probe_timeout_min = milliseconds(300);
            config.probe_timeout_initial = seconds(1);
            config.probe_timeout_max = seconds(4);
            config.gossip_interval = milliseconds(200);
            config.push_pull_interval = seconds(30);
            config.reconnect_interval = seconds(10);
            config.restart_hold = seconds(60);
            config.flap_hold = seconds(60);
            break;
    }
    return config;
}

std::string_view to_string(Profile profile) {
    switch (profile) {
        case Profile::lan:
            return "lan";
        case Profile::wan:
            return "wan";
        case Profile::edge:
            return "edge";
    }
    return "?";
}

std::optional<Profile> parse_profile(std::string_view text) {
    for (Profile const profile : {Profile::lan, Profile::wan, Profile::edge}) {
        if (text == to_string(profile)) {
            return profile;
        }
    }
    return std::nullopt;
}

std::expected<void, std::string> check(Config const& config) {
    Limits limits;
    limits
        .duration("probe_interval", config.probe_interval, milliseconds(50), seconds(60))
        // The minimum and the maximum first: they are the limits of the third.
        .duration("probe_timeout_min", config.probe_timeout_min, milliseconds(10), seconds(30))
        .duration("probe_timeout_max", config.probe_timeout_max, config.probe_timeout_min,
                  seconds(30))
        .duration("probe_timeout_initial", config.probe_timeout_initial, config.probe_timeout_min,
                  config.probe_timeout_max)
        .count("indirect_probes", config.indirect_probes, 0, 16)
        .count("suspicion_mult", config.suspicion_mult, 1, 20)
        .count("suspicion_max_mult", config.suspicion_max_mult, 1, 20)
        .count("confirmations", config.confirmations, 0, 8)
        .duration("gossip_interval", config.gossip_interval, milliseconds(10), seconds(10))
        .count("gossip_fanout", config.gossip_fanout, 1, 16)
        .count("retransmit_mult", config.retransmit_mult, 1, 16)
        .duration("push_pull_interval", config.push_pull_interval, seconds(1), minutes(10))
        .duration("reconnect_interval", config.reconnect_interval, milliseconds(100), minutes(10))
        .duration("restart_hold", config.restart_hold, seconds(0), minutes(10))
        .duration("flap_window", config.flap_window, seconds(1), hours(1))
        .duration("flap_hold", config.flap_hold, seconds(1), hours(1))
        .duration("flap_hold_max", config.flap_hold_max, config.flap_hold, hours(24))
        .bytes("datagram_max", config.datagram_max, 640, 8192)
        .bytes("stream_max", config.stream_max, 64 << 10, 1 << 20)
        .count("queue_max",
               static_cast<std::int64_t>(std::min<std::size_t>(config.queue_max, INT64_MAX)), 1,
               1 << 16)
        .count("peer_rate_max", config.peer_rate_max, 50, 100'000);
    if (!limits.complaint().empty()) {
        return std::unexpected(limits.complaint());
    }
    return {};
}

}  // namespace gossip
