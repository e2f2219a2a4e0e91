#include "gossip/health.h"

#include <algorithm>

namespace gossip {

void LocalHealth::on_probe_answered() {
    add(-1);
}

void LocalHealth::on_probe_failed(int nacks_expected, int nacks) {
    add(nacks_expected == 0 ? 1 : std::max(0, nacks_expected - nacks));
}

void LocalHealth::on_refutation() {
    add(1);
}

void LocalHealth::on_pause() {
    add(1);
}

void LocalHealth::add(int points) {
    score_ = std::clamp(score_ + points, 0, health_worst);
}

}  // namespace gossip
