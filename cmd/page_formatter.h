#pragma once

#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

namespace cmd {

// Groups of options that every command takes.
inline constexpr std::string_view agent_options = "Options of the agent";
inline constexpr std::string_view gossip_options =
    "Options of membership (section [gossip] of the file)";

// As in help.h: "token create"; empty: the program.
[[nodiscard]] std::string command_name(CLI::App const* app);

// Puts the pages of help.h around what CLI11 knows about options.
class PageFormatter : public CLI::Formatter {
public:
    std::string make_description(CLI::App const* app) const override;
    std::string make_footer(CLI::App const* app) const override;
};

}  // namespace cmd
