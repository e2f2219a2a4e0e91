#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "runtime/driver.h"

namespace sim {

// How the program of a container behaves.
struct Program {
    std::optional<base::Duration> runs_for{};  // none: until it is stopped
    runtime::ExitStatus exit{};                // when it ends by itself
    std::string output{};                      // written when it starts
    bool ignores_term = false;
    bool healthy = true;
};

// The containers of one simulated host; they outlive its agent, as real ones do.
struct FakeMachine {
    struct Container {
        runtime::Assignment assignment;
        base::IpAddress address;
        Program program;
        base::Instant ends_at = base::instant_max;
        runtime::ExitStatus status{};  // once it ends
        bool started = false;
        bool ended = false;
    };

    explicit FakeMachine(base::Prng random) : prng(random) {}

    // A container that ends now, as if its program had failed.
    void kill(std::string const& id, runtime::ExitStatus status) {
        auto const at = containers.find(id);
        if (at != containers.end() && at->second.started && !at->second.ended) {
            at->second.ends_at = now;
            at->second.status = status;
        }
    }

    base::Prng prng;
    base::Instant now{};
    std::set<std::string> images;
    std::function<Program(runtime::ContainerSpec const&)> program_of =
        [](runtime::ContainerSpec const&) { return Program(); };
    bool refuses = false;  // every start fails
    base::Duration start_min = base::milliseconds(50);
    base::Duration start_max = base::milliseconds(500);
    base::Duration step = base::milliseconds(20);  // of stopping, removing and probing

    std::map<std::string, Container> containers;
    std::map<std::string, std::string> logs;
    std::uint32_t addresses = 0;
};

// A driver for one life of an agent on a FakeMachine. Nothing happens but in advance(), in the
// order of time, so that a simulation repeats exactly.
class FakeDriver final : public runtime::Driver {
public:
    explicit FakeDriver(FakeMachine& machine) : machine_(machine) {}

    base::Result<std::vector<runtime::Adopted>> adopt(Sink sink) override {
        sink_ = std::move(sink);
        std::vector<runtime::Adopted> adopted;
        std::erase_if(machine_.containers, [](auto const& entry) { return !entry.second.started; });
        for (auto& [id, container] : machine_.containers) {
            end_if_due(container);
            std::optional<runtime::ExitStatus> exited;
            if (container.ended) {
                exited = container.status;
            }
            adopted.push_back({id, container.assignment, container.address, exited});
        }
        return adopted;
    }

    void perform(runtime::Action action) override {
        if (sink_) {
            std::visit([this](auto const& alternative) { on(alternative); }, action);
        }
    }

    void close() override {
        sink_ = nullptr;
        due_.clear();
    }

    base::Result<runtime::LogPart> read_log(std::string const& id, std::uint64_t from,
                                            bool from_end, std::size_t size_max) override {
        auto const at = machine_.logs.find(id);
        if (at == machine_.logs.end()) {
            return base::fail(base::concat("there is no log of container ", id));
        }
        std::uint64_t const end = at->second.size();
        std::uint64_t const start = from_end ? end - std::min(end, from) : std::min(end, from);
        return runtime::LogPart{start, at->second.substr(start, size_max), end};
    }

    [[nodiscard]] std::string description() const override { return "fake"; }

    // When advance() has something to do.
    [[nodiscard]] base::Instant next_deadline() const {
        base::Instant deadline = due_.empty() ? base::instant_max : due_.begin()->first;
        for (auto const& [id, container] : machine_.containers) {
            if (container.started && !container.ended) {
                deadline = std::min(deadline, container.ends_at);
            }
        }
        return deadline;
    }

    // Lets time pass and reports what has happened.
    void advance(base::Instant now) {
        while (next_deadline() <= now) {
            machine_.now = std::max(machine_.now, next_deadline());
            if (!due_.empty() && due_.begin()->first <= machine_.now) {
                std::function<void()> const work = std::move(due_.begin()->second);
                due_.erase(due_.begin());
                work();
            }
            report_ends();
        }
        machine_.now = std::max(machine_.now, now);
    }

private:
    void on(runtime::Start const& action) {
        std::int64_t const spread = (machine_.start_max - machine_.start_min).count();
        base::Duration const delay =
            machine_.start_min + base::Duration(static_cast<std::int64_t>(
                                     machine_.prng.below(static_cast<std::uint64_t>(spread) + 1)));
        if (machine_.refuses || !machine_.images.contains(action.spec.image)) {
            later(delay, [this, id = action.id, image = action.spec.image] {
                sink_(runtime::StartFailed{id, base::concat("image ", image, " is not here")});
            });
            return;
        }
        FakeMachine::Container& container = machine_.containers[action.id];
        container.assignment = action.assignment;
        switch (action.spec.networking.mode) {
            case runtime::NetworkMode::bridge:
                container.address = base::IpAddress::v4(0x0a800000U + ++machine_.addresses);
                break;
            case runtime::NetworkMode::host:
                container.address = runtime::host_network_address();
                break;
            case runtime::NetworkMode::none:
                break;
        }
        container.program = machine_.program_of(action.spec);
        later(delay, [this, id = action.id] { started(id); });
    }

    void on(runtime::Stop const& action) {
        auto const at = machine_.containers.find(action.id);
        if (at == machine_.containers.end() || at->second.ended) {
            return;
        }
        FakeMachine::Container& container = at->second;
        bool const heeds = !container.program.ignores_term;
        base::Instant const end = machine_.now + (heeds ? machine_.step : action.grace);
        if (end < container.ends_at) {
            container.ends_at = end;
            container.status = heeds ? runtime::ExitStatus{.code = 143, .signal = 15}
                                     : runtime::ExitStatus{.code = 137, .signal = 9};
        }
    }

    void on(runtime::Remove const& action) {
        later(machine_.step, [this, id = action.id] {
            machine_.containers.erase(id);
            sink_(runtime::Removed{id});
        });
    }

    void on(runtime::Probe const& action) {
        later(machine_.step, [this, id = action.id] {
            auto const at = machine_.containers.find(id);
            bool const healthy = at != machine_.containers.end() && at->second.started &&
                                 !at->second.ended && at->second.program.healthy;
            sink_(runtime::Probed{id, healthy, healthy ? "" : "no answer"});
        });
    }

    void started(std::string const& id) {
        auto const at = machine_.containers.find(id);
        if (at == machine_.containers.end()) {
            return;
        }
        FakeMachine::Container& container = at->second;
        container.started = true;
        machine_.logs[id] = container.program.output;
        if (container.program.runs_for) {
            container.ends_at = machine_.now + *container.program.runs_for;
            container.status = container.program.exit;
        }
        sink_(runtime::Started{id, container.address});
    }

    bool end_if_due(FakeMachine::Container& container) const {
        if (!container.started || container.ended || container.ends_at > machine_.now) {
            return false;
        }
        container.ended = true;
        return true;
    }

    void report_ends() {
        for (auto& [id, container] : machine_.containers) {
            if (end_if_due(container) && sink_) {
                sink_(runtime::Exited{id, container.status});
            }
        }
    }

    void later(base::Duration delay, std::function<void()> work) {
        due_.emplace(machine_.now + delay, std::move(work));
    }

    FakeMachine& machine_;
    Sink sink_;
    std::multimap<base::Instant, std::function<void()>> due_;  // equal times: in order of insertion
};

}  // namespace sim
