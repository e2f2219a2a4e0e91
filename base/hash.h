#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace base {

// SipHash-2-4 (Aumasson and Bernstein, 2012) under a key given as two words. The same bytes give
// the same hash on every CPU and in every version: placement and revisions are built on it.
[[nodiscard]] std::uint64_t sip_hash(std::uint64_t key0, std::uint64_t key1, ByteView bytes);

// sip_hash under a key of the project's own, for placement, tables and digests of public data.
[[nodiscard]] std::uint64_t stable_hash(ByteView bytes);
[[nodiscard]] std::uint64_t stable_hash(std::string_view text);

// Two independent stable hashes: 128 bits name the contents of a canonical encoding.
[[nodiscard]] std::array<std::uint64_t, 2> stable_hash128(ByteView bytes);

// A bijective mixer (the finaliser of SplitMix64) to combine hashes: mix(a ^ b) and the like.
[[nodiscard]] std::uint64_t mix(std::uint64_t value);

}  // namespace base
