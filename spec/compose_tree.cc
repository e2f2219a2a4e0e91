#include "spec/compose_tree.h"

#include <algorithm>
#include <map>
#include <optional>

#include <yaml.h>

#include "base/text.h"
#include "spec/compose_text.h"

namespace spec {

namespace {

// Where an event or an error stands, from 1.
struct Place {
    int line{};
    int column{};
};

Place place_of(yaml_mark_t const& mark) {
    return {static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
}

std::string_view text_of(yaml_char_t const* text) {
    return text == nullptr ? std::string_view() : reinterpret_cast<char const*>(text);
}

bool is_null_text(std::string_view text) {
    return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

// Builds a Document from the parser's events: every bound is checked while the text is read, and
// an alias costs nothing. A call that returns false ends the reading; the reason is among the
// problems.
class TreeBuilder {
public:
    TreeBuilder(Document& document, Arena& arena, std::string const* file)
        : document_(document), arena_(arena), file_(file) {}

    [[nodiscard]] bool on_event(yaml_event_t const& event) {
        Place const at = place_of(event.start_mark);
        switch (event.type) {
            case YAML_DOCUMENT_START_EVENT:
                return document_.root == nullptr ||
                       refuse(at,
                              "expected one YAML document, found a second one; put it into a file "
                              "of its own");
            case YAML_ALIAS_EVENT:
                return on_alias(at, text_of(event.data.alias.anchor));
            case YAML_SCALAR_EVENT:
                return on_scalar(at, event);
            case YAML_SEQUENCE_START_EVENT:
                return open(at, Node::Kind::list, text_of(event.data.sequence_start.tag),
                            text_of(event.data.sequence_start.anchor));
            case YAML_MAPPING_START_EVENT:
                return open(at, Node::Kind::map, text_of(event.data.mapping_start.tag),
                            text_of(event.data.mapping_start.anchor));
            case YAML_MAPPING_END_EVENT:
                for (Node const* const merged : stack_.back().merged) {
                    merge(*merged);
                }
                return close();
            case YAML_SEQUENCE_END_EVENT:
                return close();
            case YAML_NO_EVENT:
            case YAML_STREAM_START_EVENT:
            case YAML_STREAM_END_EVENT:
            case YAML_DOCUMENT_END_EVENT:
                return true;
        }
        return true;
    }

    // Always false.
    bool refuse(Place at, std::string message) {
        document_.problems.push_back(
            {Severity::error, *file_, at.line, at.column, {}, std::move(message)});
        return false;
    }

private:
    // A list or map whose end has not been read.
    struct Frame {
        Node* node;
        std::size_t spent_before;
        Node const* key{};  // map: read, its value not yet
        EntryIndex keys;
        std::vector<Node const*> merged;  // values of "<<"
    };

    bool on_alias(Place at, std::string_view anchor) {
        auto const found = anchors_.find(anchor);
        if (found == anchors_.end()) {
            return refuse(at, base::concat("expected an anchor that stands above, found *",
                                           printable(anchor)));
        }
        if (found->second->open) {
            return refuse(at, "an alias that contains itself");
        }
        return spend(found->second->weight, at) && attach(found->second, at);
    }

    bool on_scalar(Place at, yaml_event_t const& event) {
        auto const& scalar = event.data.scalar;
        std::string_view const tag = text_of(scalar.tag);
        Node* const node = make(at, Node::Kind::scalar, tag, text_of(scalar.anchor));
        if (node == nullptr) {
            return false;
        }
        std::string_view const text(reinterpret_cast<char const*>(scalar.value), scalar.length);
        node->quoted =
            scalar.style != YAML_PLAIN_SCALAR_STYLE || tag == "!" || tag == "tag:yaml.org,2002:str";
        if (!node->quoted && is_null_text(text)) {
            node->kind = Node::Kind::null;
        } else {
            node->text = text;
        }
        return attach(node, at);
    }

    bool report(Severity severity, Node const& at, std::string key, std::string message) {
        if (document_.problems.size() == yaml_problems_max) {
            return refuse({at.line, at.column}, "too many problems; reading stopped here");
        }
        document_.problems.push_back(
            {severity, *file_, at.line, at.column, std::move(key), std::move(message)});
        return true;
    }

    bool spend(std::size_t nodes, Place at) {
        spent_ += nodes;
        return spent_ <= yaml_nodes_max ||
               refuse(at, base::concat("expected at most ", yaml_nodes_max,
                                       " values with all aliases written out, found more"));
    }

    // Null: refused.
    Node* make(Place at, Node::Kind kind, std::string_view tag, std::string_view anchor) {
        if (!spend(1, at)) {
            return nullptr;
        }
        Node* const node = arena_.make({.kind = kind,
                                        .file = file_,
                                        .line = at.line,
                                        .column = at.column,
                                        .text = {},
                                        .items = {},
                                        .entries = {}});
        if (!anchor.empty()) {
            anchors_.insert_or_assign(std::string(anchor), node);
        }
        if (tag == "!reset" || tag == "!override") {
            node->tag = tag == "!reset" ? Node::Tag::reset : Node::Tag::override;
            arena_.note_tag();
        } else if (!tag.empty() && tag != "!" && !tag.starts_with("tag:yaml.org,2002:")) {
            std::string text = base::concat("the tag ", quote(tag), " is not known; ignored");
            if (!report(Severity::warning, *node, path(), std::move(text))) {
                return nullptr;
            }
        }
        return node;
    }

    // The way to the value read now: "services.web.ports[2]".
    [[nodiscard]] std::string path() const {
        std::string out;
        for (Frame const& frame : stack_) {
            if (frame.node->kind == Node::Kind::list) {
                out += base::concat('[', frame.node->items.size(), ']');
            } else if (frame.key != nullptr) {
                out += base::concat(out.empty() ? "" : ".", printable(frame.key->text));
            }
        }
        return out;
    }

    bool open(Place at, Node::Kind kind, std::string_view tag, std::string_view anchor) {
        if (stack_.size() == yaml_depth_max) {
            return refuse(at,
                          base::concat("nested too deep: more than ", yaml_depth_max, " levels"));
        }
        if (awaits_key()) {
            return refuse(at, "expected a key, found a list or a map");
        }
        Node* const node = make(at, kind, tag, anchor);
        if (node == nullptr) {
            return false;
        }
        node->open = true;
        stack_.push_back({node, spent_, {}, {}, {}});
        return true;
    }

    bool close() {
        Frame const frame = std::move(stack_.back());
        stack_.pop_back();
        frame.node->open = false;
        frame.node->weight = 1 + spent_ - frame.spent_before;
        return attach(frame.node, {});
    }

    [[nodiscard]] bool awaits_key() const {
        return !stack_.empty() && stack_.back().node->kind == Node::Kind::map &&
               stack_.back().key == nullptr;
    }

    bool attach(Node const* node, Place at) {
        if (stack_.empty()) {
            document_.root = node;
            return true;
        }
        Frame& frame = stack_.back();
        if (frame.node->kind == Node::Kind::list) {
            // There is nothing to remove from a list: an item that says so is as good as absent.
            if (node->tag != Node::Tag::reset) {
                frame.node->items.push_back(node);
            }
            return true;
        }
        if (frame.key != nullptr) {
            return add_entry(frame, node);
        }
        if (node->kind == Node::Kind::scalar && node->text.size() <= yaml_key_max) {
            frame.key = node;
            return true;
        }
        return refuse(at, base::concat("expected a key of at most ", yaml_key_max, " bytes",
                                       node->kind == Node::Kind::null ? ", found none" : ""));
    }

    bool add_entry(Frame& frame, Node const* value) {
        Node const* const key = frame.key;
        bool good = true;
        if (key->text == "<<" && !key->quoted) {
            good = note_merge(frame, *value);
        } else if (auto const first = frame.keys.find(*frame.node, key->text);
                   first == EntryIndex::none) {
            frame.node->entries.push_back({key, value});
        } else {
            good = report(Severity::error, *key, path(),
                          base::concat("given twice in one map, first in line ",
                                       frame.node->entries[first].key->line));
        }
        frame.key = nullptr;
        return good;
    }

    bool note_merge(Frame& frame, Node const& value) {
        if (value.kind == Node::Kind::map) {
            frame.merged.push_back(&value);
            return true;
        }
        if (value.kind != Node::Kind::list) {
            return report(Severity::error, value, path(),
                          "expected a map, or a list of maps, to merge");
        }
        for (Node const* const item : value.items) {
            if (item->kind == Node::Kind::map) {
                frame.merged.push_back(item);
            } else if (!report(Severity::error, *item, path(), "expected a map to merge")) {
                return false;
            }
        }
        return true;
    }

    // A key that is there already wins over a merged one. What is copied was spent with the alias.
    void merge(Node const& from) {
        Frame& frame = stack_.back();
        for (Node::Entry const& entry : from.entries) {
            if (frame.keys.find(*frame.node, entry.key->text) == EntryIndex::none) {
                frame.node->entries.push_back(entry);
            }
        }
    }

    Document& document_;
    Arena& arena_;
    std::string const* file_;
    std::vector<Frame> stack_;
    std::map<std::string, Node*, std::less<>> anchors_;
    std::size_t spent_ = 0;
};

// What the parser says, with what it does not know: the likely cause.
std::string explain(yaml_parser_t const& parser, std::string_view text) {
    std::string_view const problem = parser.problem == nullptr ? "unreadable" : parser.problem;
    std::string_view const context = parser.context == nullptr ? "" : parser.context;
    bool const elsewhere = !context.empty() && parser.context_mark.line != parser.problem_mark.line;
    std::string const begun =
        elsewhere ? base::concat(", begun in line ", place_of(parser.context_mark).line) : "";
    if (context == "while scanning a quoted scalar" &&
        problem == "found unexpected end of stream") {
        return base::concat("not valid YAML: expected a closing quote, found the end of the file",
                            begun);
    }
    std::string const out = base::concat("not valid YAML: ", problem,
                                         elsewhere ? base::concat(" ", context) : "", begun);
    std::size_t start = 0;
    for (std::size_t line = 0; line < parser.problem_mark.line && start != std::string_view::npos;
         ++line) {
        start = text.find('\n', start);
        start += start != std::string_view::npos ? 1 : 0;
    }
    std::string_view const rest = text.substr(std::min(start, text.size()));
    std::string_view const indent = rest.substr(0, rest.find_first_not_of(" \t"));
    return base::concat(out, indent.contains('\t') ? "; indent with spaces, not tabs" : "");
}

// Feeds the builder until the end of the text or the first refusal.
bool parse(std::string_view text, TreeBuilder& builder) {
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        return builder.refuse({}, "not readable as YAML: out of memory");
    }
    yaml_parser_set_input_string(&parser, reinterpret_cast<unsigned char const*>(text.data()),
                                 text.size());
    bool good = true;
    bool ended = false;
    while (good && !ended) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            good = builder.refuse(place_of(parser.problem_mark), explain(parser, text));
            break;
        }
        ended = event.type == YAML_STREAM_END_EVENT;
        good = builder.on_event(event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return good;
}

}  // namespace

Node const* find(Node const& map, std::string_view key) {
    for (Node::Entry const& entry : map.entries) {
        if (entry.key->text == key) {
            return entry.value;
        }
    }
    return nullptr;
}

Node::Entry* find_entry(Node& map, std::string_view key) {
    for (Node::Entry& entry : map.entries) {
        if (entry.key->text == key) {
            return &entry;
        }
    }
    return nullptr;
}

std::size_t EntryIndex::find(Node const& map, std::string_view key) {
    static constexpr std::size_t few = 16;
    if (map.entries.size() <= few) {
        auto const found = std::ranges::find(map.entries, key, [](Node::Entry const& entry) {
            return std::string_view(entry.key->text);
        });
        return found == map.entries.end() ? none
                                          : static_cast<std::size_t>(found - map.entries.begin());
    }
    for (; indexed_ < map.entries.size(); ++indexed_) {
        positions_.try_emplace(map.entries[indexed_].key->text, indexed_);
    }
    auto const found = positions_.find(key);
    return found == positions_.end() ? none : found->second;
}

Document read_yaml(std::string_view file, std::string_view text, Arena& arena) {
    Document document;
    std::string const* const name = arena.file(printable(file));
    if (std::optional<Diagnostic> problem = check_text(text)) {
        problem->file = *name;
        document.problems.push_back(*std::move(problem));
        return document;
    }
    TreeBuilder builder(document, arena, name);
    if (!parse(text, builder)) {
        document.root = nullptr;
    }
    return document;
}

}  // namespace spec
