#include "spec/compose/merge.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "base/text.h"
#include "spec/compose/unique.h"
#include "spec/compose_text.h"

namespace spec {

enum class Merger::Rule {
    plain,
    replace,
    pairs,         // NAME=VALUE or a map
    texts,         // a list or one item, unique by the name of NAME=VALUE
    hosts,         // a list of HOST=ADDRESS or a map; one host may have several
    env_files,     // a list or one item, unique by path
    names,         // a list of names or a map
    dependencies,  // the same, where a name means {condition: service_started}
    build,         // a map, or its context
    logging,       // options belong to their driver
    pools,         // a list of maps with a subnet
    ports,
    targets,
    secrets,
    configs,
};

struct Merger::RuleAt {
    std::string_view pattern;  // "*" is any key
    Rule rule;
};

// A list that is not here is appended to.
Merger::RuleAt const Merger::rules[] = {
    {"configs.*.labels", Rule::pairs},
    {"networks.*.ipam.config", Rule::pools},
    {"networks.*.labels", Rule::pairs},
    {"secrets.*.labels", Rule::pairs},
    {"services.*.annotations", Rule::pairs},
    {"services.*.build", Rule::build},
    {"services.*.build.additional_contexts", Rule::pairs},
    {"services.*.build.args", Rule::pairs},
    {"services.*.build.extra_hosts", Rule::hosts},
    {"services.*.build.labels", Rule::pairs},
    {"services.*.build.tags", Rule::texts},
    {"services.*.cap_add", Rule::texts},
    {"services.*.cap_drop", Rule::texts},
    {"services.*.command", Rule::replace},
    {"services.*.configs", Rule::configs},
    {"services.*.depends_on", Rule::dependencies},
    {"services.*.deploy.labels", Rule::pairs},
    {"services.*.devices", Rule::targets},
    {"services.*.dns", Rule::texts},
    {"services.*.dns_opt", Rule::texts},
    {"services.*.dns_search", Rule::texts},
    {"services.*.entrypoint", Rule::replace},
    {"services.*.env_file", Rule::env_files},
    {"services.*.environment", Rule::pairs},
    {"services.*.expose", Rule::texts},
    {"services.*.extra_hosts", Rule::hosts},
    {"services.*.healthcheck.test", Rule::replace},
    {"services.*.label_file", Rule::texts},
    {"services.*.labels", Rule::pairs},
    {"services.*.links", Rule::texts},
    {"services.*.logging", Rule::logging},
    {"services.*.models", Rule::names},
    {"services.*.networks", Rule::names},
    {"services.*.networks.*.aliases", Rule::texts},
    {"services.*.networks.*.link_local_ips", Rule::texts},
    {"services.*.ports", Rule::ports},
    {"services.*.profiles", Rule::texts},
    {"services.*.secrets", Rule::secrets},
    {"services.*.sysctls", Rule::pairs},
    {"services.*.tmpfs", Rule::texts},
    {"services.*.ulimits.*", Rule::replace},
    {"services.*.volumes", Rule::targets},
    {"volumes.*.labels", Rule::pairs},
};

namespace {

bool matches(std::string_view pattern, Way const& way) {
    for (Step const& step : way) {
        std::size_t const dot = pattern.find('.');
        std::string_view const wanted = pattern.substr(0, dot);
        if (wanted.empty() || (wanted != "*" && (step.is_item || wanted != step.key))) {
            return false;
        }
        pattern = dot == std::string_view::npos ? std::string_view() : pattern.substr(dot + 1);
    }
    return pattern.empty();
}

std::string_view describe(Node const& node) {
    switch (node.kind) {
        case Node::Kind::null:
            return "nothing";
        case Node::Kind::scalar:
            return "text";
        case Node::Kind::list:
            return "a list";
        case Node::Kind::map:
            return "a map";
    }
    return {};
}

Node const* strip(Node const* node, Arena& arena,
                  std::unordered_map<Node const*, Node const*>& known) {
    if (auto const found = known.find(node); found != known.end()) {
        return found->second;
    }
    Node copy = *node;
    bool changed = false;
    for (Node const*& item : copy.items) {
        Node const* const stripped = strip(item, arena, known);
        changed = changed || stripped != item;
        item = stripped;
    }
    changed = std::erase_if(copy.entries,
                            [](Node::Entry const& entry) {
                                return entry.value->tag == Node::Tag::reset;
                            }) > 0 ||
              changed;
    for (Node::Entry& entry : copy.entries) {
        Node const* const stripped = strip(entry.value, arena, known);
        changed = changed || stripped != entry.value;
        entry.value = stripped;
    }
    Node const* const result = changed ? arena.make(std::move(copy)) : node;
    known.emplace(node, result);
    return result;
}

}  // namespace

std::string to_path(Way const& way) {
    std::string path;
    for (Step const& step : way) {
        if (step.is_item) {
            path += base::concat('[', step.index, ']');
        } else {
            path += base::concat(path.empty() ? "" : ".", printable(step.key));
        }
    }
    return path;
}

Merger::Rule Merger::rule_of(Way const& way) {
    for (RuleAt const& each : rules) {
        if (matches(each.pattern, way)) {
            return each.rule;
        }
    }
    return Rule::plain;
}

Node const* Merger::merge(Node const* base, Node const* over, Way& way) {
    if (over->tag != Node::Tag::none || base->tag == Node::Tag::reset) {
        return over;
    }
    // Also what turns lists into maps must not be endless.
    if (!spend(1 + base->items.size() + base->entries.size() + over->items.size() +
                   over->entries.size(),
               *over)) {
        return base;
    }
    switch (Rule const rule = rule_of(way)) {
        case Rule::plain:
            return merge_plain(base, over, way);
        case Rule::replace:
            return over;
        case Rule::pairs:
            return merge_pairs(base, over, way);
        case Rule::names:
        case Rule::dependencies:
        case Rule::build:
            return merge_plain(as_map(base, rule), as_map(over, rule), way);
        case Rule::logging:
            return merge_logging(base, over, way);
        case Rule::texts:
        case Rule::hosts:
        case Rule::env_files:
        case Rule::pools:
        case Rule::ports:
        case Rule::targets:
        case Rule::secrets:
        case Rule::configs:
            return merge_unique(base, over, way, rule);
    }
    return base;
}

bool Merger::spend(std::size_t entries, Node const& at) {
    bool const fitted = spent_ <= entries_max;
    spent_ += fitted ? entries : 0;
    if (fitted && spent_ > entries_max) {
        report_.add_at(Severity::error, at, {},
                       base::concat("expected files that take at most ", entries_max,
                                    " entries to merge, found more"));
    }
    return spent_ <= entries_max;
}

Node* Merger::shell_of(Node const& like, Node::Kind kind) {
    return arena_.make({.kind = kind,
                        .file = like.file,
                        .line = like.line,
                        .column = like.column,
                        .text = {},
                        .items = {},
                        .entries = {}});
}

Node const* Merger::text_node(Node const& like, std::string_view text) {
    Node* const node = shell_of(like, Node::Kind::scalar);
    node->quoted = true;
    node->text = text;
    return node;
}

Node const* Merger::mismatch(Node const* base, Node const* over, Way const& way) {
    report_.add_at(Severity::error, *over, to_path(way),
                   base::concat("expected ", describe(*base), " as in ", *base->file, ":",
                                base->line, ", which this overrides; found ", describe(*over)));
    return base;
}

Node const* Merger::without_merging(Node const* base, Node const* over, Node::Kind kind,
                                    Way const& way) {
    if (over->kind == Node::Kind::null) {
        return base;
    }
    if (base->kind == Node::Kind::null) {
        return over;
    }
    return base->kind != kind || over->kind != kind ? mismatch(base, over, way) : nullptr;
}

Node const* Merger::merge_plain(Node const* base, Node const* over, Way& way) {
    if (over->kind == Node::Kind::null) {
        return base;
    }
    if (base->kind == Node::Kind::null || base->kind == Node::Kind::scalar) {
        return over;
    }
    if (over->kind != base->kind) {
        return mismatch(base, over, way);
    }
    if (base->kind == Node::Kind::map) {
        return merge_maps(base, over, way);
    }
    Node* const out = shell_of(*base, Node::Kind::list);
    out->items = base->items;
    out->items.insert(out->items.end(), over->items.begin(), over->items.end());
    return out;
}

Node const* Merger::merge_maps(Node const* base, Node const* over, Way& way) {
    Node* const out = shell_of(*base, Node::Kind::map);
    out->entries = base->entries;
    EntryIndex index;
    for (Node::Entry const& entry : over->entries) {
        std::size_t const at = index.find(*out, entry.key->text);
        if (at == EntryIndex::none) {
            out->entries.push_back(entry);
            continue;
        }
        way.emplace_back(entry.key->text);
        Node const* const merged = merge(out->entries[at].value, entry.value, way);
        way.pop_back();
        // A value that took the place of the other brings its key, which stands beside it.
        out->entries[at] = {merged == entry.value ? entry.key : out->entries[at].key, merged};
    }
    return out;
}

Node const* Merger::merge_unique(Node const* base, Node const* over, Way const& way, Rule rule) {
    static constexpr std::array<std::pair<Rule, Unique>, 7> keys{{{Rule::texts, Unique::text},
                                                                  {Rule::env_files, Unique::path},
                                                                  {Rule::hosts, Unique::whole},
                                                                  {Rule::ports, Unique::port},
                                                                  {Rule::targets, Unique::target},
                                                                  {Rule::secrets, Unique::secret},
                                                                  {Rule::configs, Unique::config}}};
    base = as_list(base);
    over = as_list(over);
    if (Node const* const result = without_merging(base, over, Node::Kind::list, way)) {
        return result;
    }
    auto const* const found = std::ranges::find(keys, rule, &std::pair<Rule, Unique>::first);
    auto const key_of = [&](Node const& item) {
        if (found != keys.end()) {
            return unique_key(item, found->second);
        }
        Node const* const subnet = find(item, "subnet");
        return subnet == nullptr ? std::string() : subnet->text;
    };
    Node* const out = shell_of(*base, Node::Kind::list);
    std::unordered_map<std::string, std::size_t> positions;
    for (Node const* const list : {base, over}) {
        for (Node const* const item : list->items) {
            std::string key = key_of(*item);
            auto const [place, added] = positions.try_emplace(key, out->items.size());
            if (added || key.empty()) {
                out->items.push_back(item);
            } else if (rule == Rule::pools) {
                Way inside = way;
                inside.emplace_back(place->second);
                out->items[place->second] = merge(out->items[place->second], item, inside);
            } else {
                out->items[place->second] = item;
            }
        }
    }
    return out;
}

// A name without a value removes the one that is there: it is unset, or taken from elsewhere.
Node const* Merger::merge_pairs(Node const* base, Node const* over, Way& way) {
    base = as_pairs(base);
    over = as_pairs(over);
    if (Node const* const result = without_merging(base, over, Node::Kind::map, way)) {
        return result;
    }
    Node* const out = shell_of(*base, Node::Kind::map);
    out->entries = base->entries;
    EntryIndex index;
    for (Node::Entry const& entry : over->entries) {
        std::size_t const at = index.find(*out, entry.key->text);
        if (at == EntryIndex::none) {
            out->entries.push_back(entry);
        } else {
            out->entries[at] = entry;
        }
    }
    return out;
}

Node const* Merger::merge_logging(Node const* base, Node const* over, Way& way) {
    if (base->kind == Node::Kind::map && over->kind == Node::Kind::map) {
        Node const* const before = find(*base, "driver");
        Node const* const after = find(*over, "driver");
        if (before != nullptr && after != nullptr && before->text != after->text) {
            return over;
        }
    }
    return merge_plain(base, over, way);
}

Node const* Merger::as_pairs(Node const* node) {
    if (node->kind != Node::Kind::list) {
        return node;
    }
    Node* const out = shell_of(*node, Node::Kind::map);
    EntryIndex index;
    for (Node const* const item : node->items) {
        std::size_t const equals = item->text.find('=');
        Node const* const key = text_node(*item, std::string_view(item->text).substr(0, equals));
        Node const* const value =
            equals == std::string::npos
                ? shell_of(*item, Node::Kind::null)
                : text_node(*item, std::string_view(item->text).substr(equals + 1));
        std::size_t const at = index.find(*out, key->text);
        if (at == EntryIndex::none) {
            out->entries.push_back({key, value});
        } else {
            out->entries[at] = {key, value};
        }
    }
    return out;
}

Node const* Merger::as_list(Node const* node) {
    if (node->kind == Node::Kind::list || node->kind == Node::Kind::null) {
        return node;
    }
    Node* const out = shell_of(*node, Node::Kind::list);
    if (node->kind == Node::Kind::scalar) {
        out->items.push_back(node);
        return out;
    }
    for (Node::Entry const& entry : node->entries) {
        std::vector<Node const*> const one{entry.value};
        bool const many = entry.value->kind == Node::Kind::list;
        for (Node const* const value : many ? entry.value->items : one) {
            out->items.push_back(
                text_node(*entry.key, base::concat(entry.key->text, '=', value->text)));
        }
    }
    return out;
}

Node const* Merger::as_map(Node const* node, Rule rule) {
    bool const context = rule == Rule::build && node->kind == Node::Kind::scalar;
    if (node->kind != Node::Kind::list && !context) {
        return node;
    }
    Node* const out = shell_of(*node, Node::Kind::map);
    if (context) {
        out->entries.push_back({text_node(*node, "context"), node});
        return out;
    }
    EntryIndex index;
    for (Node const* const item : node->items) {
        Node* const value =
            shell_of(*item, rule == Rule::dependencies ? Node::Kind::map : Node::Kind::null);
        if (rule == Rule::dependencies) {
            value->entries.push_back(
                {text_node(*item, "condition"), text_node(*item, "service_started")});
        }
        if (index.find(*out, item->text) == EntryIndex::none) {
            out->entries.push_back({item, value});
        }
    }
    return out;
}

Node const* without_resets(Node const* root, Arena& arena) {
    if (!arena.tagged()) {
        return root;
    }
    std::unordered_map<Node const*, Node const*> known;
    return strip(root, arena, known);
}

bool same(Node const& left, Node const& right) {
    if (&left == &right) {
        return true;
    }
    if (left.kind != right.kind || left.quoted != right.quoted || left.text != right.text ||
        left.items.size() != right.items.size() || left.entries.size() != right.entries.size()) {
        return false;
    }
    for (std::size_t at = 0; at < left.items.size(); ++at) {
        if (!same(*left.items[at], *right.items[at])) {
            return false;
        }
    }
    EntryIndex index;
    return std::ranges::all_of(left.entries, [&](Node::Entry const& entry) {
        std::size_t const at = index.find(right, entry.key->text);
        return at != EntryIndex::none && same(*entry.value, *right.entries[at].value);
    });
}

}  // namespace spec
