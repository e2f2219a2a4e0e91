#include "spec/compose/services.h"

#include <algorithm>

#include "base/text.h"
#include "spec/compose/variables.h"
#include "spec/compose_text.h"

namespace spec {

namespace {

// `root` with the map of services that `change` makes.
template <class Change>
Node const* with_services(Node const* root, Arena& arena, Change change) {
    Node const* const services = find(*root, "services");
    if (services == nullptr || services->kind != Node::Kind::map) {
        return root;
    }
    Node const* const changed = change(*services);
    if (changed == services) {
        return root;
    }
    Node out = *root;
    std::ranges::find(out.entries, services, &Node::Entry::value)->value = changed;
    return arena.make(std::move(out));
}

Node const* take(Node& map, std::string_view key) {
    Node const* const value = find(map, key);
    std::erase_if(map.entries, [&](Node::Entry const& entry) { return entry.key->text == key; });
    return value;
}

bool is_active(Node const& service, Profiles const& profiles) {
    Node const* const own = find(service, "profiles");
    if (own == nullptr || own->items.empty() || profiles.contains("*")) {
        return true;
    }
    return std::ranges::any_of(own->items,
                               [&](Node const* item) { return profiles.contains(item->text); });
}

// Whether a name has no value and `variables` has one.
bool takes_value(Node const* environment, Variables const& variables) {
    return environment != nullptr &&
           (std::ranges::any_of(environment->items,
                                [&](Node const* item) { return variables.contains(item->text); }) ||
            std::ranges::any_of(environment->entries, [&](Node::Entry const& entry) {
                return entry.value->kind == Node::Kind::null && variables.contains(entry.key->text);
            }));
}

}  // namespace

Node const* Services::active(Node const* root, Profiles const& profiles) {
    return with_services(root, arena_, [&](Node const& services) -> Node const* {
        Profiles inactive;
        bool any = false;
        for (Node::Entry const& entry : services.entries) {
            Node const* const own = find(*entry.value, "profiles");
            any = any || own != nullptr;
            if (own != nullptr && own->kind != Node::Kind::list && own->kind != Node::Kind::null) {
                std::string key =
                    base::concat("services.", printable(entry.key->text), ".profiles");
                report_.expected(Field{nullptr, own, std::move(key)}, "a list of profiles");
            }
            for (std::size_t at = 0; own != nullptr && at < own->items.size(); ++at) {
                if (own->items[at]->kind != Node::Kind::scalar) {
                    report_.expected(Field{nullptr, own->items[at],
                                           base::concat("services.", printable(entry.key->text),
                                                        ".profiles[", at, ']')},
                                     "the name of a profile");
                }
            }
            if (!is_active(*entry.value, profiles)) {
                inactive.insert(entry.key->text);
            }
        }
        if (!any) {
            return &services;
        }
        Node out = services;
        std::erase_if(out.entries, [&](auto& entry) { return inactive.contains(entry.key->text); });
        for (Node::Entry& entry : out.entries) {
            entry.value = without_inactive(entry.value, entry.key->text, inactive);
        }
        return arena_.make(std::move(out));
    });
}

Node const* Services::without_inactive(Node const* service, std::string_view name,
                                       Profiles const& inactive) {
    Node copy = *service;
    bool changed = take(copy, "profiles") != nullptr;
    if (Node::Entry* const found = find_entry(copy, "depends_on")) {
        std::string const key = base::concat("services.", printable(name), ".depends_on");
        auto const refuse = [&](Node const& at, std::string_view needed) {
            report_.add_at(Severity::error, at, key,
                           base::concat("needs the service ", quote(needed),
                                        ", none of whose profiles is active"));
        };
        Node needs = *found->value;
        std::erase_if(needs.items, [&](Node const* item) {
            bool const missing = inactive.contains(item->text);
            if (missing) {
                refuse(*item, item->text);
            }
            return missing;
        });
        std::erase_if(needs.entries, [&](Node::Entry const& entry) {
            bool const missing = inactive.contains(entry.key->text);
            Node const* const required = find(*entry.value, "required");
            if (missing && (required == nullptr || base::lower(required->text) != "false")) {
                refuse(*entry.key, entry.key->text);
            }
            return missing;
        });
        if (needs.items.size() != found->value->items.size() ||
            needs.entries.size() != found->value->entries.size()) {
            found->value = arena_.make(std::move(needs));
            changed = true;
        }
    }
    return changed ? arena_.make(std::move(copy)) : service;
}

Node const* Services::with_files(Node const* root, Variables const& variables) {
    return with_services(root, arena_, [&](Node const& services) -> Node const* {
        Node out = services;
        bool changed = false;
        for (Node::Entry& entry : out.entries) {
            Node const& service = *entry.value;
            bool const environment = find(service, "env_file") != nullptr ||
                                     takes_value(find(service, "environment"), variables);
            bool const labels = find(service, "label_file") != nullptr;
            if (service.kind != Node::Kind::map || (!environment && !labels)) {
                continue;
            }
            Node copy = service;
            if (environment) {
                read_environment(copy, entry.key->text, variables);
            }
            if (labels) {
                read_labels(copy, entry.key->text);
            }
            entry.value = arena_.make(std::move(copy));
            changed = true;
        }
        return changed ? arena_.make(std::move(out)) : &services;
    });
}

void Services::read_environment(Node& service, std::string_view name, Variables const& variables) {
    Node const* const list = take(service, "env_file");
    Node::Entry* const place = find_entry(service, "environment");
    Variables own;
    if (place != nullptr && place->value->kind != Node::Kind::scalar) {
        Node pairs = *merger_.as_pairs(place->value);
        for (Node::Entry& entry : pairs.entries) {
            auto const found = variables.find(entry.key->text);
            if (entry.value->kind == Node::Kind::null && found != variables.end()) {
                entry.value = merger_.text_node(*entry.key, found->second);
            }
            if (entry.value->kind == Node::Kind::scalar) {
                own.insert_or_assign(entry.key->text, entry.value->text);
            }
        }
        place->value = arena_.make(std::move(pairs));
    }
    if (list == nullptr) {
        return;
    }
    Lookup const outer = [&](std::string_view wanted) {
        std::string const* const found = lookup_in(variables)(wanted);
        return found != nullptr ? found : lookup_in(own)(wanted);
    };
    Variables values;
    for (EnvFile const& file :
         files_of(*list, base::concat("services.", printable(name), ".env_file"))) {
        env_files_.read(file, outer, values);
    }
    put_under(service, "environment", values, *list);
}

void Services::read_labels(Node& service, std::string_view name) {
    Node const* const list = take(service, "label_file");
    Lookup const nothing = [](std::string_view) { return nullptr; };
    Variables values;
    for (EnvFile const& file :
         files_of(*list, base::concat("services.", printable(name), ".label_file"))) {
        env_files_.read(file, nothing, values);
    }
    put_under(service, "labels", values, *list);
}

std::vector<EnvFile> Services::files_of(Node const& list, std::string const& key) {
    std::vector<EnvFile> files;
    std::vector<Node const*> const one{&list};
    for (Node const* const item : list.kind == Node::Kind::list ? list.items : one) {
        if (auto file = file_of(*item, key)) {
            files.push_back(*std::move(file));
        }
    }
    return files;
}

std::optional<EnvFile> Services::file_of(Node const& item, std::string const& key) {
    EnvFile file{.path = item.text, .named = &item, .key = key};
    for (Node::Entry const& entry : item.entries) {
        Node const& value = *entry.value;
        Field const field{entry.key, &value, base::concat(key, '.', printable(entry.key->text))};
        if (entry.key->text == "path") {
            file.path = value.text;
        } else if (entry.key->text == "required") {
            file.required = read_bool(report_, field).value_or(true);
        } else if (entry.key->text != "format") {
            report_.error(field, "expected path, required or format");
        } else if (value.text == "raw") {
            file.format = EnvFormat::raw;
        } else if (value.kind != Node::Kind::null && !value.text.empty()) {
            report_.expected(field, "raw, or no format");
        }
    }
    if (file.path.empty()) {
        report_.expected(Field{nullptr, &item, key}, "a path, or a map with a path");
        return std::nullopt;
    }
    return file;
}

// Values that the service gives itself win.
void Services::put_under(Node& service, std::string_view key, Variables const& values,
                         Node const& like) {
    if (!merger_.spend(values.size(), like)) {
        return;
    }
    Node* const map = merger_.shell_of(like, Node::Kind::map);
    for (auto const& [name, value] : values) {
        map->entries.push_back({merger_.text_node(like, name), merger_.text_node(like, value)});
    }
    Node::Entry* const place = find_entry(service, key);
    if (place == nullptr) {
        service.entries.push_back({merger_.text_node(like, key), map});
        return;
    }
    Way way{"services", "", key};
    place->value = merger_.merge(map, place->value, way);
}

}  // namespace spec
