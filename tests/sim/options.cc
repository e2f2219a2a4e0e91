#include "tests/sim/options.h"

#include <algorithm>

#include "base/text.h"

namespace sim {

namespace {

constexpr std::uint64_t hosts_max = 4000;
constexpr std::uint64_t jobs_max = 256;

bool parse_kinds(std::string_view list, std::vector<Fault>& kinds) {
    return std::ranges::all_of(base::split(list, ','), [&](std::string_view name) {
        auto const kind = parse_fault(name);
        if (kind) {
            kinds.push_back(*kind);
        }
        return kind.has_value();
    });
}

bool set_number(std::string_view name, std::uint64_t value, Options& options) {
    if (name == "--seed") {
        options.first_seed = value;
        options.seeds = 1;
    } else if (name == "--first-seed") {
        options.first_seed = value;
    } else if (name == "--seeds") {
        options.seeds = value;
    } else if (name == "--hosts" && value >= 3 && value <= hosts_max) {
        options.hosts = value;
    } else if (name == "--jobs" && value >= 1 && value <= jobs_max) {
        options.jobs = value;
    } else if (name == "--vanish") {
        options.vanish = value;
    } else if (name == "--fault-seconds") {
        options.fault_phase = base::seconds(value);
    } else {
        return false;
    }
    return true;
}

}  // namespace

Settings Options::settings(std::uint64_t seed) const {
    return {.seed = seed,
            .hosts = hosts != 0 ? hosts : draw_hosts(seed),
            .without = without,
            .fault_phase = fault_phase,
            .calm = calm.value_or(draw_calm(seed)),
            .vanish = vanish};
}

std::optional<Options> parse_options(std::vector<std::string_view> const& arguments) {
    Options options;
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        std::string_view const name = arguments[at];
        if (name == "--shrink") {
            options.shrink = true;
        } else if (name == "--calm") {
            options.calm = true;
        } else if (name == "--help") {
            options.help = true;
        } else if (++at == arguments.size()) {
            return std::nullopt;
        } else if (name == "--without") {
            if (!parse_kinds(arguments[at], options.without)) {
                return std::nullopt;
            }
        } else {
            auto const value = base::parse_integer<std::uint64_t>(arguments[at]);
            if (!value || !set_number(name, *value, options)) {
                return std::nullopt;
            }
        }
    }
    // One is lost before, and most must remain.
    bool const few = options.vanish == 0 || 2 * options.vanish < options.hosts;
    return few ? std::optional(options) : std::nullopt;
}

std::string_view usage() {
    return "./dev sim [OPTIONS]\n"
           "  --seeds N            so many (default 100)\n"
           "  --first-seed S       from this one on (default 1)\n"
           "  --seed X             this one alone\n"
           "  --hosts M            3 or more (default: drawn per seed, 3 to 30)\n"
           "  --jobs J             so many at a time, a process each (default 1)\n"
           "  --without KIND,...   leave out kinds of fault: loss, partition, ... "
           "(tests/sim/faults.h)\n"
           "  --calm               no faults at all (default: one seed in sixteen)\n"
           "  --vanish K           in the end so many hosts are lost at once\n"
           "  --fault-seconds T    how long the faults last (default 30)\n"
           "  --shrink             find the smallest run that still fails\n"
           "Exit codes: 0 all held, 2 usage, 127 crash, 128 liveness, 129 safety.\n";
}

std::string replay_command(Settings const& settings) {
    std::string command =
        base::concat("./dev sim --seed ", settings.seed, " --hosts ", settings.hosts);
    std::string kinds;
    for (Fault const kind : settings.without) {
        kinds += base::concat(kinds.empty() ? "" : ",", to_string(kind));
    }
    if (!kinds.empty()) {
        command += base::concat(" --without ", kinds);
    }
    if (settings.fault_phase != Settings().fault_phase) {
        auto const seconds = std::chrono::duration_cast<base::seconds>(settings.fault_phase);
        command += base::concat(" --fault-seconds ", seconds.count());
    }
    if (settings.vanish != 0) {
        command += base::concat(" --vanish ", settings.vanish);
    }
    if (settings.calm && !draw_calm(settings.seed)) {
        command += " --calm";
    }
    return command;
}

}  // namespace sim
