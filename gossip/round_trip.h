#pragma once

#include <optional>

#include "base/time.h"
#include "gossip/config.h"

namespace gossip {

// The round trip to one peer and the time-out that follows from it: RFC 6298's smoothed mean and
// variation (alpha 1/8, beta 1/4, K 4), with bounds of our own. Every ping has a sequence of its
// own, so every sample is unambiguous (Karn's problem does not arise).
class RoundTrip {
public:
    // Negative ones count as zero; ones beyond a minute as a minute.
    void on_sample(base::Duration sample);
    // No answer came: the time-out doubles until the next sample (RFC 6298, 5.5), at most 8 times.
    void on_timeout();

    // Within [probe_timeout_min, probe_timeout_max]; before the first sample
    // probe_timeout_initial, doubled likewise.
    [[nodiscard]] base::Duration timeout(Config const& config) const;
    // How long a probe takes to fail: three time-outs, at least probe_interval.
    [[nodiscard]] base::Duration probe_duration(Config const& config) const;
    // How long word to the peer and its answer take: the time-out as if none had passed, at least
    // probe_interval.
    [[nodiscard]] base::Duration answer_time(Config const& config) const;

    [[nodiscard]] std::optional<base::Duration> smoothed() const;

private:
    [[nodiscard]] base::Duration expected(Config const& config) const;

    base::Duration smoothed_{};
    base::Duration variation_{};
    bool sampled_ = false;
    int doublings_ = 0;
};

}  // namespace gossip
