#pragma once

#include <functional>
#include <string>

#include "tests/sim/runner.h"

namespace sim {

// A smaller run that fails likewise: fewer hosts, then without one kind of fault after the other,
// then a shorter fault phase. `tell` hears of each step that was taken.
[[nodiscard]] Result shrink(Result failed, std::function<void(Result const&)> const& tell);

}  // namespace sim
