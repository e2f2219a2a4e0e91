#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "tests/sim/faults.h"

namespace sim {

// From one host to another.
struct Link {
    std::size_t from{};
    std::size_t to{};
    friend auto operator<=>(Link const&, Link const&) = default;
};

enum class Cut : std::uint8_t {
    both_ways,  // neither side hears the other
    inbound,    // the side does not hear the others, and is heard
};

// What becomes of what hosts send each other. It delivers nothing: it says when a packet arrives,
// if it does.
class Network {
public:
    struct Counters {
        std::uint64_t sent{}, lost{}, corrupted{}, too_large{}, duplicated{}, reordered{};
    };

    Network(std::size_t hosts, base::Prng prng);

    // Loss, delay and the like from now on; cuts and clogs are made one by one.
    void set(Faults const& faults);
    // All links are good, and what was clogged is not.
    void repair();

    // `side` and all others, until mend().
    [[nodiscard]] std::uint64_t cut(std::set<std::size_t> const& side, Cut direction);
    void mend(std::uint64_t cut);
    [[nodiscard]] bool hears(Link link) const;

    void clog(Link link, base::Instant until);
    void clog_all_to(std::size_t host, base::Instant until);

    // When the copies of a datagram arrive.
    struct Copies {
        std::array<base::Instant, 2> at{};
        std::size_t count{};
    };

    [[nodiscard]] Copies datagram(base::Instant now, Link link, std::size_t size);
    // When a stream message arrives, behind those before it: what is lost is sent again. Nothing
    // when too much is, and the connection breaks.
    [[nodiscard]] std::optional<base::Instant> stream(base::Instant now, Link link);

    [[nodiscard]] Counters const& counters() const { return counters_; }

private:
    struct Split {
        std::uint64_t id{};
        std::vector<bool> inside;
        Cut direction{};
    };

    [[nodiscard]] base::Duration delay();
    [[nodiscard]] base::Instant after_clogs(base::Instant when, Link link) const;
    [[nodiscard]] double loss_of(Link link) const;
    [[nodiscard]] bool too_large(Link link, std::size_t size) const;

    base::Prng prng_;
    std::uint64_t salt_;  // which links have the small MTU
    Faults faults_;
    std::vector<double> host_loss_;
    std::vector<Split> cuts_;
    std::uint64_t next_cut_ = 1;
    std::map<Link, base::Instant> clogged_;
    std::vector<base::Instant> clogged_to_;
    std::map<Link, base::Instant> last_stream_;
    Counters counters_;
};

}  // namespace sim
