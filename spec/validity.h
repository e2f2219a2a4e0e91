#pragma once

#include "spec/spec.h"

namespace spec {

// Whether the spec keeps to every rule, texts and lists of the fields after version 1 excepted: the
// decoder bounds those while it reads.
[[nodiscard]] bool valid(ServiceSpec const& spec);

}  // namespace spec
