#include "base/ids.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace base {

std::string to_string(NodeId const& id) {
    return hex(std::as_bytes(std::span(id.bytes)));
}

std::string short_string(NodeId const& id) {
    return to_string(id).substr(0, 8);
}

std::optional<NodeId> parse_node_id(std::string_view text) {
    auto const bytes = unhex(text);
    NodeId id;
    if (!bytes || bytes->size() != id.bytes.size()) {
        return std::nullopt;
    }
    std::memcpy(id.bytes.data(), bytes->data(), id.bytes.size());
    return id;
}

std::size_t NodeIdHash::operator()(NodeId const& id) const noexcept {
    std::size_t word = 0;
    std::memcpy(&word, id.bytes.data(), sizeof word);
    return word;
}

}  // namespace base
