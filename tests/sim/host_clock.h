#pragma once

#include <cstdint>

#include "base/time.h"

namespace sim {

// The monotonic clock of one host, which is all that its agent is told of time: it began at a time
// of its own, runs a little fast or slow, and may jump ahead.
class HostClock {
public:
    static constexpr std::int64_t normal = 1'000'000;  // millionths: one second a second

    explicit HostClock(base::Instant local = {}) : local_(local) {}

    // What it shows. `now` is the world's, and never earlier than in an earlier call of set_rate()
    // or reset().
    [[nodiscard]] base::Instant local(base::Instant now) const {
        return local_ + scaled(now - since_, rate_, normal);
    }

    // The first instant of the world at which it shows `local` or more.
    [[nodiscard]] base::Instant world(base::Instant local) const {
        if (local == base::instant_max) {
            return local;
        }
        base::Instant when = since_ + scaled(local - local_, normal, rate_);
        while (this->local(when) < local) {
            when += base::nanoseconds(1);
        }
        return when;
    }

    void set_rate(base::Instant now, std::int64_t millionths) {
        reset(now, local(now));
        rate_ = millionths;
    }

    // As a host that was suspended finds it.
    void jump(base::Duration ahead) { local_ += ahead; }

    // As after a boot.
    void reset(base::Instant now, base::Instant local) {
        local_ = local;
        since_ = now;
    }

private:
    // In two parts: a long time times a rate would overflow.
    [[nodiscard]] static base::Duration scaled(base::Duration time, std::int64_t by,
                                               std::int64_t of) {
        std::int64_t const whole = time.count() / of;
        return base::Duration(whole * by + (time.count() % of) * by / of);
    }

    base::Instant since_{};
    base::Instant local_;
    std::int64_t rate_ = normal;
};

}  // namespace sim
