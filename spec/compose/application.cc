#include "spec/compose/application.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "spec/compose/extends.h"
#include "spec/compose/paths.h"
#include "spec/compose_text.h"

namespace spec {

namespace {

Node const* without(Node const* map, std::string_view key, Arena& arena) {
    if (find(*map, key) == nullptr) {
        return map;
    }
    Node copy = *map;
    std::erase_if(copy.entries, [&](Node::Entry const& entry) { return entry.key->text == key; });
    return arena.make(std::move(copy));
}

}  // namespace

Node const* Application::parse_text(std::string const& path, Inputs::Read const& read,
                                    Node const* named, std::string_view key) {
    if (!read) {
        if (named != nullptr) {
            report_.add_at(Severity::error, *named, std::string(key),
                           base::concat(quote(path), ' ', read.error().reason));
        } else {
            report_.add({Severity::error, printable(path), 0, 0, {}, read.error().reason});
        }
        return nullptr;
    }
    Document document = read_yaml(path, (*read)->text, arena_);
    bool const empty = document.root == nullptr ? document.problems.empty()
                                                : document.root->kind == Node::Kind::null;
    for (Diagnostic& problem : document.problems) {
        report_.add(std::move(problem));
    }
    if (empty) {
        report_.add({Severity::error,
                     printable(path),
                     0,
                     0,
                     {},
                     "expected a map with services, found nothing"});
        return nullptr;
    }
    return document.root;
}

Node const* Application::parse_input(std::string const& path, Node const& named,
                                     std::string_view key) {
    std::string const full = inputs_.full_path(path);
    auto const [found, added] = parsed_.try_emplace(full, nullptr);
    Inputs::Read const read = inputs_.read(path);
    if (added || !read) {
        found->second = parse_text(is_remote(path) ? path : full, read, &named, key);
    }
    return found->second;
}

std::vector<Node const*> Application::parse(std::vector<std::string> const& paths) {
    std::vector<Node const*> roots;
    for (std::string const& path : paths) {
        roots.push_back(parse_text(path, inputs_.read_given(path), nullptr, {}));
    }
    return roots;
}

Node const* Application::resolve(std::vector<std::string> const& paths,
                                 std::vector<Node const*> const& roots, Scope const& scope) {
    Node const* merged = nullptr;
    for (std::size_t at = 0; at < roots.size(); ++at) {
        if (roots[at] == nullptr) {
            continue;
        }
        if (roots[at]->kind != Node::Kind::map) {
            report_.expected(Field{nullptr, roots[at], {}}, "a map with services");
            continue;
        }
        including_.push_back(paths[at]);
        Node const* root = reader_.apply(roots[at], scope.variables);
        root = include_all(rebased(root, scope.folder, arena_), scope);
        Extends extends(*this, {paths[at], scope.folder, &scope.variables});
        root = extends.apply(root);
        including_.pop_back();
        Way way;
        merged = merged == nullptr ? root : merger_.merge(merged, root, way);
    }
    return merged == nullptr ? nullptr : without_resets(merged, arena_);
}

Node const* Application::include_all(Node const* root, Scope const& scope) {
    Node const* const list = find(*root, "include");
    if (list == nullptr) {
        return root;
    }
    Node* out = arena_.make(*without(root, "include", arena_));
    std::set<std::string> included;
    std::vector<Inclusion> const all = inclusions(*list, scope);
    for (std::size_t at = 0; at < all.size(); ++at) {
        std::string const key = base::concat("include[", at, ']');
        if (Node const* const tree = include_one(all[at], scope, key)) {
            import(*tree, out, included);
        }
    }
    return out;
}

bool Application::texts_of(Node const& node, Scope const& scope, std::string_view key,
                           std::vector<std::string>& out) {
    std::vector<Node const*> const one{&node};
    for (Node const* const item : node.kind == Node::Kind::list ? node.items : one) {
        if (item->kind != Node::Kind::scalar || item->text.empty()) {
            report_.expected(Field{nullptr, item, std::string(key)}, "a path or a list of paths");
            return false;
        }
        out.push_back(is_remote(item->text) ? item->text : join(scope.folder, item->text));
    }
    return true;
}

std::vector<Application::Inclusion> Application::inclusions(Node const& list, Scope const& scope) {
    std::vector<Inclusion> all;
    if (list.kind == Node::Kind::null) {
        return all;
    }
    if (list.kind != Node::Kind::list) {
        report_.expected(Field{nullptr, &list, "include"}, "a list of Compose files");
        return all;
    }
    for (std::size_t at = 0; at < list.items.size(); ++at) {
        if (auto one = inclusion(*list.items[at], scope, base::concat("include[", at, ']'))) {
            all.push_back(*std::move(one));
        }
    }
    return all;
}

std::optional<Application::Inclusion> Application::inclusion(Node const& item, Scope const& scope,
                                                             std::string_view key) {
    Inclusion out;
    out.at = &item;
    if (item.kind != Node::Kind::map) {
        return texts_of(item, scope, key, out.paths) ? std::optional(std::move(out)) : std::nullopt;
    }
    for (Node::Entry const& entry : item.entries) {
        std::string const inner = base::concat(key, '.', printable(entry.key->text));
        bool good = true;
        std::vector<std::string> folders;
        if (entry.key->text == "path") {
            good = texts_of(*entry.value, scope, inner, out.paths);
        } else if (entry.key->text == "env_file") {
            good = texts_of(*entry.value, scope, inner, out.env_files);
        } else if (entry.key->text == "project_directory") {
            good = texts_of(*entry.value, scope, inner, folders);
            out.folder = folders.empty() ? std::string() : folders.front();
        } else if (!entry.key->text.starts_with("x-")) {
            report_.add_at(Severity::error, *entry.key, inner,
                           "expected path, project_directory or env_file");
            good = false;
        }
        if (!good) {
            return std::nullopt;
        }
    }
    if (out.paths.empty()) {
        report_.add_at(Severity::error, item, std::string(key), "expected a path, found none");
        return std::nullopt;
    }
    return out;
}

Node const* Application::include_one(Inclusion const& inclusion, Scope const& scope,
                                     std::string_view key) {
    if (++inclusions_ > inclusions_max) {
        // One message is enough: each level may have many more.
        if (inclusions_ == inclusions_max + 1) {
            report_.add_at(
                Severity::error, *inclusion.at, std::string(key),
                base::concat("expected at most ", inclusions_max, " inclusions, found more"));
        }
        return nullptr;
    }
    std::vector<Node const*> roots;
    std::vector<std::string> full;
    for (std::string const& path : inclusion.paths) {
        full.push_back(inputs_.full_path(path));
        if (std::ranges::find(including_, full.back()) != including_.end()) {
            std::string way;
            for (std::string const& each : including_) {
                way += base::concat(each, " -> ");
            }
            report_.add_at(Severity::error, *inclusion.at, std::string(key),
                           base::concat("expected no cycle, found ", printable(way + full.back())));
            return nullptr;
        }
        roots.push_back(parse_input(path, *inclusion.at, key));
        if (roots.back() == nullptr) {
            return nullptr;
        }
    }
    std::string const folder = inclusion.folder.value_or(folder_of(inclusion.paths.front()));
    Variables& variables = variables_.emplace_back();
    std::vector<std::string> const usual{join(folder, ".env")};
    bool const given = !inclusion.env_files.empty();
    for (std::string const& path : given ? inclusion.env_files : usual) {
        env_files_.read({.path = path,
                         .named = inclusion.at,
                         .key = std::string(key),
                         .required = given && path != "/dev/null"},
                        lookup_in(scope.variables), variables);
    }
    // The including application knows better.
    for (auto const& [name, value] : scope.variables) {
        variables.insert_or_assign(name, value);
    }
    return resolve(full, roots, {folder, variables});
}

void Application::import(Node const& from, Node*& into, std::set<std::string>& included) {
    static constexpr std::array<std::string_view, 6> sections{"services", "networks", "volumes",
                                                              "secrets",  "configs",  "models"};
    for (std::string_view const section : sections) {
        import_section(from, section, into, included);
    }
}

void Application::import_section(Node const& from, std::string_view section, Node*& into,
                                 std::set<std::string>& included) {
    Node const* const source = find(from, section);
    if (source == nullptr || source->kind != Node::Kind::map) {
        return;
    }
    Node::Entry* const place = find_entry(*into, section);
    if (place == nullptr) {
        into->entries.push_back({merger_.text_node(*source, section), source});
        for (Node::Entry const& entry : source->entries) {
            included.insert(base::concat(section, '.', entry.key->text));
        }
        return;
    }
    if (place->value->kind != Node::Kind::map) {
        return;  // reported where it is read
    }
    Node* const all = arena_.make(*place->value);
    EntryIndex index;
    for (Node::Entry const& entry : source->entries) {
        std::string const name = base::concat(section, '.', entry.key->text);
        std::size_t const at = index.find(*all, entry.key->text);
        bool const fresh = included.insert(name).second;
        if (at == EntryIndex::none) {
            all->entries.push_back(entry);
        } else if (fresh) {
            Way way{section, std::string_view(entry.key->text)};
            all->entries[at].value = merger_.merge(entry.value, all->entries[at].value, way);
        } else if (!same(*all->entries[at].value, *entry.value)) {
            Node const& first = *all->entries[at].key;
            report_.add_at(Severity::error, *entry.key, printable(name),
                           base::concat("included twice and not the same, first from ", *first.file,
                                        ':', first.line));
        }
    }
    place->value = all;
}

}  // namespace spec
