#pragma once

#include <string>
#include <string_view>

#include "spec/compose_report.h"

namespace spec {

// "/a//b/./c/../d/" is "/a/b/d": the one form of a path. Of a relative one what leads out of where
// it begins stays: "../a".
[[nodiscard]] std::string clean_path(std::string_view path);

// A path on the host as a file writes it: absolute, relative to `folder` (that of the file), or
// below "~". What is wrong is reported, and the path is then empty.
[[nodiscard]] std::string host_path(Report& report, Field const& field, std::string_view path,
                                    std::string_view folder);

}  // namespace spec
