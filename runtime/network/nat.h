#pragma once

#include <string>

#include "base/address.h"
#include "base/result.h"

namespace runtime {

// Makes the table `ip covey_BRIDGE` of nf_tables hold exactly one rule: what comes from `fleet` and
// leaves it gets the address of the interface that it leaves through. One atomic batch, whatever
// the table held before. The error says when this kernel has no nf_tables.
[[nodiscard]] base::Result<void> set_masquerade(std::string const& bridge, base::Prefix fleet);

// Removes the table, if it is there.
[[nodiscard]] base::Result<void> remove_masquerade(std::string const& bridge);

}  // namespace runtime
