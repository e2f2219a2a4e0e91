#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "spec/compose.h"

namespace spec {

inline constexpr std::size_t yaml_depth_max = 64;
inline constexpr std::size_t yaml_nodes_max = 100'000;  // with every alias and merge written out
inline constexpr std::size_t yaml_key_max = 256;        // bytes of a key
inline constexpr std::size_t yaml_problems_max = 1000;

// One value of a YAML document. Aliases share nodes, so this is a graph without cycles; a walk of
// what read_yaml() returns visits at most yaml_nodes_max nodes.
struct Node {
    enum class Kind : std::uint8_t { null, scalar, list, map };
    // What to do with the value that an earlier file gave (Compose Specification, 13-merge):
    // `!reset` removes it, `!override` takes its place as a whole.
    enum class Tag : std::uint8_t { none, reset, override };

    struct Entry {
        Node const* key;
        Node const* value;
    };

    Kind kind{};
    bool quoted{};  // a scalar that is text even where it looks like a number or a boolean
    Tag tag{};
    std::string const* file{};  // owned by the Arena
    int line{};                 // from 1
    int column{};               // from 1
    std::string text;
    std::vector<Node const*> items;
    std::vector<Entry> entries;  // merge keys resolved; no key twice
    std::size_t weight = 1;      // nodes below and including this one, aliases written out
    bool open{};                 // still being read
};

// The value of a key of a map; null: there is none, or `map` is none.
[[nodiscard]] Node const* find(Node const& map, std::string_view key);

// The same with its key, in a map that may be changed.
[[nodiscard]] Node::Entry* find_entry(Node& map, std::string_view key);

// Finds many keys of one map that only grows: by looking at each entry while there are few.
class EntryIndex {
public:
    static constexpr auto none = static_cast<std::size_t>(-1);

    // The position in map.entries.
    [[nodiscard]] std::size_t find(Node const& map, std::string_view key);

private:
    std::unordered_map<std::string_view, std::size_t> positions_;
    std::size_t indexed_ = 0;
};

// Owns the nodes of a file and of those that it names, and the names of all.
class Arena {
public:
    [[nodiscard]] Node* make(Node node) { return &nodes_.emplace_back(std::move(node)); }

    // Whether a node with a tag may be among them.
    [[nodiscard]] bool tagged() const { return tagged_; }

    void note_tag() { tagged_ = true; }

    [[nodiscard]] std::string const* file(std::string_view name) {
        return &files_.emplace_back(name);
    }

private:
    std::deque<Node> nodes_;
    std::deque<std::string> files_;
    bool tagged_ = false;
};

// A YAML text as plain data.
struct Document {
    Node const* root{};  // null: empty, or what is wrong with it is among the problems
    std::vector<Diagnostic> problems;  // with the file's name
};

// Never throws. Text that is no YAML, too deep, too large or with too many problems gives an error
// and no root. The nodes are the arena's.
[[nodiscard]] Document read_yaml(std::string_view file, std::string_view text, Arena& arena);

}  // namespace spec
