#include "runtime/oci/user.h"

#include <algorithm>
#include <optional>
#include <span>

#include "base/text.h"
#include "runtime/system/file.h"

namespace runtime {
namespace {

constexpr std::size_t database_size_max = 1 << 20;
constexpr std::size_t groups_max = 256;

// The lines of a file like /etc/passwd, split at colons; none if there is no such file.
class Database {
public:
    Database(std::string const& root, std::string const& path, std::size_t fields_min) {
        if (auto text = read_file_in_root(root, path, database_size_max)) {
            text_ = std::move(*text);
        }
        for (std::string_view const line : base::split(text_, '\n')) {
            auto fields = base::split(line, ':');
            if (fields.size() >= fields_min) {
                lines_.push_back(std::move(fields));
            }
        }
    }

    Database(Database const&) = delete;
    Database& operator=(Database const&) = delete;

    [[nodiscard]] std::span<std::vector<std::string_view> const> lines() const { return lines_; }

    [[nodiscard]] std::vector<std::string_view> const* find(std::size_t field,
                                                            std::string_view value) const {
        auto const at = std::ranges::find(
            lines_, value, [&](std::vector<std::string_view> const& line) { return line[field]; });
        return at == lines_.end() ? nullptr : &*at;
    }

private:
    std::string text_;
    std::vector<std::vector<std::string_view>> lines_;
};

base::Result<gid_t> find_group(Database const& groups, std::string_view group) {
    auto const* const found = groups.find(0, group);
    auto const gid = base::parse_integer<gid_t>(found != nullptr ? (*found)[2] : group);
    if (!gid) {
        return base::fail(base::concat("group '", group, "' is not in the image's /etc/group"));
    }
    return *gid;
}

void add_memberships(Database const& groups, std::string_view login, User& user) {
    for (auto const& line : groups.lines()) {
        auto const gid = base::parse_integer<gid_t>(line[2]);
        auto const members = base::split(line[3], ',');
        if (gid && *gid != user.gid && user.groups.size() < groups_max &&
            std::ranges::find(members, login) != members.end()) {
            user.groups.push_back(*gid);
        }
    }
}

}  // namespace

base::Result<User> resolve_user(std::string const& root, std::string_view text,
                                std::set<std::string> const& further_groups) {
    Database const users(root, "/etc/passwd", 4);
    Database const groups(root, "/etc/group", 4);
    std::size_t const colon = text.find(':');
    std::string_view const name = text.substr(0, colon);

    User user;
    std::string_view login = name.empty() ? "root" : name;
    std::optional<uid_t> const number = base::parse_integer<uid_t>(name);
    auto const* const entry = number ? users.find(2, name) : users.find(0, login);
    if (entry != nullptr) {
        login = (*entry)[0];
        user.uid = base::parse_integer<uid_t>((*entry)[2]).value_or(0);
        user.gid = base::parse_integer<gid_t>((*entry)[3]).value_or(0);
    } else if (number) {
        user.uid = *number;
    } else if (!name.empty()) {
        return base::fail(base::concat("user '", name, "' is not in the image's /etc/passwd"));
    }

    if (colon != std::string_view::npos) {
        user.gid = TRY(find_group(groups, text.substr(colon + 1)));
    } else {
        add_memberships(groups, login, user);
    }
    for (std::string const& group : further_groups) {
        user.groups.push_back(TRY(find_group(groups, group)));
    }
    std::ranges::sort(user.groups);
    user.groups.erase(std::ranges::unique(user.groups).begin(), user.groups.end());
    return user;
}

}  // namespace runtime
