#pragma once

#include "tests/sim/checkers/property.h"

namespace sim {

// From the same state every host computes the same owner of every slot.
class PlansAgree final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "plans-agree"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

// Every host balances over every replica that runs, and nothing else.
class TablesTrue final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "tables-true"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

// Every host that has a subnet has it alone, and every service its virtual IP.
class ClaimsUnique final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "claims-unique"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

}  // namespace sim
