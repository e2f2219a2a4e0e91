#include "base/random.h"

#include <bit>

#include "base/check.h"
#include "base/hash.h"

namespace base {

Prng::Prng(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
        word = mix(seed);
        seed += 0x9e3779b97f4a7c15;
    }
}

std::uint64_t Prng::next() {
    std::uint64_t const result = std::rotl(state_[1] * 5, 7) * 9;
    std::uint64_t const shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
}

std::uint64_t Prng::below(std::uint64_t bound) {
    CHECK(bound > 0);
    // Rejecting the incomplete last run of `bound` values keeps the rest uniform.
    std::uint64_t const reject_below = (0 - bound) % bound;
    std::uint64_t value = next();
    while (value < reject_below) {
        value = next();
    }
    return value % bound;
}

double Prng::unit() {
    return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

}  // namespace base
