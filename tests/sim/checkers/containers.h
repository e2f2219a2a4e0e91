#pragma once

#include <map>
#include <string>
#include <utility>

#include "tests/sim/checkers/property.h"

namespace sim {

// A host runs a slot at most once.
class OneContainerPerSlotAndHost final : public Property {
public:
    [[nodiscard]] std::string_view name() const override {
        return "one-container-per-slot-and-host";
    }

    [[nodiscard]] Complaint check(World const& world) override;
};

// No two containers of the fleet have the same address. Holds at all times in a fleet whose hosts
// had heard of each other's claims before the first fault.
class NoAddressTwice final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "no-address-twice"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

// Exactly the wanted replicas run, each slot once in the fleet, of the current revision, and all
// are healthy.
class ExactlyTheReplicas final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "exactly-the-replicas"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

// At least the wanted replicas run, on whichever hosts.
class ReplicasRun final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "replicas-run"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

// What ran when this was made and is not on the lost host runs on where it is, in the same
// container.
class OnlyLostSlotsMove final : public Property {
public:
    OnlyLostSlotsMove(World const& world, std::size_t lost);

    [[nodiscard]] std::string_view name() const override { return "only-lost-slots-move"; }

    [[nodiscard]] Complaint check(World const& world) override;

private:
    std::vector<std::pair<std::size_t, std::string>> before_;  // host, container
};

// While a service is updated at most one of its replicas is missing.
class RolloutKeepsItsFloor final : public Property {
public:
    RolloutKeepsItsFloor(std::string service, std::size_t replicas)
        : service_(std::move(service)), replicas_(replicas) {}

    [[nodiscard]] std::string_view name() const override { return "rollout-keeps-its-floor"; }

    [[nodiscard]] Complaint check(World const& world) override;

private:
    std::string service_;
    std::size_t replicas_;
};

// Containers of a service that run, of this revision or, if it is empty, of any.
[[nodiscard]] std::size_t running_containers(World const& world, std::string_view service,
                                             std::string_view revision = {});

}  // namespace sim
