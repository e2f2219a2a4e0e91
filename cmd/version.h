#pragma once

#include <string_view>

namespace cmd {

[[nodiscard]] std::string_view version();

}  // namespace cmd
