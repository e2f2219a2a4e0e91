#include "agent/state.h"

#include "base/text.h"

namespace agent {

namespace {

// What follows `prefix`, or nothing when `key` does not begin with it.
std::optional<std::string_view> after(std::string_view key, std::string_view prefix) {
    return key.starts_with(prefix) ? std::optional(key.substr(prefix.size())) : std::nullopt;
}

// Sets or erases one element of a map from a decoded value; false when it did not decode.
template <class Map, class Key, class Decoded>
void set(Map& map, Key const& key, Decoded decoded) {
    if (decoded) {
        map.insert_or_assign(typename Map::key_type(key), *std::move(decoded));
    } else if (auto const at = map.find(key); at != map.end()) {
        map.erase(at);
    }
}

constexpr std::size_t node_digits = 32;
constexpr std::string_view instance_prefix = "instance/";

}  // namespace

void State::update(std::string_view key, base::Bytes const* value) {
    if (auto const service = after(key, "service/")) {
        update_service(*service, value);
    } else if (auto const scale = after(key, "scale/")) {
        std::optional<std::uint32_t> decoded;
        if (value != nullptr) {
            if (auto const replicas = decode_replicas(*value)) {
                decoded = *replicas;
            }
        }
        set(scales_, *scale, decoded);
    } else if (auto const node = after(key, "node/")) {
        auto const id = base::parse_node_id(node->substr(0, node_digits));
        if (id && *node == base::concat(to_string(*id), "/facts")) {
            auto facts =
                value != nullptr ? decode_facts(*value) : std::unexpected(RecordError::malformed);
            set(nodes_, *id, std::move(facts));
        } else if (id && *node == base::concat(to_string(*id), "/wish")) {
            auto wish =
                value != nullptr ? decode_wish(*value) : std::unexpected(RecordError::malformed);
            set(wishes_, *id, std::move(wish));
        }
    } else if (auto const instance = after(key, instance_prefix)) {
        update_instance(*instance, value);
    } else if (auto const subnet = after(key, "subnet/")) {
        if (auto const prefix = base::parse_prefix(*subnet);
            prefix && to_string(*prefix) == *subnet) {
            set(subnets_, *prefix,
                value != nullptr ? base::parse_node_id(base::as_text(*value)) : std::nullopt);
        }
    } else if (auto const vip = after(key, "vip/")) {
        auto const address = base::parse_ip(*vip);
        if (!address || !address->is_v4() || to_string(*address) != *vip) {
            return;
        }
        if (auto const owner = vips_.find(*address); owner != vips_.end()) {
            auto const addresses = vips_of_.find(owner->second);
            addresses->second.erase(*address);
            if (addresses->second.empty()) {
                vips_of_.erase(addresses);
            }
            vips_.erase(owner);
        }
        if (value != nullptr) {
            std::string owner(base::as_text(*value));
            vips_of_[owner].insert(*address);
            vips_[*address] = std::move(owner);
        }
    }
}

void State::update_service(std::string_view service, base::Bytes const* value) {
    std::optional<ServiceState> decoded;
    bool newer = false;
    if (value != nullptr) {
        auto spec = spec::decode(*value);
        newer = !spec && spec.error() == spec::Errc::newer;
        if (spec && service_key(*spec) == service) {
            std::string revision = spec::revision(*spec);
            decoded = ServiceState{*std::move(spec), std::move(revision)};
        }
    }
    set(services_, service, std::move(decoded));
    if (newer) {
        newer_.emplace(service);
    } else if (auto const known = newer_.find(service); known != newer_.end()) {
        newer_.erase(known);
    }
}

void State::update_instance(std::string_view rest, base::Bytes const* value) {
    auto const id = base::parse_node_id(rest.substr(0, node_digits));
    std::size_t const slash = rest.rfind('/');
    if (!id || slash == std::string_view::npos || slash <= node_digits) {
        return;
    }
    auto const slot = base::parse_integer<std::uint32_t>(rest.substr(slash + 1));
    if (!slot) {
        return;
    }
    SlotKey const key{std::string(rest.substr(node_digits + 1, slash - node_digits - 1)), *slot};
    // Another spelling would be a second entry of the same slot.
    if (instance_entry(*id, key.service, key.slot).substr(instance_prefix.size()) != rest) {
        return;
    }
    auto record =
        value != nullptr ? decode_instance(*value) : std::unexpected(RecordError::malformed);
    if (record && record->service == key.service && record->slot == key.slot) {
        instances_[*id].insert_or_assign(key, *std::move(record));
    } else if (auto const held = instances_.find(*id); held != instances_.end()) {
        held->second.erase(key);
        if (held->second.empty()) {
            instances_.erase(held);
        }
    }
}

bool State::evicted(base::NodeId node) const {
    auto const wish = wishes_.find(node);
    return wish != wishes_.end() && wish->second.evicted;
}

std::uint32_t State::replicas(std::string_view service) const {
    if (auto const scale = scales_.find(service); scale != scales_.end()) {
        return scale->second;
    }
    auto const found = services_.find(service);
    return found == services_.end() ? 0 : found->second.spec.replicas;
}

std::optional<base::IpAddress> State::vip(std::string_view service) const {
    auto const found = vips_of_.find(service);
    if (found == vips_of_.end()) {
        return std::nullopt;
    }
    return *found->second.begin();
}

}  // namespace agent
