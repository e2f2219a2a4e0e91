#pragma once

#include <boost/json.hpp>

#include "runtime/oci/bundle.h"

namespace runtime {

// The parts of config.json that the control groups enforce, and the limits of each process.
[[nodiscard]] boost::json::object resources_of(Bundle const& bundle);
[[nodiscard]] boost::json::array rlimits_of(Limits const& limits);

}  // namespace runtime
