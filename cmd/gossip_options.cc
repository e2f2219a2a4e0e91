#include "cmd/gossip_options.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <optional>
#include <utility>
#include <variant>

#include "base/text.h"
#include "cmd/nearest.h"

namespace cmd {
namespace {

using agent::Settings;
using gossip::Config;
using Field = std::variant<base::Duration Config::*, int Config::*, std::size_t Config::*,
                           base::Duration Settings::*>;

template <class Value>
auto& at(auto& settings, Value Config::* field) {
    return settings.gossip.*field;
}

template <class Value>
auto& at(auto& settings, Value Settings::* field) {
    return settings.*field;
}

template <class Whole>
constexpr bool is_timed(base::Duration Whole::*) {
    return true;
}

template <class Value, class Whole>
constexpr bool is_timed(Value Whole::*) {
    return false;
}

struct Parameter {
    std::string_view name;
    Field field;
    std::string_view help;
};

constexpr std::array parameters{
    Parameter{"probe-interval", &Config::probe_interval, "One member is probed this often"},
    Parameter{"probe-timeout-min", &Config::probe_timeout_min,
              "A ping is repeated no sooner, however near the peer"},
    Parameter{"probe-timeout-initial", &Config::probe_timeout_initial,
              "Likewise, before the round trip is known"},
    Parameter{"probe-timeout-max", &Config::probe_timeout_max,
              "A ping is repeated no later, however far the peer"},
    Parameter{"indirect-probes", &Config::indirect_probes, "Members asked to ping a silent one"},
    Parameter{"suspicion-mult", &Config::suspicion_mult,
              "Probes that a suspect has to refute, at least"},
    Parameter{"suspicion-max-mult", &Config::suspicion_max_mult,
              "So many times longer while few accuse it"},
    Parameter{"confirmations", &Config::confirmations, "Further accusers that make it no longer"},
    Parameter{"gossip-interval", &Config::gossip_interval, "News goes on this often"},
    Parameter{"gossip-fanout", &Config::gossip_fanout, "to so many members"},
    Parameter{"retransmit-mult", &Config::retransmit_mult,
              "so many times, by the digits of the number of members"},
    Parameter{"push-pull-interval", &Config::push_pull_interval,
              "Views are compared with a member this often"},
    Parameter{"reconnect-interval", &Config::reconnect_interval,
              "Members that are down are asked this often"},
    Parameter{"restart-hold", &Config::restart_hold,
              "A host whose agent is gone is waited for this long"},
    Parameter{"flap-window", &Config::flap_window,
              "A host lost twice within this time is unsteady"},
    Parameter{"flap-hold", &Config::flap_hold, "for this long at first"},
    Parameter{"flap-hold-max", &Config::flap_hold_max, "and for this long at most"},
    Parameter{"mass-loss-hold", &Settings::mass_loss_hold,
              "Who sees less than half of the fleet takes over in full after this long"},
    Parameter{"datagram-max", &Config::datagram_max,
              "Bytes in a datagram before the path is known to carry more"},
    Parameter{"stream-max", &Config::stream_max, "Bytes in a stream message"},
    Parameter{"queue-max", &Config::queue_max, "Broadcasts that wait"},
    Parameter{"peer-rate-max", &Config::peer_rate_max, "Datagrams a second taken from one peer"},
};

struct Unit {
    std::string_view suffix;
    base::Duration length;
};

constexpr std::array units{Unit{"ms", base::milliseconds(1)}, Unit{"s", base::seconds(1)},
                           Unit{"m", base::seconds(60)}, Unit{"h", base::seconds(3600)}};
constexpr std::int64_t count_max = 1'000'000;

std::optional<base::Duration> parse(std::string_view text, base::Duration) {
    std::size_t const digits = std::min(text.find_first_not_of("0123456789"), text.size());
    auto const count = base::parse_integer<std::int64_t>(text.substr(0, digits));
    auto const unit = std::ranges::find(units, text.substr(digits), &Unit::suffix);
    if (!count || *count > count_max || unit == units.end()) {
        return std::nullopt;
    }
    return *count * unit->length;
}

template <std::integral Integer>
std::optional<Integer> parse(std::string_view text, Integer) {
    return base::parse_integer<Integer>(text);
}

std::string show(base::Duration duration) {
    auto const count = std::chrono::duration_cast<base::milliseconds>(duration).count();
    return count % 1000 == 0 ? base::concat(count / 1000, "s") : base::concat(count, "ms");
}

std::string show(std::integral auto value) {
    return std::to_string(value);
}

Parameter const* find(std::string_view name) {
    auto const found = std::ranges::find(parameters, name, &Parameter::name);
    return found == parameters.end() ? nullptr : found;
}

base::Result<void> set(Settings& settings, std::string const& name, std::string const& text) {
    Parameter const* const parameter = find(name);
    if (parameter == nullptr) {
        std::vector<std::string> names;
        for (Parameter const& each : parameters) {
            names.emplace_back(each.name);
        }
        std::string_view const meant = nearest(name, names);
        return base::fail(base::concat(
            "[gossip] has no parameter \"", name, "\"",
            meant.empty() ? std::string() : base::concat("; did you mean \"", meant, "\"?")));
    }
    return std::visit(
        [&](auto field) -> base::Result<void> {
            auto const value = parse(text, at(settings, field));
            if (!value) {
                return base::fail(base::concat(
                    "gossip ", name, ": \"", text, "\" is not ",
                    is_timed(field) ? "a duration such as 200ms, 5s or 2m" : "a number"));
            }
            at(settings, field) = *value;
            return {};
        },
        parameter->field);
}

}  // namespace

std::vector<GossipParameter> gossip_parameters() {
    std::vector<GossipParameter> out;
    for (Parameter const& each : parameters) {
        bool const timed = std::visit([](auto field) { return is_timed(field); }, each.field);
        out.push_back({each.name, timed ? "DURATION" : "N", each.help});
    }
    return out;
}

base::Result<GossipSettings> gossip_settings(GossipTexts const& file, GossipTexts const& given) {
    GossipTexts texts = given;
    texts.insert(file.begin(), file.end());
    gossip::Profile profile{};
    if (auto const named = texts.extract("profile")) {
        auto const known = gossip::parse_profile(named.mapped());
        if (!known) {
            return base::fail(
                base::concat("profile: \"", named.mapped(), "\" is not lan, wan or edge"));
        }
        profile = *known;
    }
    GossipSettings out{.settings = {.gossip = gossip::config_of(profile)},
                       .summary = std::string(to_string(profile))};
    std::string_view before = " with ";
    for (auto const& [name, text] : texts) {
        TRY_VOID(set(out.settings, name, text));
        out.summary += base::concat(std::exchange(before, ", "), name, "=", text);
    }
    if (auto const fine = agent::check(out.settings); !fine) {
        return base::fail(base::concat("gossip: ", fine.error()));
    }
    return out;
}

std::vector<std::string> gossip_changes(Settings const& before, Settings const& after) {
    std::vector<std::string> out;
    for (Parameter const& parameter : parameters) {
        std::visit(
            [&](auto field) {
                if (at(before, field) != at(after, field)) {
                    out.push_back(base::concat(parameter.name, ": ", show(at(before, field)),
                                               " -> ", show(at(after, field))));
                }
            },
            parameter.field);
    }
    return out;
}

}  // namespace cmd
