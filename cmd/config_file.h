#pragma once

#include <istream>
#include <vector>

#include <CLI/CLI.hpp>

#include "cmd/gossip_options.h"

namespace cmd {

// Takes what the section [gossip] holds, and `profile`, out of the configuration file and puts it
// into `texts`: it may change while the agent runs, so it is told from what was given elsewhere.
// Names may be written with underscores. The rest is TOML for CLI11.
class ConfigFile final : public CLI::ConfigTOML {
public:
    explicit ConfigFile(GossipTexts& texts) : texts_(texts) {}

    std::vector<CLI::ConfigItem> from_config(std::istream& in) const override;

private:
    GossipTexts& texts_;
};

}  // namespace cmd
