#pragma once

#include "tests/sim/checkers/property.h"

namespace sim {

// The shared state is equal on all running hosts, byte for byte.
class StateConverged final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "state-converged"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

// The same by digest: what is looked at again and again while a fleet heals.
class DigestsAgree final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "state-converged"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

// An edit that a user was promised is current, or lost against one that saw it or was written
// beside it: both have a greater stamp.
class NoAcknowledgedWriteLost final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "no-acknowledged-write-lost"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

// What was removed, and not applied again by one who saw that or worked beside it, is not there.
class NoTombstoneResurrected final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "no-tombstone-resurrected"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

// What is there is what some user wrote, to the byte.
class NothingInvented final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "nothing-invented"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

}  // namespace sim
