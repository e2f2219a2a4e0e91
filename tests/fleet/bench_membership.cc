#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <poll.h>

#include "base/text.h"
#include "tests/fleet/harness.h"
#include "tests/fleet/host_death.h"
#include "tests/fleet/serf_fleet.h"
#include "tests/fleet/usage.h"

// ./dev bench membership: how soon a fleet knows that a host or an agent is gone, beside Serf, as
// tables for docs/benchmarks.md.
namespace {

using fleet::Failure;
using fleet::Fleet;
using fleet::SerfFleet;

constexpr std::size_t hosts = 5;
constexpr base::Duration detection_max = base::seconds(60);
constexpr base::Duration patience = base::seconds(60);
constexpr int poll_milliseconds = 10;
constexpr base::Duration settling = base::seconds(10);
constexpr base::Duration idle = base::seconds(20);

// Hosts take turns, so in so many runs none is lost twice.
constexpr std::size_t runs_of_a_fleet = 4;

constexpr base::Duration vanish_median_target = base::milliseconds(900);
constexpr base::Duration vanish_max_target = base::seconds(2);
constexpr base::Duration kill_target = base::milliseconds(300);

enum class Loss : std::uint8_t {
    host,   // link, agent and all: known when every survivor lists it as down
    agent,  // its process alone: known when no survivor lists it as alive
};

// A fleet under measurement.
class Subject {
public:
    virtual ~Subject() = default;

    virtual void lose(Loss what, std::size_t host) = 0;
    virtual void bring_back(Loss what, std::size_t host) = 0;
    // Whether this observer knows of the loss.
    virtual bool knows(std::size_t observer, Loss what, std::size_t host) = 0;
    // Every host lists every host as alive.
    virtual bool is_whole() = 0;
    virtual pid_t agent_pid(std::size_t host) = 0;

    // A fleet none of whose hosts was lost before: what was lost again and again is less eager.
    virtual void renew() {}
};

class Covey final : public Subject {
public:
    explicit Covey(std::string agent) : agent_(std::move(agent)) { renew(); }

    void renew() override {
        fleet_.reset();
        fleet_.emplace(Fleet::Options{.agent = agent_, .hosts = hosts});
        fleet_->join_all();
    }

    void lose(Loss what, std::size_t host) override {
        what == Loss::host ? fleet_->kill_host(host) : fleet_->host(host).kill_agent();
    }

    void bring_back(Loss what, std::size_t host) override {
        what == Loss::host ? fleet_->return_host(host) : fleet_->host(host).start_agent();
    }

    bool knows(std::size_t observer, Loss what, std::size_t host) override {
        auto const status = status_of(fleet_->host(observer), fleet_->host(host).name());
        return status == agent::NodeStatus::down ||
               (what == Loss::agent && status == agent::NodeStatus::restarting);
    }

    bool is_whole() override {
        for (std::size_t observer = 0; observer < hosts; ++observer) {
            auto const nodes = fleet_->host(observer).nodes();
            if (std::ranges::count(nodes, agent::NodeStatus::alive, &agent::NodeReport::status) !=
                hosts) {
                return false;
            }
        }
        return true;
    }

    pid_t agent_pid(std::size_t host) override { return fleet_->host(host).agent_pid(); }

private:
    static std::optional<agent::NodeStatus> status_of(fleet::Host const& observer,
                                                      std::string const& name) {
        auto const nodes = observer.nodes();
        auto const node = std::ranges::find(nodes, name, &agent::NodeReport::name);
        return node == nodes.end() ? std::nullopt : std::optional(node->status);
    }

    std::string agent_;
    std::optional<Fleet> fleet_;
};

class Serf final : public Subject {
public:
    Serf(std::string binary, std::string profile)
        : fleet_({.serf = std::move(binary), .profile = std::move(profile), .hosts = hosts}) {}

    void lose(Loss what, std::size_t host) override {
        what == Loss::host ? fleet_.kill_host(host) : fleet_.kill_agent(host);
    }

    void bring_back(Loss what, std::size_t host) override {
        what == Loss::host ? fleet_.return_host(host) : fleet_.start_agent(host);
    }

    bool knows(std::size_t observer, Loss, std::size_t host) override {
        return fleet_.lists_failed(observer, host);
    }

    bool is_whole() override { return fleet_.is_whole(); }

    pid_t agent_pid(std::size_t host) override { return fleet_.agent_pid(host); }

private:
    SerfFleet fleet_;
};

struct Series {
    std::string name;
    std::unique_ptr<Subject> subject;
    std::vector<base::Duration> host_losses{};
    std::vector<base::Duration> agent_losses{};
};

void say(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

void await_whole(Series const& series) {
    if (!fleet::wait_until(patience, [&] { return series.subject->is_whole(); })) {
        throw Failure(base::concat(series.name, ": the hosts do not all know each other"));
    }
}

// From just before the loss until the last survivor knows; detection_max if that is not soon
// enough. Then everything is as before again.
base::Duration time_loss(Series const& series, Loss what, std::size_t victim) {
    std::vector<std::size_t> unaware;
    for (std::size_t host = 0; host < hosts; ++host) {
        if (host != victim) {
            unaware.push_back(host);
        }
    }
    base::Instant const lost = fleet::now();
    series.subject->lose(what, victim);
    base::Duration took{};
    while (!unaware.empty() && took < detection_max) {
        ::poll(nullptr, 0, poll_milliseconds);
        std::erase_if(unaware, [&](std::size_t observer) {
            return series.subject->knows(observer, what, victim);
        });
        took = fleet::now() - lost;
    }
    series.subject->bring_back(what, victim);
    await_whole(series);
    return std::min(took, detection_max);
}

base::Duration median(std::vector<base::Duration> values) {
    std::ranges::sort(values);
    std::size_t const middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string cell(base::Duration took) {
    return took < detection_max ? fleet::in_milliseconds(took) : "> 60 s";
}

std::string decimal(double value, int digits) {
    std::array<char, 32> text;
    auto const end =
        std::to_chars(text.begin(), text.end(), value, std::chars_format::fixed, digits);
    return {text.begin(), end.ptr};
}

double in_seconds(base::Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

std::string ratio(base::Duration value, base::Duration unit) {
    return decimal(in_seconds(value) / in_seconds(unit), 1);
}

using Table = std::deque<Series>;
using Losses = std::vector<base::Duration> Series::*;

void say_row(std::string_view name, Table const& table,
             std::function<std::string(Series const&, Losses)> const& text) {
    std::string row = base::concat("| ", name, " |");
    for (Series const& series : table) {
        row += base::concat(" ", text(series, &Series::host_losses), " | ",
                            text(series, &Series::agent_losses), " |");
    }
    say(row);
}

void say_summary(Table const& table) {
    say_row("**median**", table, [](Series const& series, Losses losses) {
        return base::concat("**", cell(median(series.*losses)), "**");
    });
    say_row("least", table, [](Series const& series, Losses losses) {
        return cell(std::ranges::min(series.*losses));
    });
    say_row("most", table, [](Series const& series, Losses losses) {
        return cell(std::ranges::max(series.*losses));
    });
    say_row("median / Covey's", table, [&](Series const& series, Losses losses) {
        return ratio(median(series.*losses), median(table.front().*losses));
    });
}

struct Target {
    std::string_view measure;
    base::Duration below;
    base::Duration measured;

    [[nodiscard]] bool met() const { return measured < below; }
};

// Says how each came out, and gives the missed ones in words.
std::string say_targets(std::span<Target const> targets) {
    say("\n| measure | target | measured | |");
    say("|---|---|---|---|");
    std::string missed;
    for (Target const& target : targets) {
        std::string const below = base::concat("< ", fleet::in_milliseconds(target.below));
        say(base::concat("| ", target.measure, " | ", below, " | ", cell(target.measured), " | ",
                         target.met() ? "met" : "MISSED", " |"));
        if (!target.met()) {
            missed += base::concat(missed.empty() ? "" : "; ", target.measure, ": ",
                                   cell(target.measured), ", wanted ", below);
        }
    }
    return missed;
}

// The targets that were missed, in words.
std::string bench_losses(Table& table, std::size_t runs, std::size_t serf_runs) {
    std::string head = "| run |";
    std::string rule = "|---|";
    for (Series const& series : table) {
        head += base::concat(" ", series.name, ": host | agent |");
        rule += "---|---|";
    }
    say(head);
    say(rule);
    for (std::size_t run = 0; run < runs; ++run) {
        // Serf's runs are spread among Covey's, so that what else the machine does hits both.
        bool const with_serf = (run + 1) * serf_runs / runs > run * serf_runs / runs;
        auto const takes_part = [&](Series const& series) {
            return with_serf || &series == &table.front();
        };
        for (Series& series : table) {
            if (takes_part(series)) {
                if (run > 0 && run % runs_of_a_fleet == 0) {
                    series.subject->renew();
                    await_whole(series);
                }
                series.host_losses.push_back(time_loss(series, Loss::host, run % hosts));
                series.agent_losses.push_back(time_loss(series, Loss::agent, (run + 2) % hosts));
            }
        }
        say_row(std::to_string(run + 1), table, [&](Series const& series, Losses losses) {
            return takes_part(series) ? cell((series.*losses).back()) : std::string();
        });
    }
    say_summary(table);

    Series const& covey = table.front();
    return say_targets(std::to_array<Target>({
        {"host vanishes, median", vanish_median_target, median(covey.host_losses)},
        {"host vanishes, most", vanish_max_target, std::ranges::max(covey.host_losses)},
        {"agent killed, most", kill_target, std::ranges::max(covey.agent_losses)},
    }));
}

std::vector<fleet::Usage> usages_of(Series const& series) {
    std::vector<fleet::Usage> usages;
    for (std::size_t host = 0; host < hosts; ++host) {
        usages.push_back(fleet::usage_of(series.subject->agent_pid(host)));
    }
    return usages;
}

template <class Value>
Value mean(std::vector<fleet::Usage> const& usages, Value fleet::Usage::* field) {
    Value sum{};
    for (fleet::Usage const& usage : usages) {
        sum += usage.*field;
    }
    return sum / hosts;
}

// All fleets at the same time; nobody asks them anything meanwhile.
void bench_usage(Table const& table) {
    (void)fleet::wait_until(settling, [] { return false; });
    std::vector<std::vector<fleet::Usage>> before;
    for (Series const& series : table) {
        before.push_back(usages_of(series));
    }
    base::Instant const started = fleet::now();
    (void)fleet::wait_until(idle, [] { return false; });
    double const seconds = in_seconds(fleet::now() - started);

    say(base::concat("| ", hosts,
                     " idle hosts, mean of each | CPU, of one core | sent | memory (RSS) |"));
    say("|---|---|---|---|");
    for (std::size_t index = 0; index < table.size(); ++index) {
        auto const growth = [&, after = usages_of(table[index])](auto field) {
            return mean(after, field) - mean(before[index], field);
        };
        auto const memory = mean(usages_of(table[index]), &fleet::Usage::resident_bytes);
        say(base::concat(
            "| ", table[index].name, " | ",
            decimal(100 * in_seconds(growth(&fleet::Usage::cpu)) / seconds, 2), " % | ",
            decimal(static_cast<double>(growth(&fleet::Usage::sent_bytes)) / seconds, 0), " B/s | ",
            decimal(static_cast<double>(memory) / (1 << 20), 1), " MiB |"));
    }
    say("");
}

struct Options {
    std::string agent;
    std::string serf;
    std::size_t runs = 20;
    std::size_t serf_runs = 5;
};

std::optional<Options> parse(std::vector<std::string> const& arguments) {
    Options options;
    for (std::size_t index = 0; index + 1 < arguments.size(); index += 2) {
        std::string const& value = arguments[index + 1];
        auto const count = base::parse_integer<std::size_t>(value);
        if (arguments[index] == "--agent") {
            options.agent = value;
        } else if (arguments[index] == "--serf") {
            options.serf = value;
        } else if (arguments[index] == "--runs" && count.value_or(0) > 0) {
            options.runs = *count;
        } else if (arguments[index] == "--serf-runs" && count.value_or(0) > 0) {
            options.serf_runs = *count;
        } else {
            return std::nullopt;
        }
    }
    options.serf_runs = std::min(options.serf_runs, options.runs);
    bool const complete = !options.agent.empty() && !options.serf.empty();
    return complete && arguments.size() % 2 == 0 ? std::optional(options) : std::nullopt;
}

void bench(Options const& options) {
    if (std::string const reason = fleet::reason_to_skip(options.agent); !reason.empty()) {
        throw Failure(reason);
    }
    Table table;
    table.push_back({"Covey", std::make_unique<Covey>(options.agent)});
    table.push_back({"Serf, lan", std::make_unique<Serf>(options.serf, "lan")});
    table.push_back({"Serf, local", std::make_unique<Serf>(options.serf, "local")});
    std::ranges::for_each(table, await_whole);
    bench_usage(table);
    if (std::string const missed = bench_losses(table, options.runs, options.serf_runs);
        !missed.empty()) {
        throw Failure(base::concat("missed: ", missed));
    }
}

}  // namespace

int main(int argc, char** argv) {
    auto const options = parse({argv + 1, argv + argc});
    if (!options) {
        std::fputs("usage: bench_membership --agent PATH --serf PATH [--runs N] [--serf-runs N]\n",
                   stderr);
        return 2;
    }
    try {
        bench(*options);
        return 0;
    } catch (std::exception const& error) {
        std::fprintf(stderr, "bench_membership: %s\n", error.what());
        return 1;
    }
}
