#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/world.h"

namespace sim {

// What is wrong, for a person; nothing when all is well.
using Complaint = std::optional<std::string>;

// One thing that must hold. Some remember what they saw: one object serves one run.
class Property {
public:
    virtual ~Property() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual Complaint check(World const& world) = 0;
};

// Which property is violated, and how.
struct Violation {
    std::string property;
    std::string text;
};

// Properties that are checked together, in this order: the first violation counts.
class Suite {
public:
    template <class Checked, class... Arguments>
    void add(Arguments&&... arguments) {
        properties_.push_back(std::make_unique<Checked>(std::forward<Arguments>(arguments)...));
    }

    [[nodiscard]] std::optional<Violation> check(World const& world) const {
        for (auto const& property : properties_) {
            if (auto complaint = property->check(world)) {
                return Violation{std::string(property->name()), *std::move(complaint)};
            }
        }
        return std::nullopt;
    }

private:
    std::vector<std::unique_ptr<Property>> properties_;
};

// The hosts whose agent runs.
[[nodiscard]] inline std::vector<Host const*> running_hosts(World const& world) {
    std::vector<Host const*> hosts;
    for (auto const& host : world.hosts()) {
        if (host->agent) {
            hosts.push_back(host.get());
        }
    }
    return hosts;
}

}  // namespace sim
