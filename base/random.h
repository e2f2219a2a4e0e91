#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace base {

// xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64. The same seed gives the same
// sequence on every CPU, so a simulation can be repeated. Not for secrets.
class Prng {
public:
    explicit Prng(std::uint64_t seed);

    [[nodiscard]] std::uint64_t next();

    // Uniform in [0, bound); bound > 0.
    [[nodiscard]] std::uint64_t below(std::uint64_t bound);

    // Uniform in [0, 1).
    [[nodiscard]] double unit();

    // True with the given probability.
    [[nodiscard]] bool chance(double probability) { return unit() < probability; }

    // A generator of its own, for a part that must not disturb this one's sequence.
    [[nodiscard]] Prng fork() { return Prng(next()); }

    // Fisher-Yates.
    template <class T>
    void shuffle(std::span<T> items) {
        for (std::size_t count = items.size(); count > 1; --count) {
            std::swap(items[count - 1], items[static_cast<std::size_t>(below(count))]);
        }
    }

private:
    std::uint64_t state_[4];
};

}  // namespace base
