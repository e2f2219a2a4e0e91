#include "cmd/config_file.h"

#include <algorithm>
#include <string>
#include <utility>

namespace cmd {

std::vector<CLI::ConfigItem> ConfigFile::from_config(std::istream& in) const {
    std::vector<CLI::ConfigItem> items = CLI::ConfigTOML::from_config(in);
    std::erase_if(items, [this](CLI::ConfigItem const& item) {
        bool const inside = !item.parents.empty() && item.parents.front() == "gossip";
        bool const profile = item.parents.empty() && item.name == "profile";
        // CLI11 marks the borders of a section by items of these names.
        if ((inside || profile) && item.name != "++" && item.name != "--") {
            std::string name = item.name;
            std::ranges::replace(name, '_', '-');
            texts_.insert_or_assign(std::move(name),
                                    item.inputs.empty() ? std::string() : item.inputs.front());
        }
        return inside || profile;
    });
    return items;
}

}  // namespace cmd
