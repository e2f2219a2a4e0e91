#pragma once

#include <expected>
#include <string>

#include "base/time.h"
#include "gossip/config.h"

namespace agent {

// What of an agent's configuration can be changed while it runs.
struct Settings {
    gossip::Config gossip;
    // A part of the fleet that sees less than half of it takes over in full after this long; see
    // agent/brake.h. 0 (at once) to 1 h.
    base::Duration mass_loss_hold = base::seconds(30);
    friend bool operator==(Settings const&, Settings const&) = default;
};

// Nothing, or the first parameter that is out of its limits, for a person.
[[nodiscard]] std::expected<void, std::string> check(Settings const& settings);

}  // namespace agent
