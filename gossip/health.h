#pragma once

#include "base/time.h"

namespace gossip {

// Lifeguard's local health multiplier (section IV-A): a host whose own probes fail although others
// hear it, that has to refute suspicions, or that was paused, trusts its own judgement less and
// probes slower. 0 is well, health_worst the worst.
inline constexpr int health_worst = 7;

class LocalHealth {
public:
    void on_probe_answered();
    // Of `nacks_expected` members asked in vain, `nacks` told that they had tried. Each that did
    // not is a sign that we, not the target, are the one that is not heard. With nobody asked the
    // failure itself counts.
    void on_probe_failed(int nacks_expected, int nacks);
    void on_refutation();
    void on_pause();

    [[nodiscard]] int score() const { return score_; }

    [[nodiscard]] base::Duration stretched(base::Duration duration) const {
        return duration * (score_ + 1);
    }

private:
    void add(int points);

    int score_ = 0;
};

}  // namespace gossip
