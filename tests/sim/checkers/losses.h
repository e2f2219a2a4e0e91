#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/checkers/property.h"

namespace sim {

// After hosts were lost at the same moment: every survivor has counted them all, in two cuts at
// most (one that was suspected late may be a cut of its own), nine of ten in one, and has planned
// once a cut.
class LostTogether final : public Property {
public:
    // Before they are lost.
    LostTogether(World const& world, std::size_t lost);

    [[nodiscard]] std::string_view name() const override { return "one-cut-one-plan"; }

    [[nodiscard]] Complaint check(World const& world) override;

    // "10 lost, 1 cuts, 1 plans at 989 hosts".
    [[nodiscard]] std::string tally(World const& world) const;

private:
    struct Counts {
        std::uint64_t lost{}, cuts{}, plans{};
        friend auto operator<=>(Counts const&, Counts const&) = default;
    };

    [[nodiscard]] static Counts count(World const& world, Host const& host);
    [[nodiscard]] Counts since(World const& world, Host const& host) const;

    std::size_t lost_;
    std::vector<Counts> before_;  // by host
};

}  // namespace sim
