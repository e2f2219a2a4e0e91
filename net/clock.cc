#include "net/clock.h"

namespace net {

base::Instant now() {
    return base::Instant(std::chrono::duration_cast<base::Duration>(
        std::chrono::steady_clock::now().time_since_epoch()));
}

base::WallSeconds wall_now() {
    auto const since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<base::seconds>(since_epoch).count()};
}

}  // namespace net
