#include "spec/compose_report.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "base/check.h"
#include "base/text.h"
#include "spec/compose_text.h"
#include "spec/compose_units.h"
#include "spec/rules.h"

namespace spec {

namespace {

std::string describe(Node const& node) {
    switch (node.kind) {
        case Node::Kind::null:
            return "nothing";
        case Node::Kind::scalar:
            return quote(node.text);
        case Node::Kind::list:
            return "a list";
        case Node::Kind::map:
            return "a map";
    }
    return {};
}

// A value that is not there is marked where the next one begins: its key is nearer.
Node const& place_of(Field const& field) {
    bool const absent = field.value == nullptr || field.value->kind == Node::Kind::null;
    return absent && field.key != nullptr ? *field.key : *field.value;
}

// The value of a variable or a label: text, or what Compose makes of a YAML number or boolean.
std::optional<std::string> read_pair_value(Report& report, Field const& field) {
    std::optional<std::string> text = read_text(report, field);
    if (!text || field.value->quoted) {
        return text;
    }
    std::string const canonical = scalar_text(*text);
    if (canonical != *text && canonical != base::lower(*text)) {
        report.warning(field, base::concat(quote(*text), " is a number to YAML and becomes ",
                                           quote(canonical), "; put it in quotes to keep it"));
    }
    return canonical;
}

struct Pair {
    std::string name;
    std::optional<std::string> value;
};

std::optional<Pair> read_map_pair(Report& report, Field const& entry) {
    if (entry.value->kind == Node::Kind::null) {
        return Pair{entry.key->text, std::nullopt};
    }
    std::optional<std::string> value = read_pair_value(report, entry);
    if (!value) {
        return std::nullopt;
    }
    return Pair{entry.key->text, std::move(value)};
}

std::optional<Pair> read_list_pair(Report& report, Field const& item) {
    std::optional<std::string> const text = read_text(report, item);
    if (!text) {
        return std::nullopt;
    }
    std::size_t const equals = text->find('=');
    if (equals == std::string::npos) {
        return Pair{*text, std::nullopt};
    }
    return Pair{text->substr(0, equals), text->substr(equals + 1)};
}

}  // namespace

std::string to_string(Diagnostic const& diagnostic) {
    std::string out = diagnostic.file;
    if (diagnostic.line != 0) {
        out += base::concat(':', diagnostic.line, ':', diagnostic.column);
    }
    out += ": ";
    if (!diagnostic.key.empty()) {
        out += base::concat(diagnostic.key, ": ");
    }
    return out + diagnostic.message;
}

void Report::add(Diagnostic diagnostic) {
    if (diagnostics_.size() > diagnostics_max) {
        return;
    }
    if (diagnostics_.size() == diagnostics_max) {
        diagnostic = {Severity::error, {}, 0, 0, {}, "too many problems; the rest is not shown"};
    }
    failed_ = failed_ || diagnostic.severity == Severity::error;
    if (diagnostic.file.empty()) {
        diagnostic.file = file_;
    }
    diagnostics_.push_back(std::move(diagnostic));
}

void Report::add_at(Severity severity, Node const& at, std::string key, std::string message) {
    add({severity, at.file == nullptr ? std::string() : *at.file, at.line, at.column,
         std::move(key), std::move(message)});
}

void Report::error(Field const& field, std::string message) {
    add_at(Severity::error, place_of(field), field.path, std::move(message));
}

void Report::warning(Field const& field, std::string message) {
    add_at(Severity::warning, place_of(field), field.path, std::move(message));
}

void Report::expected(Field const& field, std::string_view what) {
    error(field, base::concat("expected ", what, ", found ", describe(*field.value)));
}

void Report::note(Field const& field, KeyRule const& rule) {
    if (rule.standing != Standing::acts) {
        add_at(Severity::warning, field.key != nullptr ? *field.key : *field.value, field.path,
               to_string(rule));
    }
}

void Report::note(Field const& field, std::string_view scope, std::string_view key) {
    KeyRule const* const rule = find_rule(scope, key);
    CHECK(rule != nullptr);
    note(field, *rule);
}

void Report::unknown(Field const& field, std::string_view scope) {
    std::string_view const near = nearest_key(scope, field.key->text);
    bool const ours = scope.contains("x-covey");
    std::string const guess = near.empty() ? "" : base::concat("; did you mean ", near, '?');
    add_at(ours ? Severity::error : Severity::warning, *field.key, field.path,
           base::concat(ours ? "unknown key" : "unknown key, ignored", guess));
}

std::vector<Diagnostic> Report::take() {
    std::ranges::sort(diagnostics_, {}, [this](Diagnostic const& diagnostic) {
        return std::make_tuple(diagnostic.file != file_, std::string_view(diagnostic.file),
                               diagnostic.line, diagnostic.column, std::string_view(diagnostic.key),
                               std::string_view(diagnostic.message));
    });
    return std::move(diagnostics_);
}

std::optional<std::string> read_text(Report& report, Field const& field) {
    if (field.value->kind != Node::Kind::scalar) {
        report.expected(field, "text");
        return std::nullopt;
    }
    std::string text = field.value->text;
    if (!valid_text(text)) {
        report.error(field,
                     base::concat("expected at most ", text_max, " bytes without a NUL character"));
        return std::nullopt;
    }
    return text;
}

std::optional<std::string> read_filled_text(Report& report, Field const& field) {
    std::optional<std::string> text = read_text(report, field);
    if (text && text->empty()) {
        report.expected(field, "text");
        return std::nullopt;
    }
    return text;
}

std::optional<std::uint64_t> read_number(Report& report, Field const& field, std::uint64_t min,
                                         std::uint64_t max) {
    std::optional<std::uint64_t> number;
    if (field.value->kind == Node::Kind::scalar) {
        number = base::parse_integer<std::uint64_t>(field.value->text);
    }
    if (!number || *number < min || *number > max) {
        report.expected(field, base::concat("a whole number from ", min, " to ", max));
        return std::nullopt;
    }
    return number;
}

std::optional<bool> read_bool(Report& report, Field const& field) {
    std::string const text = base::lower(field.value->text);
    bool const yes = text == "y" || text == "yes" || text == "on";
    bool const no = text == "n" || text == "no" || text == "off";
    if (field.value->kind != Node::Kind::scalar ||
        (!yes && !no && text != "true" && text != "false")) {
        report.expected(field, "true or false");
        return std::nullopt;
    }
    if (yes || no) {
        report.warning(field, base::concat(quote(field.value->text), " is text in YAML 1.2; write ",
                                           yes ? "true" : "false"));
    }
    return yes || text == "true";
}

std::optional<base::Duration> read_duration(Report& report, Field const& field,
                                            base::Duration min) {
    std::optional<base::Duration> duration;
    if (field.value->kind == Node::Kind::scalar) {
        duration = parse_duration(field.value->text);
    }
    if (!duration || *duration < min) {
        report.expected(field, min > base::Duration::zero() ? "a duration above zero such as 1m30s"
                                                            : "a duration such as 1m30s");
        return std::nullopt;
    }
    return duration;
}

std::vector<Field> read_items(Report& report, Field const& field, std::string_view what) {
    std::vector<Field> fields;
    if (field.value->kind != Node::Kind::list) {
        report.expected(field, what);
        return fields;
    }
    if (field.value->items.size() > list_max) {
        report.error(field, base::concat("expected at most ", list_max, " items, found ",
                                         field.value->items.size()));
        return fields;
    }
    for (Node const* const item : field.value->items) {
        fields.push_back({nullptr, item, base::concat(field.path, '[', fields.size(), ']')});
    }
    return fields;
}

std::vector<Field> read_entries(Report& report, Field const& field, std::string_view what) {
    std::vector<Field> fields;
    if (field.value->kind != Node::Kind::map) {
        report.expected(field, what);
        return fields;
    }
    if (field.value->entries.size() > list_max) {
        report.error(field, base::concat("expected at most ", list_max, " entries, found ",
                                         field.value->entries.size()));
        return fields;
    }
    for (Node::Entry const& entry : field.value->entries) {
        if (!valid_text(entry.key->text)) {
            report.error(Field{entry.key, nullptr, field.path}, "expected a key without a NUL");
            continue;
        }
        fields.push_back(
            {entry.key, entry.value,
             base::concat(field.path, field.path.empty() ? "" : ".", printable(entry.key->text))});
    }
    return fields;
}

std::map<std::string, std::string> read_pairs(Report& report, Field const& field, Unset unset) {
    std::map<std::string, std::string> pairs;
    bool const is_map = field.value->kind == Node::Kind::map;
    std::string_view const what = "a map, or a list of NAME=VALUE";
    for (Field const& each :
         is_map ? read_entries(report, field, what) : read_items(report, field, what)) {
        std::optional<Pair> pair =
            is_map ? read_map_pair(report, each) : read_list_pair(report, each);
        if (!pair) {
            continue;
        }
        if (!valid_variable(pair->name)) {
            report.error(each,
                         base::concat("expected a name without '=', found ", quote(pair->name)));
        } else if (pair->name.size() > yaml_key_max) {
            report.error(each, base::concat("expected a name of at most ", yaml_key_max,
                                            " bytes, found ", pair->name.size()));
        } else if (!pair->value && unset == Unset::dropped) {
            report.warning(each, base::concat("no value is given and none is taken from a shell; ",
                                              quote(pair->name), " stays unset"));
        } else if (!pairs.try_emplace(pair->name, pair->value.value_or("")).second) {
            report.error(each, base::concat(quote(pair->name), " is given twice"));
        }
    }
    return pairs;
}

std::vector<std::string> read_texts(Report& report, Field const& field) {
    std::vector<std::string> texts;
    if (field.value->kind == Node::Kind::scalar) {
        if (auto text = read_filled_text(report, field)) {
            texts.push_back(*std::move(text));
        }
        return texts;
    }
    for (Field const& item : read_items(report, field, "text or a list")) {
        if (auto text = read_filled_text(report, item)) {
            texts.push_back(*std::move(text));
        }
    }
    return texts;
}

std::set<std::string> read_text_set(Report& report, Field const& field) {
    std::vector<std::string> texts = read_texts(report, field);
    return {std::move_iterator(texts.begin()), std::move_iterator(texts.end())};
}

std::optional<std::int64_t> read_integer(Report& report, Field const& field, std::int64_t min,
                                         std::int64_t max) {
    std::optional<std::int64_t> number;
    if (field.value->kind == Node::Kind::scalar) {
        number = base::parse_integer<std::int64_t>(field.value->text);
    }
    if (!number || *number < min || *number > max) {
        report.expected(field, base::concat("a whole number from ", min, " to ", max));
        return std::nullopt;
    }
    return number;
}

std::optional<std::uint64_t> read_bytes(Report& report, Field const& field) {
    std::optional<std::uint64_t> bytes;
    if (field.value->kind == Node::Kind::scalar) {
        bytes = parse_memory(field.value->text);
    }
    if (!bytes) {
        report.expected(field, "an amount of memory such as 256m or 2g");
    }
    return bytes;
}

std::optional<std::uint32_t> read_file_mode(Report& report, Field const& field) {
    auto const mode =
        field.value->kind == Node::Kind::scalar ? parse_file_mode(field.value->text) : std::nullopt;
    if (!mode) {
        report.expected(field, "permissions such as 0440");
    }
    return mode;
}

}  // namespace spec
