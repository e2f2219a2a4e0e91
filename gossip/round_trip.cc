#include "gossip/round_trip.h"

#include <algorithm>

namespace gossip {

namespace {

constexpr base::Duration sample_max = base::seconds(60);
constexpr int doublings_max = 8;

}  // namespace

void RoundTrip::on_sample(base::Duration sample) {
    sample = std::clamp(sample, base::Duration::zero(), sample_max);
    if (sampled_) {
        variation_ += (std::chrono::abs(smoothed_ - sample) - variation_) / 4;
        smoothed_ += (sample - smoothed_) / 8;
    } else {
        smoothed_ = sample;
        variation_ = sample / 2;
        sampled_ = true;
    }
    doublings_ = 0;
}

void RoundTrip::on_timeout() {
    doublings_ = std::min(doublings_ + 1, doublings_max);
}

// The time-out without its doublings.
base::Duration RoundTrip::expected(Config const& config) const {
    base::Duration const wanted =
        sampled_ ? smoothed_ + 4 * variation_ : config.probe_timeout_initial;
    return std::clamp(wanted, config.probe_timeout_min, config.probe_timeout_max);
}

base::Duration RoundTrip::timeout(Config const& config) const {
    return std::min(expected(config) * (1 << doublings_), config.probe_timeout_max);
}

base::Duration RoundTrip::probe_duration(Config const& config) const {
    return std::max(3 * timeout(config), config.probe_interval);
}

base::Duration RoundTrip::answer_time(Config const& config) const {
    return std::max(expected(config), config.probe_interval);
}

std::optional<base::Duration> RoundTrip::smoothed() const {
    return sampled_ ? std::optional(smoothed_) : std::nullopt;
}

}  // namespace gossip
