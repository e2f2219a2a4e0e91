#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/settings.h"
#include "base/result.h"

// The parameters of membership as users write them: `--gossip-probe-interval 1s`, or
// `probe-interval = "1s"` in the section [gossip] of the configuration file.
namespace cmd {

struct GossipParameter {
    std::string_view name;  // "probe-interval": that of agent::Settings, with dashes
    std::string_view form;  // "DURATION" or "N"
    std::string_view help;
};

[[nodiscard]] std::vector<GossipParameter> gossip_parameters();

// By name, as text. "profile" is among them.
using GossipTexts = std::map<std::string, std::string>;

struct GossipSettings {
    agent::Settings settings;
    std::string summary;  // "lan", "wan with probe-interval=1s"
};

// The profile with what the file says, then with what was given otherwise. An unknown name, a value
// that is none, or one beyond its limits is an error that says so.
[[nodiscard]] base::Result<GossipSettings> gossip_settings(GossipTexts const& file,
                                                           GossipTexts const& given);

// "probe-interval: 200ms -> 1s", for each that differs.
[[nodiscard]] std::vector<std::string> gossip_changes(agent::Settings const& before,
                                                      agent::Settings const& after);

}  // namespace cmd
