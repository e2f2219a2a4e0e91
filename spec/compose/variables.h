#pragma once

#include <set>
#include <string>
#include <unordered_map>

#include "spec/compose/interpolation.h"
#include "spec/compose/merge.h"

namespace spec {

inline constexpr std::size_t substituted_total_max = 4 << 20;  // bytes of all texts afterwards

// Substitutes variables in the values of trees; keys stay. What comes out of a substitution is
// text, even where it looks like a number or a null. Says once of each variable that it is not set.
class VariableReader {
public:
    VariableReader(Arena& arena, Report& report) : arena_(arena), report_(report) {}

    // The tree itself if nothing changes. What cannot be substituted is an error and stays.
    [[nodiscard]] Node const* apply(Node const* root, Variables const& variables);

private:
    static constexpr int errors_max = 100;

    using Known = std::unordered_map<Node const*, Node const*>;

    [[nodiscard]] Node const* visit(Node const* node, Lookup const& lookup, Way& way, Known& known);
    [[nodiscard]] Node const* visit_text(Node const* node, Lookup const& lookup, Way const& way);

    Arena& arena_;
    Report& report_;
    std::set<std::string> told_;
    std::size_t bytes_ = 0;
    int errors_ = 0;
};

// What `variables` says; they must outlive it.
[[nodiscard]] Lookup lookup_in(Variables const& variables);

}  // namespace spec
