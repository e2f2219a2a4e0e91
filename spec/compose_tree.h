#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "spec/compose.h"

namespace spec {

inline constexpr std::size_t yaml_depth_max = 64;
inline constexpr std::size_t yaml_nodes_max = 100'000;  // with every alias and merge written out
inline constexpr std::size_t yaml_key_max = 256;        // bytes of a key
inline constexpr std::size_t yaml_problems_max = 1000;

// One value of a YAML document. Aliases share nodes, so this is a graph without cycles; a walk of
// it visits at most yaml_nodes_max nodes.
struct Node {
    enum class Kind : std::uint8_t { null, scalar, list, map };

    struct Entry {
        Node const* key;
        Node const* value;
    };

    Kind kind{};
    bool quoted{};  // a scalar that is text even where it looks like a number or a boolean
    int line{};     // from 1
    int column{};   // from 1
    std::string text;
    std::vector<Node const*> items;
    std::vector<Entry> entries;  // merge keys resolved; no key twice
    std::size_t weight = 1;      // nodes below and including this one, aliases written out
    bool open{};                 // still being read
};

// A YAML text as plain data.
struct Document {
    std::deque<Node> nodes;  // owns every node
    Node const* root{};      // null: empty, or what is wrong with it is among the problems
    std::vector<Diagnostic> problems;  // without a file name
};

// Never throws. Text that is no YAML, too deep, too large or with too
// many problems gives an error and no root.
[[nodiscard]] Document read_yaml(std::string_view text);

}  // namespace spec
