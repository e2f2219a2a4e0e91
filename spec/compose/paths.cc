#include "spec/compose/paths.h"

#include <array>
#include <functional>
#include <vector>

#include "base/text.h"

namespace spec {

namespace {

// Copies a node when one of its parts changes.
class Rewrite {
public:
    using Change = std::function<Node const*(Node const*)>;

    explicit Rewrite(Arena& arena) : arena_(arena) {}

    Node const* entry(Node const* map, std::string_view key, Change const& change) {
        return entries(map, [&](std::string_view name, Node const* value) {
            return name == key ? change(value) : value;
        });
    }

    Node const* every_entry(Node const* map, Change const& change) {
        return entries(map, [&](std::string_view, Node const* value) { return change(value); });
    }

    Node const* every_item(Node const* list, Change const& change) {
        Node copy = *list;
        bool changed = false;
        for (Node const*& item : copy.items) {
            Node const* const now = change(item);
            changed = changed || now != item;
            item = now;
        }
        return changed ? arena_.make(std::move(copy)) : list;
    }

    Node const* text(Node const* node, std::string text) {
        if (node->kind != Node::Kind::scalar || node->text == text) {
            return node;
        }
        Node copy = *node;
        copy.text = std::move(text);
        return arena_.make(std::move(copy));
    }

private:
    Node const* entries(Node const* map,
                        std::function<Node const*(std::string_view, Node const*)> const& change) {
        Node copy = *map;
        bool changed = false;
        for (Node::Entry& entry : copy.entries) {
            Node const* const now = change(entry.key->text, entry.value);
            changed = changed || now != entry.value;
            entry.value = now;
        }
        return changed ? arena_.make(std::move(copy)) : map;
    }

    Arena& arena_;
};

class Rebase {
public:
    Rebase(std::string_view folder, Arena& arena) : folder_(folder), rewrite_(arena) {}

    Node const* root(Node const* root) {
        auto const in_file = [this](Node const* one) {
            return rewrite_.entry(one, "file", [this](auto* node) { return path(node); });
        };
        for (std::string_view const section : {"configs", "secrets"}) {
            root = rewrite_.entry(
                root, section, [&](Node const* all) { return rewrite_.every_entry(all, in_file); });
        }
        return rewrite_.entry(root, "services", [this](Node const* all) {
            return rewrite_.every_entry(all, [this](Node const* one) { return service(one); });
        });
    }

private:
    Node const* path(Node const* node) {
        bool const kept = node->text.empty() || node->text.starts_with('~');
        return kept ? node : rewrite_.text(node, join(folder_, node->text));
    }

    // What must not be mistaken for a name.
    [[nodiscard]] std::string visible(std::string_view path) const {
        std::string joined = join(folder_, path);
        bool const marked = joined.starts_with('/') || joined.starts_with('.');
        return marked ? joined : base::concat("./", joined);
    }

    // One path, a list of them, or of maps with a path.
    Node const* paths(Node const* node) {
        return rewrite_.every_item(path(node), [this](Node const* item) {
            return rewrite_.entry(path(item), "path", [this](auto* inner) { return path(inner); });
        });
    }

    Node const* volume(Node const* node) {
        if (node->kind == Node::Kind::scalar && node->text.starts_with('.')) {
            std::size_t const colon = std::min(node->text.find(':'), node->text.size());
            return rewrite_.text(
                node, base::concat(visible(node->text.substr(0, colon)), node->text.substr(colon)));
        }
        return rewrite_.entry(node, "source", [this](Node const* source) {
            return source->text.starts_with('.') ? rewrite_.text(source, visible(source->text))
                                                 : source;
        });
    }

    Node const* context(Node const* node) {
        return node->kind != Node::Kind::scalar || is_remote(node->text) ? node : path(node);
    }

    Node const* service(Node const* service) {
        for (std::string_view const key : {"env_file", "label_file"}) {
            service = rewrite_.entry(service, key, [this](auto* node) { return paths(node); });
        }
        service = rewrite_.entry(service, "build", [this](Node const* build) {
            return rewrite_.entry(context(build), "context",
                                  [this](auto* node) { return context(node); });
        });
        return rewrite_.entry(service, "volumes", [this](Node const* volumes) {
            return rewrite_.every_item(volumes, [this](auto* node) { return volume(node); });
        });
    }

    std::string_view folder_;
    Rewrite rewrite_;
};

}  // namespace

std::string join(std::string_view folder, std::string_view path) {
    std::string const whole = path.starts_with('/') || folder.empty()
                                  ? std::string(path)
                                  : base::concat(folder, '/', path);
    std::vector<std::string_view> parts;
    bool const absolute = whole.starts_with('/');
    for (std::string_view const part : base::split(whole, '/')) {
        if (part.empty() || part == ".") {
            continue;
        }
        if (part != "..") {
            parts.push_back(part);
        } else if (!parts.empty() && parts.back() != "..") {
            parts.pop_back();
        } else if (!absolute) {
            parts.push_back(part);
        }
    }
    std::string out = absolute ? "/" : "";
    for (std::string_view const part : parts) {
        out += base::concat(out.empty() || out == "/" ? "" : "/", part);
    }
    return out.empty() ? "." : out;
}

std::string folder_of(std::string_view path) {
    std::size_t const slash = path.rfind('/');
    if (slash == std::string_view::npos) {
        return {};
    }
    return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

bool is_remote(std::string_view path) {
    return path.contains("://") || path.starts_with("git@") || path.starts_with("github.com/");
}

Node const* rebased(Node const* root, std::string_view folder, Arena& arena) {
    return folder.empty() || folder == "." ? root : Rebase(folder, arena).root(root);
}

}  // namespace spec
