#pragma once

#include <cstdint>
#include <vector>

#include "tests/sim/checkers/property.h"

namespace sim {

// No message is longer than its channel takes.
class MessagesFit final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "messages-fit"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

// What an agent keeps stays within its bounds.
class QueuesBounded final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "queues-bounded"; }

    [[nodiscard]] Complaint check(World const& world) override;
};

// Answers do not answer answers: since the last check no host has sent more than what it may find
// in its mailbox after a pause calls for.
class NoStorm final : public Property {
public:
    [[nodiscard]] std::string_view name() const override { return "no-storm"; }

    [[nodiscard]] Complaint check(World const& world) override;

private:
    base::Instant since_{};
    std::vector<std::uint64_t> packets_before_;
};

// Since this was made hosts have sent no more than an idle fleet may.
class TrafficWithinBudget final : public Property {
public:
    explicit TrafficWithinBudget(World const& world);

    [[nodiscard]] std::string_view name() const override { return "traffic-within-budget"; }

    [[nodiscard]] Complaint check(World const& world) override;

private:
    base::Instant since_;
    std::uint64_t bytes_before_;
};

}  // namespace sim
