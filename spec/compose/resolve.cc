#include "spec/compose/resolve.h"

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "spec/compose/application.h"
#include "spec/compose/services.h"

namespace spec {

namespace {

// The nodes of a tree, shared ones counted wherever they show; at most one above yaml_nodes_max.
std::size_t weight_of(Node const* node, std::unordered_map<Node const*, std::size_t>& known) {
    if (node->items.empty() && node->entries.empty()) {
        return 1;
    }
    if (auto const found = known.find(node); found != known.end()) {
        return found->second;
    }
    std::size_t weight = 1;
    for (Node const* const item : node->items) {
        weight += weight_of(item, known);
    }
    for (Node::Entry const& entry : node->entries) {
        weight += 1 + weight_of(entry.value, known);
    }
    weight = std::min(weight, yaml_nodes_max + 1);
    known.emplace(node, weight);
    return weight;
}

bool fits(Node const& root, Report& report) {
    std::unordered_map<Node const*, std::size_t> known;
    bool const good = weight_of(&root, known) <= yaml_nodes_max;
    if (!good) {
        report.add_at(Severity::error, root, {},
                      base::concat("expected at most ", yaml_nodes_max,
                                   " values in all files together, found more"));
    }
    return good;
}

// The last name that a file gives.
std::string name_of(std::vector<Node const*> const& roots, Variables const& variables,
                    std::string_view project) {
    std::string name(project);
    for (Node const* const root : roots) {
        Node const* const value = root == nullptr ? nullptr : find(*root, "name");
        if (value != nullptr && value->kind == Node::Kind::scalar && !value->text.empty()) {
            auto substituted = substitute(value->text, lookup_in(variables));
            name = substituted ? std::move(substituted->text) : name;
        }
    }
    return name;
}

Profiles profiles_of(ComposeRequest const& request, Variables const& variables) {
    Profiles profiles(request.profiles.begin(), request.profiles.end());
    if (auto const found = variables.find("COMPOSE_PROFILES"); found != variables.end()) {
        for (std::string_view const name : base::split(found->second, ',')) {
            profiles.emplace(base::trim(name));
        }
    }
    return profiles;
}

// Takes `x-covey.profiles` out of the tree.
Node const* take_profiles(Node const* root, Profiles& profiles, Arena& arena, Report& report) {
    Node const* const ours = find(*root, "x-covey");
    Node const* const list = ours == nullptr ? nullptr : find(*ours, "profiles");
    if (list == nullptr) {
        return root;
    }
    Field const field{nullptr, list, "x-covey.profiles"};
    for (Field const& item : read_items(report, field, "a list of profiles")) {
        profiles.insert(read_filled_text(report, item).value_or(""));
    }
    Node rest = *ours;
    std::erase_if(rest.entries, [&](Node::Entry const& entry) { return entry.value == list; });
    Node out = *root;
    std::ranges::find(out.entries, ours, &Node::Entry::value)->value = arena.make(std::move(rest));
    return arena.make(std::move(out));
}

Variables variables_of(ComposeRequest const& request, EnvFiles& env_files) {
    Variables variables;
    if (request.env_files.empty()) {
        env_files.read({.path = ".env", .key = {}, .required = false}, lookup_in(request.variables),
                       variables);
    }
    for (std::string const& path : request.env_files) {
        env_files.read({.path = path, .key = {}, .given = true}, lookup_in(request.variables),
                       variables);
    }
    for (auto const& [name, value] : request.variables) {
        variables.insert_or_assign(name, value);
    }
    return variables;
}

}  // namespace

Node const* resolve(ComposeRequest const& request, std::string_view project, Inputs& inputs,
                    Arena& arena, Report& report) {
    Application application(inputs, arena, report);
    std::vector<Node const*> const roots = application.parse(request.files);
    Variables variables = variables_of(request, application.env_files());
    variables.insert_or_assign("COMPOSE_PROJECT_NAME", name_of(roots, variables, project));
    Node const* root = application.resolve(request.files, roots, {"", variables});
    // What follows looks through every service.
    if (root == nullptr || !fits(*root, report)) {
        return nullptr;
    }
    Profiles profiles = profiles_of(request, variables);
    root = take_profiles(root, profiles, arena, report);
    Services services(arena, report, application.merger(), application.env_files());
    root = services.with_files(services.active(root, profiles), variables);
    return fits(*root, report) ? root : nullptr;
}

}  // namespace spec
