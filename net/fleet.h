#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "net/crypto.h"

namespace net {

using FleetId = std::array<std::byte, 16>;

struct FleetKey {
    std::uint32_t id{};
    Key key;
    friend bool operator==(FleetKey const&, FleetKey const&) = default;
};

inline constexpr std::size_t fleet_keys_max = 8;
inline constexpr std::size_t fleet_name_max = 63;
inline constexpr std::size_t seeds_max = 64;

// The keys that members share. The first one seals; all of them open, so that a new key can reach
// every host before it is used.
class KeyRing {
public:
    // 1 to fleet_keys_max keys with different ids.
    explicit KeyRing(std::vector<FleetKey> keys);

    [[nodiscard]] FleetKey const& primary() const { return keys_.front(); }

    [[nodiscard]] Key const* find(std::uint32_t id) const;

    [[nodiscard]] std::vector<FleetKey> const& keys() const { return keys_; }

    friend bool operator==(KeyRing const&, KeyRing const&) = default;

private:
    std::vector<FleetKey> keys_;
};

// What a member keeps about its fleet, besides the shared state.
struct Fleet {
    FleetId id{};
    std::string name;  // a label for people, may be empty
    KeyRing keys;
    std::vector<base::SocketAddress> seeds;  // where to look for members at the next start
    friend bool operator==(Fleet const&, Fleet const&) = default;
};

// A new fleet with one key. The name is cut to fleet_name_max bytes.
[[nodiscard]] Fleet make_fleet(std::string name);

// Nothing if this host is in no fleet yet.
[[nodiscard]] base::Result<std::optional<Fleet>> load_fleet(std::string const& state_dir);

// Seeds beyond seeds_max are left out.
[[nodiscard]] base::Result<void> save_fleet(std::string const& state_dir, Fleet const& fleet);

// Parts of files, tokens and messages. Readers set failed() on what the writers cannot have
// written.
void put_address(base::SocketAddress const& address, base::ByteWriter& out);
[[nodiscard]] base::SocketAddress get_address(base::ByteReader& in);
void put_node_id(base::NodeId id, base::ByteWriter& out);
[[nodiscard]] base::NodeId get_node_id(base::ByteReader& in);
void put_keys(KeyRing const& ring, base::ByteWriter& out);
[[nodiscard]] std::optional<KeyRing> get_keys(base::ByteReader& in);

// Fills `out` with the next bytes; zeros if there are too few.
void get_bytes(base::ByteReader& in, std::span<std::byte> out);

}  // namespace net
