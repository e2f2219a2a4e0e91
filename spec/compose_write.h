#pragma once

#include <span>
#include <string>

#include "spec/spec.h"

namespace spec {

enum class TextForm : std::uint8_t { yaml, json };

// The canonical text of services of one project: every value in one way of writing it, defaults
// left out, keys in alphabetical order. read_compose() makes the same specs of it, and specs that
// are equal have equal texts. Requires that they have the same project and are well-formed.
[[nodiscard]] std::string to_compose(std::span<ServiceSpec const> services, TextForm form);

}  // namespace spec
