#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace base {

// An integer that only compares with its own kind.
template <class Tag, class Rep>
struct Id {
    Rep value{};
    friend constexpr auto operator<=>(Id const&, Id const&) = default;
};

// The identity of a host: the first 16 bytes of BLAKE2b of its Ed25519 public key. Two hosts with
// one NodeId would need a hash collision; names and addresses are only labels on it.
struct NodeId {
    std::array<std::uint8_t, 16> bytes{};

    // In the order of their bytes, as two words: trees of hosts compare little else.
    friend constexpr std::strong_ordering operator<=>(NodeId const& a, NodeId const& b) {
        Words const left = words(a);
        Words const right = words(b);
        return left[0] != right[0] ? left[0] <=> right[0] : left[1] <=> right[1];
    }

    friend constexpr bool operator==(NodeId const& a, NodeId const& b) {
        return words(a) == words(b);
    }

    [[nodiscard]] bool is_zero() const { return *this == NodeId{}; }

private:
    using Words = std::array<std::uint64_t, 2>;

    static constexpr Words words(NodeId const& id) {
        auto words = std::bit_cast<Words>(id.bytes);
        if constexpr (std::endian::native == std::endian::little) {
            words = {std::byteswap(words[0]), std::byteswap(words[1])};
        }
        return words;
    }
};

// 32 lower-case hexadecimal digits, the form that keys of the shared state contain.
[[nodiscard]] std::string to_string(NodeId const& id);

// The first 8 of them: enough to tell hosts apart on a screen.
[[nodiscard]] std::string short_string(NodeId const& id);

// Exactly 32 hexadecimal digits, else nothing.
[[nodiscard]] std::optional<NodeId> parse_node_id(std::string_view text);

// For hash tables inside one process; not stable across versions.
struct NodeIdHash {
    [[nodiscard]] std::size_t operator()(NodeId const& id) const noexcept;
};

}  // namespace base
