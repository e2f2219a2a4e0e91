#pragma once

#include <cstdint>
#include <map>

#include "base/ids.h"
#include "gossip/message.h"
#include "tests/sim/checkers/property.h"

namespace sim {

// Every running host sees every running host alive, and no other, and no disk that is full.
class EveryoneAlive final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "everyone-alive"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

// Nobody is called down or suspected who is not. For runs without faults.
class NoFalseDown final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "no-false-down"; }

    [[nodiscard]] Complaint check(World const& world) override;

private:
    std::size_t turn_ = 0;
};

// A lost host is down to every running host.
class LossNoticed final : public Property {
public:
    explicit LossNoticed(base::NodeId lost) : lost_(lost) {}

    [[nodiscard]] std::string_view name() const override { return "loss-noticed"; }

    [[nodiscard]] Complaint check(World const& world) override;

private:
    base::NodeId lost_;
};

// What one agent says of a member's incarnation never goes back while it runs; what a member says
// of its own never does, and one incarnation never has two contents. Reads all gossip that is sent.
class IncarnationsRise final : public Property {
public:
    explicit IncarnationsRise(World& world);

    [[nodiscard]] std::string_view name() const override { return "incarnations-rise"; }

    [[nodiscard]] Complaint check(World const& world) override;

private:
    struct Said {
        std::uint64_t life{};
        std::uint64_t incarnation{};
        std::uint64_t content{};
    };

    void hear(Host const& from, base::ByteView message);
    void hear(Host const& from, gossip::Record const& claim);

    std::map<std::pair<std::size_t, base::NodeId>, Said> said_;
    Complaint complaint_;
};

}  // namespace sim
