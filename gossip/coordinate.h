#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

#include "base/ids.h"
#include "base/random.h"
#include "base/time.h"

namespace gossip {

inline constexpr std::size_t coordinate_dimensions = 8;

// A place in the fleet's network space (Dabek et al., Vivaldi, SIGCOMM 2004; height vectors section
// 5.4; adjustment and gravity as in Ledlie et al., NSDI 2007). Units are seconds.
struct Coordinate {
    std::array<float, coordinate_dimensions> at{};
    float height = 1e-5F;  // the access link: on every path
    float error = 1.5F;    // relative, at most 1.5: how far to trust it
    float adjustment{};
    friend bool operator==(Coordinate const&, Coordinate const&) = default;
};

// Finite, and within what Vivaldi can produce: nothing else is taken from a peer.
[[nodiscard]] bool is_valid(Coordinate const& coordinate);

// The round trip between two places that are valid; never negative.
[[nodiscard]] base::Duration distance(Coordinate const& a, Coordinate const& b);

// This host's place, moved a little by every round trip to a peer whose place is known. Round trips
// go through a median of three per peer first.
class NetworkPosition {
public:
    static constexpr std::size_t peers_max = 4096;

    // Always valid.
    [[nodiscard]] Coordinate const& coordinate() const { return own_; }

    // Samples that are negative or beyond 10 s, and coordinates that are not is_valid(), are
    // ignored. Filters of at most peers_max peers are kept, samples of further ones are ignored;
    // the caller forgets peers that are gone.
    void on_sample(base::NodeId peer, Coordinate const& theirs, base::Duration round_trip,
                   base::Prng& prng);
    void forget(base::NodeId peer);

private:
    // The last round trips to one peer, in seconds, as a ring.
    struct Filter {
        std::array<float, 3> samples{};
        std::uint8_t count = 0;
        std::uint8_t next = 0;

        double median_with(double sample);
    };

    // A Coordinate at the precision that small forces need.
    struct Place {
        std::array<double, coordinate_dimensions> at{};
        double height = 1e-5;
        double error = 1.5;
        double adjustment{};

        [[nodiscard]] static Place of(Coordinate const& coordinate);
        [[nodiscard]] Coordinate rounded() const;
        // Away from `other` by `force` seconds, or towards it if that is negative.
        void push(double force, Place const& other, base::Prng& prng);
    };

    [[nodiscard]] static double raw_distance(Place const& a, Place const& b);
    [[nodiscard]] static double distance(Place const& a, Place const& b);
    void attract(Place const& theirs, double round_trip, base::Prng& prng);
    void adjust(Place const& theirs, double round_trip);

    friend base::Duration gossip::distance(Coordinate const& a, Coordinate const& b);

    Place place_;
    Coordinate own_ = place_.rounded();
    std::array<double, 20> residues_{};  // of the last round trips, for the adjustment
    std::size_t next_residue_ = 0;
    std::map<base::NodeId, Filter> filters_;
};

}  // namespace gossip
