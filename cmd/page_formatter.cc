#include "cmd/page_formatter.h"

#include "base/text.h"
#include "cmd/help.h"

namespace cmd {

std::string command_name(CLI::App const* app) {
    std::string name;
    for (; app->get_parent() != nullptr; app = app->get_parent()) {
        name = name.empty() ? app->get_name() : base::concat(app->get_name(), " ", name);
    }
    return name;
}

std::string PageFormatter::make_description(CLI::App const* app) const {
    HelpPage const& page = help_page(command_name(app));
    return base::concat(page.summary, "\n\n", page.description, "\n\n");
}

std::string PageFormatter::make_footer(CLI::App const* app) const {
    std::string const name = command_name(app);
    std::string out;
    if (name == "run" || name == "init" || name == "join") {
        for (std::string_view const group : {agent_options, gossip_options}) {
            std::string const text =
                make_group(std::string(group), false,
                           app->get_parent()->get_options([&](CLI::Option const* option) {
                               return option->get_group() == group;
                           }));
            out += out.empty() ? text.substr(1) : text;
        }
    } else if (!name.empty()) {
        out += "Options of the agent, such as --socket, may be given too: see `agent --help`.\n";
    }
    out += base::concat(out.empty() ? "" : "\n", exit_codes_help(), "\nExamples:\n",
                        help_page(name).examples);
    return out;
}

}  // namespace cmd
