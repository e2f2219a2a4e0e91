#pragma once

#include <string>
#include <string_view>

#include "spec/compose_tree.h"

namespace spec {

// `path` as seen from where `folder` is seen: "sub" and "../a" make "a". An absolute path stays.
[[nodiscard]] std::string join(std::string_view folder, std::string_view path);

// What stands before the last '/'; empty: the path is a mere name.
[[nodiscard]] std::string folder_of(std::string_view path);

// A path that would have to be fetched: "https://...", "oci://...", "git@...".
[[nodiscard]] bool is_remote(std::string_view path);

// A Compose tree read from a file in `folder`, its relative paths to other files (env_file,
// label_file, bind mounts, build, and the files of configs and secrets) as seen from the folder of
// the first file. Those of `include` and `extends` stay. The tree itself if nothing changes.
[[nodiscard]] Node const* rebased(Node const* root, std::string_view folder, Arena& arena);

}  // namespace spec
