#pragma once

#include "base/time.h"

namespace net {

// The monotonic clock: what every core is told as `now`.
[[nodiscard]] base::Instant now();

// The wall clock, for display and for the expiry of tokens only.
[[nodiscard]] base::WallSeconds wall_now();

}  // namespace net
