#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"

namespace runtime {

[[nodiscard]] base::Result<base::Descriptor> open_file(std::string const& path, int flags,
                                                       unsigned mode = 0);

// The whole file; an error if it is larger than `size_max`.
[[nodiscard]] base::Result<std::string> read_file(std::string const& path, std::size_t size_max);
// The same for a path inside `root`, whose symbolic links are followed as if `root` were /.
[[nodiscard]] base::Result<std::string> read_file_in_root(std::string const& root,
                                                          std::string const& path,
                                                          std::size_t size_max);
[[nodiscard]] base::Result<void> write_all(int fd, std::string_view text);
// Readers see the old text or the new one, also after a crash.
[[nodiscard]] base::Result<void> replace_file(std::string const& path, std::string_view text);

[[nodiscard]] bool file_exists(std::string const& path);
[[nodiscard]] base::Result<void> make_directories(std::string const& path);
// Removes what is there, a tree or nothing; never follows symbolic links.
[[nodiscard]] base::Result<void> remove_tree(std::string const& path);
// The names in a directory, sorted; none if it does not exist.
[[nodiscard]] std::vector<std::string> list_directory(std::string const& path);

}  // namespace runtime
