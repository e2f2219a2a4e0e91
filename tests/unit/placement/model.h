#pragma once

#include <span>

#include "placement/placement.h"

// assign() once more, plainly: everything anew for each plan, every node asked for every slot.
namespace placement::model {

[[nodiscard]] Plan assign(std::span<Node const> nodes, std::span<Service const> services,
                          std::span<Incumbent const> incumbents);

}  // namespace placement::model
