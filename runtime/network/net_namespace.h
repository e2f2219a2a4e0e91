#pragma once

#include <functional>
#include <string>

#include "base/descriptor.h"
#include "base/result.h"

namespace runtime {

// Makes a network namespace that lives as long as it is bound at `path`, where nothing is yet.
[[nodiscard]] base::Result<void> create_net_namespace(std::string const& path);

// Whether a namespace is bound at `path`, rather than a plain file or nothing.
[[nodiscard]] bool is_net_namespace(std::string const& path);

[[nodiscard]] base::Result<base::Descriptor> open_net_namespace(std::string const& path);

// Unbinds and deletes whatever is at `path`. The namespace itself ends with its last process.
// Nothing there is no error.
[[nodiscard]] base::Result<void> remove_net_namespace(std::string const& path);

// Runs `work` inside the namespace, on a thread of its own so that no other thread ever changes
// its namespace, and waits for it.
[[nodiscard]] base::Result<void> in_net_namespace(base::Descriptor const& netns,
                                                  std::function<base::Result<void>()> const& work);

}  // namespace runtime
