#include "gossip/steadiness.h"

#include <algorithm>

#include "gossip/timing.h"

namespace gossip {

namespace {

constexpr base::Duration agreement_window = base::seconds(10);
constexpr base::Duration loss_length = base::seconds(5);
constexpr base::Duration refutation_window = base::seconds(60);

}  // namespace

Steadiness::Steadiness(std::uint32_t flaps, base::Instant now)
    : flaps_(std::min(flaps, flaps_max)),
      steady_(flaps_ < 2),
      last_loss_(now),
      forgiven_until_(now) {}

bool Steadiness::on_accused(base::Instant now, base::NodeId accuser, std::size_t others,
                            Config const& config) {
    if (others == 0 || now < deaf_until_) {
        return false;
    }
    bool const agreed = others == 1 || (first_ && first_->accuser != accuser &&
                                        now - first_->at <= agreement_window);
    if (!agreed) {
        first_ = Accusation{accuser, now};
        return false;
    }
    on_tick(now, config);  // what was due before this loss is not lost to it
    count_loss(now);
    return true;
}

bool Steadiness::on_refuted(base::Instant now) {
    if (now - refutations_since_ > refutation_window) {
        refutations_since_ = now;
        refutations_ = 0;
    }
    if (++refutations_ < refutations_max) {
        return false;
    }
    refutations_ = 0;
    count_loss(now);
    return true;
}

void Steadiness::count_loss(base::Instant now) {
    first_.reset();
    deaf_until_ = now + loss_length;
    last_loss_ = now;
    forgiven_until_ = now;
    flaps_ = std::min(flaps_ + 1, flaps_max);
    steady_ = flaps_ < 2;
}

void Steadiness::on_unheard(base::Instant now) {
    last_loss_ = steady_ ? last_loss_ : now;
}

bool Steadiness::on_tick(base::Instant now, Config const& config) {
    bool changed = false;
    while (now >= next_deadline(config)) {
        if (steady_) {
            --flaps_;
            forgiven_until_ += config.flap_window;
        } else {
            steady_ = true;
        }
        changed = true;
    }
    return changed;
}

base::Instant Steadiness::next_deadline(Config const& config) const {
    // Nothing is forgiven during a hold, which would shorten it; it is caught up on at its end.
    if (!steady_) {
        return last_loss_ + hold(config);
    }
    return flaps_ > 0 ? forgiven_until_ + config.flap_window : base::instant_max;
}

base::Duration Steadiness::hold(Config const& config) const {
    return growing(config.flap_hold, flaps_ - 1, config.flap_hold_max);
}

}  // namespace gossip
