#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/text.h"

// The texts of single options, read and checked.
namespace cmd {

// An option whose text `read` turns into a value, or nothing if it is not `expected`.
template <class Read>
CLI::Option* add_read(CLI::App& app, std::string const& name, Read read, std::string expected,
                      std::string description) {
    return app.add_option_function<std::string>(
        name,
        [name, read, expected = std::move(expected)](std::string const& text) {
            if (!read(text)) {
                throw CLI::ValidationError(name.substr(name.rfind(',') + 1),
                                           base::concat("\"", text, "\" is not ", expected));
            }
        },
        std::move(description));
}

template <class T>
bool assign(T& out, std::optional<T> value) {
    if (!value) {
        return false;
    }
    out = *std::move(value);
    return true;
}

// An option that may be given again and again.
CLI::Option* add_many(CLI::App& app, std::string const& name, std::vector<std::string>& values,
                      std::string const& form, std::string const& description);

// "NAME=VALUE"; nothing without a name or '='.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> parse_pair(
    std::string const& text);

// One that shows in tables and in DNS as it is.
[[nodiscard]] bool is_host_name(std::string_view text);

// "NAME/NAME": without a way out of the tree.
[[nodiscard]] bool is_cgroup_path(std::string_view text);

}  // namespace cmd
