#include "placement/score.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>

#include "base/bytes.h"
#include "base/hash.h"
#include "placement/placement.h"

namespace placement {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr unsigned fraction_bits = 58;
constexpr unsigned segment_bits = 10;
constexpr unsigned segments = 1U << segment_bits;
constexpr unsigned rest_bits = 63 - segment_bits;

constexpr std::uint64_t ln2_scaled_64 = 0xb17217f7d1cf79ab;  // ln 2 in units of 2^-64
constexpr std::uint64_t ln2 = ln2_scaled_64 >> (64 - fraction_bits);

// log2 of a number in [1, 2) given in units of 2^-63: squaring a number doubles its logarithm,
// which shifts the next binary digit of the logarithm in front of the point.
constexpr std::uint64_t log2_of(std::uint64_t number) {
    std::uint64_t digits = 0;
    for (unsigned digit = 0; digit < fraction_bits; ++digit) {
        Wide const square = (Wide{number} * number) >> 63;
        std::uint64_t const carry = static_cast<std::uint64_t>(square >> 64);
        number = static_cast<std::uint64_t>(square >> carry);
        digits = (digits << 1) | carry;
    }
    return digits;
}

// ln(1 + i / segments); exact to 2^-56.
constexpr std::array<std::uint64_t, segments + 1> make_ln_table() {
    std::array<std::uint64_t, segments + 1> table{};
    for (unsigned at = 0; at < segments; ++at) {
        std::uint64_t const number = (std::uint64_t{segments} + at) << rest_bits;
        table[at] = static_cast<std::uint64_t>((Wide{log2_of(number)} * ln2_scaled_64) >> 64);
    }
    table[segments] = ln2;
    return table;
}

constexpr auto ln_table = make_ln_table();

}  // namespace

// With hash + 1 = m * 2^e and m in [1, 2), the result is (64 - e) ln 2 - ln m. ln m is a straight
// line between neighbours of the table. A chord of a rising curve rises, and neighbouring chords
// share their ends, so the whole is monotone; a segment of width w is missed by at most w^2 / 8.
std::uint64_t negative_log(std::uint64_t hash) {
    if (hash == std::numeric_limits<std::uint64_t>::max()) {
        return 0;
    }
    std::uint64_t const number = hash + 1;
    unsigned const leading_zeros = static_cast<unsigned>(std::countl_zero(number));
    std::uint64_t const fraction = (number << leading_zeros) & ((std::uint64_t{1} << 63) - 1);
    std::size_t const at = fraction >> rest_bits;
    std::uint64_t const rest = fraction & ((std::uint64_t{1} << rest_bits) - 1);
    Wide const rise = Wide{ln_table[at + 1] - ln_table[at]} * rest;
    std::uint64_t const ln = ln_table[at] + static_cast<std::uint64_t>(rise >> rest_bits);
    return (leading_zeros + 1) * ln2 - ln;
}

std::uint64_t slot_hash(std::string_view service, std::uint32_t slot) {
    base::ByteWriter key;
    key.sized(service);
    key.u32(slot);
    return base::stable_hash(key.view());
}

std::uint64_t node_hash(base::NodeId node) {
    return base::stable_hash(std::as_bytes(std::span(node.bytes)));
}

std::uint64_t pair_score(std::uint64_t slot_hash, std::uint64_t node_hash, std::uint32_t weight) {
    if (weight == 0) {
        return std::numeric_limits<std::uint64_t>::max();
    }
    return negative_log(base::mix(slot_hash ^ node_hash)) / weight;
}

std::uint64_t score(std::string_view service, std::uint32_t slot, base::NodeId node,
                    std::uint32_t weight) {
    return pair_score(slot_hash(service, slot), node_hash(node), weight);
}

std::uint32_t global_slot(std::string_view service, base::NodeId node) {
    // 0 is no slot.
    constexpr std::uint64_t slots = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(base::mix(slot_hash(service, 0) ^ node_hash(node)) % slots) +
           1;
}

std::vector<base::NodeId> ranking(std::string_view service, std::uint32_t slot,
                                  std::span<Node const> nodes) {
    std::uint64_t const hash = slot_hash(service, slot);
    std::vector<std::pair<std::uint64_t, base::NodeId>> scored;
    scored.reserve(nodes.size());
    for (Node const& node : nodes) {
        scored.emplace_back(pair_score(hash, node_hash(node.id), node.weight), node.id);
    }
    std::ranges::sort(scored);
    std::vector<base::NodeId> ranked;
    ranked.reserve(scored.size());
    for (auto const& [unused, id] : scored) {
        ranked.push_back(id);
    }
    return ranked;
}

}  // namespace placement
