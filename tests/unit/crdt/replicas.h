#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/random.h"
#include "crdt/map.h"

namespace crdt {

inline base::NodeId node(std::uint8_t number) {
    base::NodeId id;
    id.bytes.back() = number;
    return id;
}

inline std::string text(Map const& map, std::string_view key) {
    base::Bytes const* const value = map.value(key);
    return value != nullptr ? std::string(base::as_text(*value)) : "(none)";
}

// An entry of the first write of a key, as another host would make it.
inline Entry first_write(std::string key, std::string_view value, std::uint8_t origin,
                         std::uint64_t sequence) {
    return {.key = std::move(key),
            .value = base::to_bytes(value),
            .stamp = {.counter = 1, .writer = node(origin)},
            .replaced = {},
            .dot = {.origin = node(origin), .sequence = sequence}};
}

inline Entry put(Map& map, std::string_view key, std::string_view value) {
    return **map.put(key, base::to_bytes(value));
}

// One write of a random kind on one of a few keys; nothing if it was the erasure of nothing.
inline std::vector<Entry> random_write(Map& map, base::Prng& prng) {
    std::string const key = "k" + std::to_string(prng.below(4));
    if (prng.chance(0.3)) {
        Entry const* const erased = *map.erase(key);
        return erased != nullptr ? std::vector{*erased} : std::vector<Entry>{};
    }
    return {put(map, key, "v" + std::to_string(prng.next() % 1000))};
}

}  // namespace crdt
