#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "crdt/store.h"

namespace cmd {

// The state as text: JSON lines, docs/state.md. A reader knows versions up to this one.
inline constexpr unsigned state_lines_version = 1;

// Entries, origins and local values in the order of their keys: equal states give equal text.
[[nodiscard]] std::string to_lines(crdt::Loaded state);

// What to_lines() wrote, all of it. The error names the line.
[[nodiscard]] base::Result<crdt::Batch> from_lines(std::string_view text);

// What a value means, for people: "nginx:1.25, 3 replicas"; empty if it is not known.
[[nodiscard]] std::string reading_of(std::string_view key, base::ByteView value);

}  // namespace cmd
