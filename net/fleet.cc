#include "net/fleet.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "net/state_dir.h"

namespace net {

namespace {
constexpr std::string_view kind = "covey fleet";
constexpr std::string_view advice =
    "restore it from a backup, or remove it and join the fleet again";

bool valid(std::vector<FleetKey> const& keys) {
    std::set<std::uint32_t> ids;
    for (FleetKey const& key : keys) {
        ids.insert(key.id);
    }
    return !keys.empty() && keys.size() <= fleet_keys_max && ids.size() == keys.size();
}

base::Bytes encode(Fleet const& fleet) {
    base::ByteWriter out;
    out.raw(fleet.id);
    out.sized(std::string_view(fleet.name).substr(0, fleet_name_max));
    put_keys(fleet.keys, out);
    std::size_t const seeds = std::min(fleet.seeds.size(), seeds_max);
    out.varint(seeds);
    for (std::size_t i = 0; i < seeds; ++i) {
        put_address(fleet.seeds[i], out);
    }
    return out.take();
}

std::optional<Fleet> decode(base::ByteView body) {
    base::ByteReader in(body);
    FleetId id;
    get_bytes(in, id);
    std::string name = in.text(fleet_name_max);
    auto keys = get_keys(in);
    std::uint64_t const seeds = in.varint();
    if (!keys || seeds > seeds_max) {
        return std::nullopt;
    }
    Fleet fleet{.id = id, .name = std::move(name), .keys = std::move(*keys), .seeds = {}};
    for (std::uint64_t i = 0; i < seeds; ++i) {
        fleet.seeds.push_back(get_address(in));
    }
    if (!in.complete()) {
        return std::nullopt;
    }
    return fleet;
}
}  // namespace

KeyRing::KeyRing(std::vector<FleetKey> keys) : keys_(std::move(keys)) {
    CHECK(valid(keys_));
}

Key const* KeyRing::find(std::uint32_t id) const {
    auto const found = std::ranges::find(keys_, id, &FleetKey::id);
    return found == keys_.end() ? nullptr : &found->key;
}

Fleet make_fleet(std::string name) {
    auto const id_bytes = random_bytes<4>();
    base::ByteReader in{base::ByteView(id_bytes)};
    FleetKey const key{.id = in.u32(), .key = random_key()};
    name.resize(std::min(name.size(), fleet_name_max));
    return {.id = random_bytes<16>(), .name = std::move(name), .keys = KeyRing({key}), .seeds = {}};
}

base::Result<std::optional<Fleet>> load_fleet(std::string const& state_dir) {
    std::string const path = state_dir + "/fleet";
    auto content = TRY(read_state_file(path));
    if (!content) {
        return std::nullopt;
    }
    base::Bytes body = TRY(unpack_state(kind, *content, path, advice));
    auto fleet = decode(body);
    wipe(body);
    wipe(*content);
    if (!fleet) {
        return base::fail(path + " is damaged: " + std::string(advice));
    }
    return fleet;
}

base::Result<void> save_fleet(std::string const& state_dir, Fleet const& fleet) {
    base::Bytes body = encode(fleet);
    base::Bytes content = pack_state(kind, body);
    auto const written = write_state_file(state_dir + "/fleet", content);
    wipe(body);
    wipe(content);
    return written;
}

void put_address(base::SocketAddress const& address, base::ByteWriter& out) {
    if (address.ip.is_v4()) {
        out.u8(4);
        out.u32(address.ip.v4_value());
    } else {
        out.u8(6);
        out.raw(std::as_bytes(std::span(address.ip.bytes)));
    }
    out.u16(address.port);
}

base::SocketAddress get_address(base::ByteReader& in) {
    base::SocketAddress address;
    std::uint8_t const family = in.u8();
    if (family == 4) {
        address.ip = base::IpAddress::v4(in.u32());
    } else if (family == 6) {
        get_bytes(in, std::as_writable_bytes(std::span(address.ip.bytes)));
    } else {
        static_cast<void>(in.raw(in.remaining() + 1));
    }
    address.port = in.u16();
    return address;
}

void put_node_id(base::NodeId id, base::ByteWriter& out) {
    out.raw(std::as_bytes(std::span(id.bytes)));
}

base::NodeId get_node_id(base::ByteReader& in) {
    base::NodeId id;
    get_bytes(in, std::as_writable_bytes(std::span(id.bytes)));
    return id;
}

void put_keys(KeyRing const& ring, base::ByteWriter& out) {
    out.u8(static_cast<std::uint8_t>(ring.keys().size()));
    for (FleetKey const& key : ring.keys()) {
        out.u32(key.id);
        out.raw(key.key.view());
    }
}

std::optional<KeyRing> get_keys(base::ByteReader& in) {
    std::size_t const count = in.u8();
    if (count > fleet_keys_max) {
        return std::nullopt;
    }
    std::vector<FleetKey> keys(count);
    for (FleetKey& key : keys) {
        key.id = in.u32();
        get_bytes(in, key.key.bytes());
    }
    if (in.failed() || !valid(keys)) {
        return std::nullopt;
    }
    return KeyRing(std::move(keys));
}

void get_bytes(base::ByteReader& in, std::span<std::byte> out) {
    base::ByteView const bytes = in.raw(out.size());
    std::ranges::fill(out, std::byte{});
    std::ranges::copy(bytes, out.begin());
}

}  // namespace net
