#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace base {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// The monotonic clock of one host, as a type only. It has no now(): a core is told the time by its
// caller, so that a simulation can tell it any time. Only the I/O shell reads the real clock.
struct MonoClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<MonoClock>;
    static constexpr bool is_steady = true;
};

using Duration = MonoClock::duration;
using Instant = MonoClock::time_point;

// "Never": the deadline of a machine that waits for input only.
inline constexpr Instant instant_max = Instant::max();

// UTC seconds since 1970 for display and for the expiry of tokens. No decision about shared state
// depends on it: a host whose clock is wrong is an ordinary member.
struct WallSeconds {
    std::int64_t value{};
    friend constexpr auto operator<=>(WallSeconds const&, WallSeconds const&) = default;
};

}  // namespace base
