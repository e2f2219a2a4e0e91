#include "spec/compose/extends.h"

#include <algorithm>

#include "base/text.h"
#include "spec/compose/paths.h"
#include "spec/compose_text.h"

namespace spec {

Node const* Extends::apply(Node const* root) {
    Node const* const services = find(*root, "services");
    auto const extends = [](Node::Entry const& entry) {
        return find(*entry.value, "extends") != nullptr;
    };
    if (services == nullptr || std::ranges::none_of(services->entries, extends)) {
        return root;
    }
    View view{origin_, services};
    Node all = *services;
    for (Node::Entry& entry : all.entries) {
        entry.value = service_of(view, entry, 0);
    }
    Node out = *root;
    for (Node::Entry& entry : out.entries) {
        if (entry.value == services) {
            entry.value = application_.arena_.make(std::move(all));
            break;
        }
    }
    return application_.arena_.make(std::move(out));
}

void Extends::refuse(Target const& target, std::string message) {
    application_.report_.add_at(Severity::error, *target.at, target.key, std::move(message));
}

Node const* Extends::service_of(View& view, Node::Entry const& entry, std::size_t depth) {
    auto const [place, added] = view.known.try_emplace(entry.key->text, nullptr);
    if (!added && place->second != nullptr) {
        return place->second;
    }
    Node const* const extends = find(*entry.value, "extends");
    if (extends == nullptr) {
        place->second = entry.value;
        return entry.value;
    }
    Node own = *entry.value;
    std::erase_if(own.entries, [](Node::Entry const& each) { return each.key->text == "extends"; });
    Node const* result = application_.arena_.make(std::move(own));
    std::string key = base::concat("services.", printable(entry.key->text), ".extends");
    auto const target = target_of(*extends, std::move(key));
    if (target && !added) {
        refuse(*target,
               base::concat("expected no cycle, found service ", quote(entry.key->text), " again"));
        return result;
    }
    if (target && depth >= extends_depth_max) {
        refuse(*target, base::concat("expected at most ", extends_depth_max,
                                     " services that extend each other, found more"));
    } else if (target) {
        if (Node const* const base = base_of(view, *target, depth + 1);
            base != nullptr && base->kind == Node::Kind::map) {
            Way way{"services", std::string_view(entry.key->text)};
            result =
                application_.merger_.merge(without_resets(base, application_.arena_), result, way);
        }
    }
    view.known[entry.key->text] = result;
    return result;
}

std::optional<Extends::Target> Extends::target_of(Node const& value, std::string key) {
    Target target{.service = {}, .file = {}, .at = &value, .key = std::move(key)};
    if (value.kind == Node::Kind::scalar) {
        target.service = value.text;
    }
    for (Node::Entry const& entry : value.entries) {
        if (entry.key->text == "service") {
            target.service = entry.value->text;
        } else if (entry.key->text == "file") {
            target.file = entry.value->text;
        } else if (!entry.key->text.starts_with("x-")) {
            application_.report_.add_at(Severity::error, *entry.key, target.key,
                                        "expected service or file");
            return std::nullopt;
        }
    }
    if (target.service.empty()) {
        refuse(target, "expected the name of a service, or a map with service and file");
        return std::nullopt;
    }
    return target;
}

Node const* Extends::base_of(View& view, Target const& target, std::size_t depth) {
    View* const other = target.file.empty() ? &view : view_of(view, target);
    if (other == nullptr) {
        return nullptr;
    }
    std::size_t const at = other->index.find(*other->services, target.service);
    if (at == EntryIndex::none) {
        refuse(target, base::concat("expected a service of ", printable(other->origin.path),
                                    ", found ", quote(target.service)));
        return nullptr;
    }
    return service_of(*other, other->services->entries[at], depth);
}

Extends::View* Extends::view_of(View const& from, Target const& target) {
    std::string const path =
        is_remote(target.file) ? target.file : join(from.origin.folder, target.file);
    auto const [place, added] = others_.try_emplace(path);
    View& view = place->second;
    if (added) {
        Node const* const root = application_.parse_input(path, *target.at, target.key);
        if (root == nullptr) {
            return nullptr;
        }
        Variables const& variables = *from.origin.variables;
        view.origin = {application_.inputs_.full_path(path), folder_of(path), &variables};
        Node const* const read = rebased(application_.reader_.apply(root, variables),
                                         view.origin.folder, application_.arena_);
        view.services = find(*read, "services");
    }
    if (view.services == nullptr || view.services->kind != Node::Kind::map) {
        refuse(target, base::concat("expected a file with services, found ", quote(path)));
        return nullptr;
    }
    return &view;
}

}  // namespace spec
