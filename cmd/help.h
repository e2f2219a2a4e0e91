#pragma once

#include <string_view>

namespace cmd {

// The words of `agent COMMAND --help`; options are described where they are parsed.
struct HelpPage {
    std::string_view command;  // "token create"; empty: of the program
    std::string_view summary;  // in the list of commands
    std::string_view description;
    std::string_view examples;
};

// Never missing: a command without a page is a bug.
[[nodiscard]] HelpPage const& help_page(std::string_view command);

// What every command's exit codes mean.
[[nodiscard]] std::string_view exit_codes_help();

}  // namespace cmd
