#include "spec/compose_tree.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/text.h"
#include "spec/compose_text.h"

namespace spec {

namespace {

// Thrown through the parser, the only way to stop it, and caught in read_yaml.
struct Refused {
    int line;
    int column;
    std::string message;
};

bool is_null_text(std::string_view text) {
    return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

// Builds a Document from the parser's events rather than from yaml-cpp's own nodes: every bound is
// checked while the text is read, and an alias costs nothing.
class TreeBuilder : public YAML::EventHandler {
public:
    explicit TreeBuilder(Document& document) : document_(document) {}

    void OnDocumentStart(YAML::Mark const& mark) override {
        if (document_.root != nullptr) {
            refuse(mark, "expected one YAML document, found a second one");
        }
    }

    void OnDocumentEnd() override {}

    void OnNull(YAML::Mark const& mark, YAML::anchor_t anchor) override {
        attach(make(mark, "", anchor, Node::Kind::null), mark);
    }

    void OnAlias(YAML::Mark const& mark, YAML::anchor_t anchor) override {
        Node* const node = anchors_[anchor];
        if (node == nullptr || node->open) {
            refuse(mark, "an alias that contains itself");
        }
        spend(node->weight, mark);
        attach(node, mark);
    }

    void OnScalar(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                  std::string const& value) override {
        Node* const node = make(mark, tag, anchor, Node::Kind::scalar);
        node->quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
        if (!node->quoted && is_null_text(value)) {
            node->kind = Node::Kind::null;
        } else {
            node->text = value;
        }
        attach(node, mark);
    }

    void OnSequenceStart(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(make(mark, tag, anchor, Node::Kind::list), mark);
    }

    void OnSequenceEnd() override { close(); }

    void OnMapStart(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(make(mark, tag, anchor, Node::Kind::map), mark);
    }

    void OnMapEnd() override {
        for (Node const* const merged : stack_.back().merged) {
            merge(*merged);
        }
        close();
    }

private:
    // A list or map whose end has not been read.
    struct Frame {
        Node* node;
        std::size_t spent_before;
        Node const* key{};  // map: read, its value not yet
        std::set<std::string_view> keys;
        std::vector<Node const*> merged;  // values of "<<"
    };

    [[noreturn]] static void refuse(YAML::Mark const& mark, std::string message) {
        throw Refused{mark.line + 1, mark.column + 1, std::move(message)};
    }

    void report(Severity severity, Node const& at, std::string key, std::string message) {
        if (document_.problems.size() == yaml_problems_max) {
            throw Refused{at.line, at.column, "too many problems; reading stopped here"};
        }
        document_.problems.push_back(
            {severity, {}, at.line, at.column, std::move(key), std::move(message)});
    }

    void spend(std::size_t nodes, YAML::Mark const& mark) {
        spent_ += nodes;
        if (spent_ > yaml_nodes_max) {
            refuse(mark, base::concat("expected at most ", yaml_nodes_max,
                                      " values with all aliases written out, found more"));
        }
    }

    Node* make(YAML::Mark const& mark, std::string_view tag, YAML::anchor_t anchor,
               Node::Kind kind) {
        spend(1, mark);
        Node* const node = &document_.nodes.emplace_back();
        node->kind = kind;
        node->line = mark.line + 1;
        node->column = mark.column + 1;
        if (anchor != YAML::NullAnchor) {
            anchors_[anchor] = node;
        }
        bool const core =
            tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:");
        if (!core) {
            report(Severity::warning, *node, path(),
                   base::concat("the tag ", quote(tag), " is not supported yet; ignored"));
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

    void open(Node* node, YAML::Mark const& mark) {
        if (stack_.size() == yaml_depth_max) {
            refuse(mark, base::concat("nested too deep: more than ", yaml_depth_max, " levels"));
        }
        if (awaits_key()) {
            refuse(mark, "expected a key, found a list or a map");
        }
        node->open = true;
        stack_.push_back({node, spent_, {}, {}, {}});
    }

    void close() {
        Frame const frame = std::move(stack_.back());
        stack_.pop_back();
        frame.node->open = false;
        frame.node->weight = 1 + spent_ - frame.spent_before;
        attach(frame.node, {});
    }

    [[nodiscard]] bool awaits_key() const {
        return !stack_.empty() && stack_.back().node->kind == Node::Kind::map &&
               stack_.back().key == nullptr;
    }

    void attach(Node const* node, YAML::Mark const& mark) {
        if (stack_.empty()) {
            document_.root = node;
            return;
        }
        Frame& frame = stack_.back();
        if (frame.node->kind == Node::Kind::list) {
            frame.node->items.push_back(node);
        } else if (frame.key != nullptr) {
            add_entry(frame, node);
        } else if (node->kind == Node::Kind::scalar && node->text.size() <= yaml_key_max) {
            frame.key = node;
        } else {
            refuse(mark, base::concat("expected a key of at most ", yaml_key_max, " bytes"));
        }
    }

    void add_entry(Frame& frame, Node const* value) {
        Node const* const key = frame.key;
        if (key->text == "<<" && !key->quoted) {
            note_merge(frame, *value);
        } else if (frame.keys.insert(key->text).second) {
            frame.node->entries.push_back({key, value});
        } else {
            report(Severity::error, *key, path(), "given twice in one map");
        }
        frame.key = nullptr;
    }

    void note_merge(Frame& frame, Node const& value) {
        if (value.kind == Node::Kind::map) {
            frame.merged.push_back(&value);
            return;
        }
        if (value.kind == Node::Kind::list) {
            for (Node const* const item : value.items) {
                if (item->kind == Node::Kind::map) {
                    frame.merged.push_back(item);
                } else {
                    report(Severity::error, *item, path(), "expected a map to merge");
                }
            }
            return;
        }
        report(Severity::error, value, path(), "expected a map, or a list of maps, to merge");
    }

    // A key that is there already wins over a merged one. What is copied was spent with the alias.
    void merge(Node const& from) {
        Frame& frame = stack_.back();
        for (Node::Entry const& entry : from.entries) {
            if (frame.keys.insert(entry.key->text).second) {
                frame.node->entries.push_back(entry);
            }
        }
    }

    Document& document_;
    std::vector<Frame> stack_;
    std::map<YAML::anchor_t, Node*> anchors_;
    std::size_t spent_ = 0;
};

// What the parser says, with what it does not know: the likely cause.
std::string explain(YAML::Exception const& error, std::string_view text) {
    if (error.msg == YAML::ErrorMsg::DOC_IN_SCALAR) {
        return "not valid YAML: expected a closing quote, found the end of the document";
    }
    std::size_t start = 0;
    for (int line = 0; line < error.mark.line && start != std::string_view::npos; ++line) {
        start = text.find('\n', start);
        start += start != std::string_view::npos ? 1 : 0;
    }
    std::string_view const rest = text.substr(std::min(start, text.size()));
    std::string_view const indent = rest.substr(0, rest.find_first_not_of(" \t"));
    return base::concat("not valid YAML: ", error.msg,
                        indent.contains('\t') ? "; indent with spaces, not tabs" : "");
}

std::optional<Diagnostic> parse(std::string_view text, Document& document) {
    auto const failed = [](int line, int column, std::string message) {
        return Diagnostic{Severity::error, {}, line, column, {}, std::move(message)};
    };
    try {
        // yaml-cpp takes the end of the file for a closing quote, but not the end of a document: a
        // file cut off in the middle must not pass for a whole one.
        std::istringstream stream(base::concat(text, text.ends_with('\n') ? "" : "\n", "...\n"));
        YAML::Parser parser(stream);
        TreeBuilder builder(document);
        while (parser.HandleNextDocument(builder)) {
        }
        return std::nullopt;
    } catch (Refused const& refused) {
        return failed(refused.line, refused.column, refused.message);
    } catch (YAML::Exception const& error) {
        bool const placed = !error.mark.is_null();
        return failed(placed ? error.mark.line + 1 : 0, placed ? error.mark.column + 1 : 0,
                      explain(error, text));
    } catch (std::exception const& error) {
        // yaml-cpp documents no other exception, but what it throws must stay in here.
        return failed(0, 0, base::concat("not readable as YAML: ", error.what()));
    }
}

}  // namespace

Document read_yaml(std::string_view text) {
    Document document;
    std::optional<Diagnostic> problem = check_text(text);
    if (!problem) {
        problem = parse(text, document);
    }
    if (problem) {
        document.root = nullptr;
        document.problems.push_back(*std::move(problem));
    }
    return document;
}

}  // namespace spec
