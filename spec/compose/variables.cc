#include "spec/compose/variables.h"

#include "base/text.h"
#include "spec/compose_text.h"

namespace spec {

Lookup lookup_in(Variables const& variables) {
    return [&variables](std::string_view name) -> std::string const* {
        auto const found = variables.find(name);
        return found == variables.end() ? nullptr : &found->second;
    };
}

Node const* VariableReader::apply(Node const* root, Variables const& variables) {
    Way way;
    Known known;
    return visit(root, lookup_in(variables), way, known);
}

Node const* VariableReader::visit(Node const* node, Lookup const& lookup, Way& way, Known& known) {
    if (node->kind == Node::Kind::null) {
        return node;
    }
    if (node->kind == Node::Kind::scalar) {
        return node->text.contains('$') ? visit_text(node, lookup, way) : node;
    }
    // Aliases share nodes: what several places show is substituted once.
    if (auto const found = known.find(node); found != known.end()) {
        return found->second;
    }
    std::vector<Node const*> items;
    std::vector<Node::Entry> entries;
    bool changed = false;
    for (Node const* const item : node->items) {
        way.emplace_back(items.size());
        items.push_back(visit(item, lookup, way, known));
        way.pop_back();
        changed = changed || items.back() != item;
    }
    for (Node::Entry const& entry : node->entries) {
        way.emplace_back(entry.key->text);
        entries.push_back({entry.key, visit(entry.value, lookup, way, known)});
        way.pop_back();
        changed = changed || entries.back().value != entry.value;
    }
    Node const* result = node;
    if (changed) {
        Node copy = *node;
        copy.items = std::move(items);
        copy.entries = std::move(entries);
        result = arena_.make(std::move(copy));
    }
    known.emplace(node, result);
    return result;
}

Node const* VariableReader::visit_text(Node const* node, Lookup const& lookup, Way const& way) {
    // Of endless work only the beginning is done.
    if (bytes_ > substituted_total_max || errors_ == errors_max) {
        return node;
    }
    auto substituted = substitute(node->text, lookup);
    if (!substituted) {
        ++errors_;
        report_.add_at(Severity::error, *node, to_path(way), std::move(substituted).error());
        return node;
    }
    bytes_ += substituted->text.size();
    if (bytes_ > substituted_total_max) {
        report_.add_at(Severity::error, *node, to_path(way),
                       base::concat("expected at most ", substituted_total_max,
                                    " bytes after variables are substituted, found more"));
        return node;
    }
    for (std::string const& name : substituted->unset) {
        if (told_.insert(name).second) {
            report_.add_at(Severity::warning, *node, to_path(way),
                           base::concat("the variable ", name, " is not set: empty text is used"));
        }
    }
    Node copy = *node;
    copy.quoted = true;
    copy.text = std::move(substituted->text);
    return arena_.make(std::move(copy));
}

}  // namespace spec
