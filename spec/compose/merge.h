#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/compose_report.h"

namespace spec {

// One step from a map or a list to one of its values.
struct Step {
    Step(std::string_view key_of_map) : key(key_of_map) {}

    Step(char const* key_of_map) : key(key_of_map) {}

    explicit Step(std::size_t position) : index(position), is_item(true) {}

    std::string_view key;
    std::size_t index{};
    bool is_item{};
};

// From the root to a value: {"services", "web", "ports"}.
using Way = std::vector<Step>;

// "services.web.ports", fit to be shown.
[[nodiscard]] std::string to_path(Way const& way);

// Puts one Compose tree over another (Compose Specification, 13-merge). Maps are merged by key,
// lists are appended, other values replaced, and a null leaves what is there. Exceptions: commands
// are replaced; environment, labels and their like are merged by name, whether they are maps or
// lists; ports, volumes, secrets, configs, devices and other lists of unique things are merged by
// what makes them unique, the later one winning; `!reset` and `!override` as Node::Tag says.
//
// Nodes are shared with both trees. What does not fit together is an error, and the lower value
// stays. Work is bounded by entries_max for the life of the object; beyond it there is one error.
class Merger {
public:
    static constexpr std::size_t entries_max = 100'000;

    Merger(Arena& arena, Report& report) : arena_(arena), report_(report) {}

    // Both are values of the key at the end of `way`.
    [[nodiscard]] Node const* merge(Node const* base, Node const* over, Way& way);

    // A list of NAME=VALUE as a map, the last of a name winning; any other value as it is.
    [[nodiscard]] Node const* as_pairs(Node const* node);
    // False, after one error at `at`, when there is no more work to be had.
    [[nodiscard]] bool spend(std::size_t entries, Node const& at);
    // Nodes of our own that stand where `like` stands.
    [[nodiscard]] Node* shell_of(Node const& like, Node::Kind kind);
    [[nodiscard]] Node const* text_node(Node const& like, std::string_view text);

private:
    enum class Rule;
    struct RuleAt;
    static RuleAt const rules[];

    [[nodiscard]] static Rule rule_of(Way const& way);
    [[nodiscard]] Node const* mismatch(Node const* base, Node const* over, Way const& way);
    // What comes out when one of both says nothing or is not of this kind; null: both are.
    [[nodiscard]] Node const* without_merging(Node const* base, Node const* over, Node::Kind kind,
                                              Way const& way);
    [[nodiscard]] Node const* merge_plain(Node const* base, Node const* over, Way& way);
    [[nodiscard]] Node const* merge_maps(Node const* base, Node const* over, Way& way);
    [[nodiscard]] Node const* merge_unique(Node const* base, Node const* over, Way const& way,
                                           Rule rule);
    [[nodiscard]] Node const* merge_pairs(Node const* base, Node const* over, Way& way);
    [[nodiscard]] Node const* merge_logging(Node const* base, Node const* over, Way& way);
    // Lists in the place of maps, and the other way round.
    [[nodiscard]] Node const* as_list(Node const* node);
    [[nodiscard]] Node const* as_map(Node const* node, Rule rule);

    Arena& arena_;
    Report& report_;
    std::size_t spent_ = 0;
};

// `root` without what `!reset` removed. The tree itself if nothing was.
[[nodiscard]] Node const* without_resets(Node const* root, Arena& arena);

// Whether two trees say the same; where they stand and the order of keys do not matter.
[[nodiscard]] bool same(Node const& left, Node const& right);

}  // namespace spec
