#pragma once

#include <array>
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

    friend constexpr auto operator<=>(NodeId const&, NodeId const&) = default;

    [[nodiscard]] bool is_zero() const { return *this == NodeId{}; }
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
