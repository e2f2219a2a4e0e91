#include "cmd/values.h"

#include <algorithm>

namespace cmd {

namespace {

constexpr std::size_t host_name_max = 63;  // a label of DNS

bool is_plain(std::string_view text) {
    return !text.empty() && text != "." && text != ".." &&
           std::ranges::all_of(text, [](char letter) {
               return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                      (letter >= '0' && letter <= '9') || letter == '.' || letter == '-' ||
                      letter == '_';
           });
}

}  // namespace

CLI::Option* add_many(CLI::App& app, std::string const& name, std::vector<std::string>& values,
                      std::string const& form, std::string const& description) {
    return app.add_option(name, values, description)
        ->option_text(form)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

std::optional<std::pair<std::string, std::string>> parse_pair(std::string const& text) {
    std::size_t const equal = text.find('=');
    if (equal == 0 || equal == std::string::npos) {
        return std::nullopt;
    }
    return std::pair(text.substr(0, equal), text.substr(equal + 1));
}

bool is_host_name(std::string_view text) {
    return is_plain(text) && text.size() <= host_name_max;
}

bool is_cgroup_path(std::string_view text) {
    return std::ranges::all_of(base::split(text, '/'), is_plain);
}

}  // namespace cmd
