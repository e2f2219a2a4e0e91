#pragma once

#include <array>
#include <concepts>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spec/compose_keys.h"
#include "spec/compose_tree.h"

namespace spec {

inline constexpr std::size_t diagnostics_max = 1000;

// A value in a file and the way to it, "services.web.ports[0]". Without a value, the key itself.
struct Field {
    Node const* key{};  // null for items of a list and for the file as a whole
    Node const* value{};
    std::string path;
};

// Collects what is wrong with one file and with those that it names. When diagnostics_max are
// there, one last error says so and the rest is dropped: such a file is not usable.
class Report {
public:
    explicit Report(std::string_view file) : file_(file) {}

    // One without a file is about the first file.
    void add(Diagnostic diagnostic);
    void add_at(Severity severity, Node const& at, std::string key, std::string message);
    void error(Field const& field, std::string message);
    void warning(Field const& field, std::string message);
    // The error "expected WHAT, found ...".
    void expected(Field const& field, std::string_view what);
    // A warning at the key, why it has no effect; nothing if it has.
    void note(Field const& field, KeyRule const& rule);
    // The same for something that is not written as that key.
    void note(Field const& field, std::string_view scope, std::string_view key);
    // Nobody knows this key: a warning with the nearest known one, below x-covey an error.
    void unknown(Field const& field, std::string_view scope);

    [[nodiscard]] bool failed() const { return failed_; }

    // Everything in file order, the first file before the others.
    [[nodiscard]] std::vector<Diagnostic> take();

private:
    std::string file_;
    std::vector<Diagnostic> diagnostics_;
    bool failed_ = false;
};

// The readers below report what is wrong and then return nothing.

// A scalar as text.
[[nodiscard]] std::optional<std::string> read_text(Report& report, Field const& field);
[[nodiscard]] std::optional<std::string> read_filled_text(Report& report, Field const& field);
[[nodiscard]] std::optional<std::uint64_t> read_number(Report& report, Field const& field,
                                                       std::uint64_t min, std::uint64_t max);
[[nodiscard]] std::optional<bool> read_bool(Report& report, Field const& field);
[[nodiscard]] std::optional<base::Duration> read_duration(Report& report, Field const& field,
                                                          base::Duration min);
// The fields of a list of at most `items_max` items, or of a map; `what` is what was expected.
[[nodiscard]] std::vector<Field> read_items(Report& report, Field const& field,
                                            std::string_view what);
[[nodiscard]] std::vector<Field> read_entries(Report& report, Field const& field,
                                              std::string_view what);

// What a name without a value means.
enum class Unset { empty, dropped };

// A map, or a list of NAME=VALUE.
[[nodiscard]] std::map<std::string, std::string> read_pairs(Report& report, Field const& field,
                                                            Unset unset);

// Text, or a list of texts.
[[nodiscard]] std::vector<std::string> read_texts(Report& report, Field const& field);
[[nodiscard]] std::set<std::string> read_text_set(Report& report, Field const& field);
[[nodiscard]] std::optional<std::int64_t> read_integer(Report& report, Field const& field,
                                                       std::int64_t min, std::int64_t max);
[[nodiscard]] std::optional<std::uint64_t> read_bytes(Report& report, Field const& field);

// Permissions such as 0440.
[[nodiscard]] std::optional<std::uint32_t> read_file_mode(Report& report, Field const& field);

template <class E>
struct Choice {
    std::string_view name;
    E value;
};

// One of some words; the error names them all.
template <class E, std::size_t size>
[[nodiscard]] std::optional<E> read_choice(Report& report, Field const& field,
                                           std::array<Choice<E>, size> const& choices) {
    std::string names;
    for (std::size_t at = 0; at < size; ++at) {
        if (field.value->kind == Node::Kind::scalar && field.value->text == choices[at].name) {
            return choices[at].value;
        }
        names += at == 0 ? "" : at + 1 == size ? " or " : ", ";
        names += choices[at].name;
    }
    report.expected(field, names);
    return std::nullopt;
}

// Reads a key of a map into `target`.
template <class Target>
struct Key {
    std::string_view name;
    void (*read)(Report& report, Field const& field, Target& target);
};

// What of a target says whether a key made a difference.
template <class Target>
Target const& essence(Target const& target) {
    return target;
}

// Reads a key whose effect is not there yet. One that says what happens anyway is not reported.
template <class Target>
void read_watched(Report& report, Field const& field, Target& target, KeyRule const& rule,
                  Key<Target> const& key) {
    using Essence = std::remove_cvref_t<decltype(essence(target))>;
    if constexpr (std::equality_comparable<Essence>) {
        Essence const before = essence(target);
        key.read(report, field, target);
        if (essence(target) != before) {
            report.note(field, rule);
        }
    } else {
        key.read(report, field, target);
        report.note(field, rule);
    }
}

// Reads each key of a map into `target`, by the readers given and the rules of `scope`
// (compose_keys.h). Passes over x-* that has no reader.
template <class Target>
void read_keys(Report& report, Field const& field, Target& target, std::string_view scope,
               std::span<Key<Target> const> keys) {
    for (Field const& entry : read_entries(report, field, "a map")) {
        Key<Target> const* reader = nullptr;
        for (Key<Target> const& key : keys) {
            if (key.name == entry.key->text) {
                reader = &key;
            }
        }
        if (reader == nullptr && entry.key->text.starts_with("x-")) {
            continue;
        }
        KeyRule const* const rule = find_rule(scope, entry.key->text);
        if (rule == nullptr) {
            report.unknown(entry, scope);
        } else if (reader == nullptr) {
            report.note(entry, *rule);
        } else if (rule->standing == Standing::acts) {
            reader->read(report, entry, target);
        } else {
            read_watched(report, entry, target, *rule, *reader);
        }
    }
}

}  // namespace spec
