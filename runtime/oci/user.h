#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace runtime {

struct User {
    uid_t uid{};
    gid_t gid{};
    std::vector<gid_t> groups;  // further ones, sorted
};

// Whom "", "name", "uid", "name:group" or "uid:gid" mean to the /etc/passwd and /etc/group below
// `root`, and which groups the user is in besides. Numbers need no entry there.
[[nodiscard]] base::Result<User> resolve_user(std::string const& root, std::string_view text,
                                              std::set<std::string> const& further_groups = {});

}  // namespace runtime
