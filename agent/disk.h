#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace agent {

// What the host's shell has seen of the disk that state and containers are on.
enum class DiskState : std::uint8_t { works, full };

// Whether this host may be given anything new: not while its disk is full, nor before the disk has
// worked for a while. Rationale: what frees a little room (a container that was removed) is filled
// again at once by what is given for it.
class DiskWatch {
public:
    static constexpr base::Duration works_for = base::seconds(30);

    // True if accepts() has changed. To be told every few seconds, so that a disk that works again
    // is noticed.
    bool on_state(base::Instant now, DiskState state);

    [[nodiscard]] bool accepts() const { return accepts_; }

private:
    bool accepts_ = true;
    std::optional<base::Instant> works_since_;  // while it does not accept
};

}  // namespace agent
