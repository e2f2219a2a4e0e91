#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spec/compose_tree.h"

namespace spec {

inline constexpr std::size_t diagnostics_max = 1000;

// A value in a file and the way to it, "services.web.ports[0]". Without a value, the key itself.
struct Field {
    Node const* key{};  // null for items of a list and for the file as a whole
    Node const* value{};
    std::string path;
};

// Collects what is wrong with one file. When diagnostics_max are there, one last error says so and
// the rest is dropped: such a file is not usable.
class Report {
public:
    explicit Report(std::string_view file) : file_(file) {}

    void add(Diagnostic diagnostic);
    void error(Field const& field, std::string message);
    void warning(Field const& field, std::string message);
    // The error "expected WHAT, found ...".
    void expected(Field const& field, std::string_view what);
    // A warning at the key: it is known to Compose or to nobody, and has no effect here.
    void unsupported(Field const& field);

    [[nodiscard]] bool failed() const { return failed_; }

    // Everything in file order.
    [[nodiscard]] std::vector<Diagnostic> take();

private:
    std::string file_;
    std::vector<Diagnostic> diagnostics_;
    bool failed_ = false;
};

// The readers below report what is wrong and then return nothing.

// A scalar as text, "$$" read as "$"; a reference to a variable is warned about and kept.
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

// Reads each known key of a map into `target`, passes over x-*, and warns of any other.
template <class Target>
struct Key {
    std::string_view name;
    void (*read)(Report& report, Field const& field, Target& target);
};

template <class Target>
void read_keys(Report& report, Field const& field, Target& target,
               std::span<Key<Target> const> keys) {
    for (Field const& entry : read_entries(report, field, "a map")) {
        Key<Target> const* found = nullptr;
        for (Key<Target> const& key : keys) {
            if (key.name == entry.key->text) {
                found = &key;
            }
        }
        if (found != nullptr) {
            found->read(report, entry, target);
        } else if (!entry.key->text.starts_with("x-")) {
            report.unsupported(entry);
        }
    }
}

}  // namespace spec
