#include "crdt/entry.h"

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "crdt/codec.h"

namespace crdt {

bool well_formed(Entry const& entry) {
    bool const first = entry.replaced.counter == 0;
    return entry.key.size() <= key_max && (!entry.value || entry.value->size() <= value_max) &&
           entry.stamp.counter >= 1 && entry.stamp.counter <= counter_max &&
           entry.stamp.counter - 1 == entry.replaced.counter &&
           (!first || entry.replaced.writer.is_zero()) && entry.dot.sequence >= 1 &&
           entry.dot.sequence <= counter_max && entry.dot.origin == entry.stamp.writer;
}

std::uint64_t VersionVector::of(base::NodeId origin) const {
    auto const at =
        std::ranges::lower_bound(origins_, origin, {}, &decltype(origins_)::value_type::first);
    return at == origins_.end() || at->first != origin ? 0 : at->second;
}

void VersionVector::raise(base::NodeId origin, std::uint64_t sequence) {
    auto const at =
        std::ranges::lower_bound(origins_, origin, {}, &decltype(origins_)::value_type::first);
    if (at != origins_.end() && at->first == origin) {
        at->second = std::max(at->second, sequence);
    } else if (sequence > 0 && origins_.size() < origins_max) {
        origins_.emplace(at, origin, sequence);
    }
}

std::uint64_t VersionVector::digest() const {
    base::ByteWriter bytes;
    encode(*this, bytes);
    return base::stable_hash(bytes.view());
}

std::optional<base::NodeId> single_writer(std::string_view key) {
    std::size_t const id_size = 32;
    for (std::string_view const prefix :
         {std::string_view("node/"), std::string_view("instance/")}) {
        if (!key.starts_with(prefix)) {
            continue;
        }
        std::string_view const rest = key.substr(prefix.size());
        std::string_view const tail = rest.substr(std::min(id_size, rest.size()));
        bool const owned =
            prefix == "node/" ? tail == "/facts" || tail == "/seen" : tail.starts_with('/');
        return owned ? base::parse_node_id(rest.substr(0, id_size)) : std::nullopt;
    }
    return std::nullopt;
}

bool is_edit(std::string_view key) {
    constexpr auto noted =
        std::to_array<std::string_view>({"subnet/", "vip/", "token/", "collection/"});
    return !single_writer(key) && std::ranges::none_of(noted, [&](std::string_view prefix) {
        return key.starts_with(prefix);
    });
}

}  // namespace crdt
