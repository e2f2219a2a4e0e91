#include "spec/compose_out.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace spec {

namespace {

// The double-quoted form, which YAML and JSON read alike.
void write_quoted(std::string& out, std::string_view text) {
    static constexpr std::string_view digits = "0123456789abcdef";
    out += '"';
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\u00";
            out += digits[byte >> 4];
            out += digits[byte & 15];
        } else {
            out += c;
        }
    }
    out += '"';
}

std::string escape_dollars(std::string_view text) {
    std::string out;
    for (char const c : text) {
        out += c == '$' ? "$$" : std::string_view(&c, 1);
    }
    return out;
}

// Keys that can be nothing but text, so that the file stays readable.
bool plain_key(std::string_view key) {
    auto const letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || c == '-'; };
    if (key.empty() || key.front() == '-' || key == "null" || key == "true" || key == "false" ||
        key == "yes" || key == "no" || key == "on" || key == "off" || key == "y" || key == "n") {
        return false;
    }
    for (char const c : key) {
        if (!letter(c)) {
            return false;
        }
    }
    return true;
}

void write_key(std::string& out, std::string_view key) {
    if (plain_key(key)) {
        out += key;
    } else {
        write_quoted(out, key);
    }
}

}  // namespace

Out::Out(base::Duration value) : kind_(Kind::text) {
    static constexpr std::array<std::pair<std::string_view, std::int64_t>, 6> units{
        {{"h", 3'600'000'000'000},
         {"m", 60'000'000'000},
         {"s", 1'000'000'000},
         {"ms", 1'000'000},
         {"us", 1'000},
         {"ns", 1}}};
    std::int64_t rest = value.count();
    for (auto const& [name, size] : units) {
        if (rest >= size) {
            text_ += base::concat(rest / size, name);
            rest %= size;
        }
    }
    if (text_.empty()) {
        text_ = "0s";
    }
}

Out Out::list() {
    Out out;
    out.kind_ = Kind::list;
    return out;
}

Out Out::map() {
    Out out;
    out.kind_ = Kind::map;
    return out;
}

Out Out::list_of(std::vector<std::string> const& texts) {
    Out out = list();
    for (std::string const& text : texts) {
        out.add(text);
    }
    return out;
}

Out Out::list_of(std::set<std::string> const& texts) {
    return list_of(std::vector<std::string>(texts.begin(), texts.end()));
}

Out Out::map_of(std::map<std::string, std::string> const& texts) {
    Out out = map();
    for (auto const& [name, text] : texts) {
        out.set(name, text);
    }
    return out;
}

void Out::set(std::string_view key, Out value) {
    entries_.emplace_back(key, std::move(value));
}

void Out::set_filled(std::string_view key, Out value) {
    if (!value.empty()) {
        set(key, std::move(value));
    }
}

void Out::sort() {
    std::ranges::sort(entries_, {}, &std::pair<std::string, Out>::first);
}

void Out::add(Out value) {
    items_.push_back(std::move(value));
}

std::string Out::yaml() const {
    std::string out;
    write_yaml(out, 0);
    return out;
}

std::string Out::json() const {
    std::string out;
    write_json(out, 0);
    return out + '\n';
}

void Out::write_yaml(std::string& out, std::size_t indent) const {
    static constexpr std::size_t step = 2;
    switch (kind_) {
        case Kind::null:
            out += "null\n";
            return;
        case Kind::plain:
            out += base::concat(text_, '\n');
            return;
        case Kind::text:
            write_quoted(out, escape_dollars(text_));
            out += '\n';
            return;
        case Kind::list:
            if (empty()) {
                out += "[]\n";
            }
            for (Out const& item : items_) {
                out.append(indent, ' ');
                out += "- ";
                item.write_yaml(out, indent + step);
            }
            return;
        case Kind::map:
            break;
    }
    if (empty()) {
        out += "{}\n";
    }
    // The first key of a map stands beside the "-" of its list.
    bool const beside = out.ends_with("- ");
    bool first = true;
    for (auto const& [key, value] : entries_) {
        if (!first || !beside) {
            out.append(indent, ' ');
        }
        first = false;
        write_key(out, key);
        bool const nested = !value.empty();
        out += nested ? ":\n" : ": ";
        value.write_yaml(out, indent + step);
    }
}

void Out::write_json(std::string& out, std::size_t indent) const {
    static constexpr std::size_t step = 2;
    switch (kind_) {
        case Kind::null:
            out += "null";
            return;
        case Kind::plain:
            out += text_;
            return;
        case Kind::text:
            write_quoted(out, escape_dollars(text_));
            return;
        case Kind::list:
        case Kind::map:
            break;
    }
    bool const is_list = kind_ == Kind::list;
    out += is_list ? '[' : '{';
    std::size_t const count = is_list ? items_.size() : entries_.size();
    for (std::size_t at = 0; at < count; ++at) {
        out += at == 0 ? "\n" : ",\n";
        out.append(indent + step, ' ');
        if (!is_list) {
            write_quoted(out, entries_[at].first);
            out += ": ";
        }
        (is_list ? items_[at] : entries_[at].second).write_json(out, indent + step);
    }
    if (count != 0) {
        out += '\n';
        out.append(indent, ' ');
    }
    out += is_list ? ']' : '}';
}

}  // namespace spec
