#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace spec {

// A value of a canonical file, before it is text: what YAML and JSON have in common.
class Out {
public:
    enum class Kind : std::uint8_t { null, plain, text, list, map };

    Out() = default;

    // Text, in quotes; "$" is doubled when it is written, since readers substitute variables.
    Out(std::string_view text) : kind_(Kind::text), text_(text) {}

    Out(std::string const& text) : Out(std::string_view(text)) {}

    Out(char const* text) : Out(std::string_view(text)) {}

    Out(bool value) : kind_(Kind::plain), text_(value ? "true" : "false") {}

    template <std::integral Integer>
        requires(!std::same_as<Integer, bool>)
    Out(Integer value) : kind_(Kind::plain), text_(std::to_string(value)) {}

    // "1h2m3s4ms5us6ns" without the parts that are zero; "0s".
    Out(base::Duration value);

    static Out list();
    static Out map();
    static Out list_of(std::vector<std::string> const& texts);
    static Out list_of(std::set<std::string> const& texts);
    static Out map_of(std::map<std::string, std::string> const& texts);

    // Of a map; in the order of the calls.
    void set(std::string_view key, Out value);
    // The same, unless the value is an empty list or map.
    void set_filled(std::string_view key, Out value);
    // Of a map: its keys in alphabetical order; those inside stay.
    void sort();
    // Of a list.
    void add(Out value);

    [[nodiscard]] bool empty() const { return items_.empty() && entries_.empty(); }

    // Ends with a new line.
    [[nodiscard]] std::string yaml() const;
    [[nodiscard]] std::string json() const;

private:
    void write_yaml(std::string& out, std::size_t indent) const;
    void write_json(std::string& out, std::size_t indent) const;

    Kind kind_{};
    std::string text_;
    std::vector<Out> items_;
    std::vector<std::pair<std::string, Out>> entries_;
};

}  // namespace spec
