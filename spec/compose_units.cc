#include "spec/compose_units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>

#include "base/text.h"
#include "spec/rules.h"

namespace spec {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t size;
};

// Removes the letters that `text` begins with after those that satisfy `take`.
template <class Predicate>
std::string_view take_while(std::string_view& text, Predicate take) {
    auto const end = std::ranges::find_if_not(text, take);
    auto const taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(taken.size());
    return taken;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// "1.5" times `unit`, rounded up; at most `max`.
std::optional<std::uint64_t> multiply(std::string_view number, std::uint64_t unit,
                                      std::uint64_t max) {
    std::string_view rest = number;
    std::string_view const whole = take_while(rest, is_digit);
    std::string_view fraction;
    if (!rest.empty() && rest.front() == '.') {
        rest.remove_prefix(1);
        fraction = take_while(rest, is_digit);
    }
    static constexpr std::size_t fraction_digits_max = 9;
    if (!rest.empty() || (whole.empty() && fraction.empty()) ||
        fraction.size() > fraction_digits_max) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    if (!whole.empty()) {
        auto const parsed = base::parse_integer<std::uint64_t>(whole);
        if (!parsed || *parsed > max / unit) {
            return std::nullopt;
        }
        value = *parsed * unit;
    }
    if (!fraction.empty()) {
        std::uint64_t const part = *base::parse_integer<std::uint64_t>(fraction);
        std::uint64_t scale = 1;
        for (std::size_t digits = fraction.size(); digits > 0; --digits) {
            scale *= 10;
        }
        // In two steps, because unit * part need not fit.
        value += unit / scale * part + (unit % scale * part + scale - 1) / scale;
    }
    return value <= max ? std::optional(value) : std::nullopt;
}

Unit const* find_unit(std::span<Unit const> units, std::string_view name) {
    auto const found = std::ranges::find(units, name, &Unit::name);
    return found == units.end() ? nullptr : &*found;
}

std::string float_text(double value) {
    std::array<char, 64> buffer;
    double const magnitude = std::abs(value);
    // Where Go's %v changes to an exponent.
    bool const fixed = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e21);
    auto const result =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                      fixed ? std::chars_format::fixed : std::chars_format::scientific);
    return {buffer.data(), result.ptr};
}

std::optional<std::string> integer_text(std::string_view digits, bool negative) {
    int base = 10;
    if (digits.starts_with("0x") || digits.starts_with("0X")) {
        base = 16;
    } else if (digits.starts_with("0o") || digits.starts_with("0O")) {
        base = 8;
    } else if (digits.starts_with("0b") || digits.starts_with("0B")) {
        base = 2;
    }
    if (base != 10) {
        digits.remove_prefix(2);
    } else if (digits.size() > 1 && digits.front() == '0') {
        base = 8;
    }
    std::uint64_t value = 0;
    char const* const end = digits.data() + digits.size();
    auto const [stop, error] = std::from_chars(digits.data(), end, value, base);
    if (digits.empty() || stop != end || error != std::errc{}) {
        return std::nullopt;
    }
    return base::concat(negative && value != 0 ? "-" : "", value);
}

// A YAML 1.1 number as Go prints its value.
std::optional<std::string> number_text(std::string_view text) {
    std::string plain(text);
    std::erase(plain, '_');
    std::string_view digits = plain;
    bool const negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) {
        digits.remove_prefix(1);
    }
    bool const begins = !digits.empty() && (is_digit(digits.front()) || digits.front() == '.');
    if (text.front() == '_' || !begins) {
        return std::nullopt;
    }
    if (auto integer = integer_text(digits, negative)) {
        return integer;
    }
    double value = 0;
    char const* const end = digits.data() + digits.size();
    auto const [stop, error] = std::from_chars(digits.data(), end, value);
    if (stop != end || error != std::errc{}) {
        return std::nullopt;
    }
    return float_text(negative ? -value : value);
}

}  // namespace

std::optional<base::Duration> parse_duration(std::string_view text) {
    static constexpr std::array<Unit, 7> units{{{"ns", 1},
                                                {"us", 1'000},
                                                {"\xc2\xb5s", 1'000},
                                                {"ms", 1'000'000},
                                                {"s", 1'000'000'000},
                                                {"m", 60'000'000'000},
                                                {"h", 3'600'000'000'000}}};
    if (text == "0") {
        return base::Duration::zero();
    }
    if (text.empty()) {
        return std::nullopt;
    }
    std::uint64_t total = 0;
    while (!text.empty()) {
        auto const in_number = [](char c) { return is_digit(c) || c == '.'; };
        std::string_view const number = take_while(text, in_number);
        std::string_view const name =
            take_while(text, [in_number](char c) { return !in_number(c); });
        Unit const* const unit = find_unit(units, name);
        auto const max = static_cast<std::uint64_t>(duration_max.count());
        auto const value = unit != nullptr ? multiply(number, unit->size, max) : std::nullopt;
        if (!value || *value > max - total) {
            return std::nullopt;
        }
        total += *value;
    }
    return base::Duration(static_cast<base::Duration::rep>(total));
}

std::optional<std::uint64_t> parse_memory(std::string_view text) {
    static constexpr std::uint64_t k = 1024;
    static constexpr std::array<Unit, 14> units{{{"", 1},
                                                 {"b", 1},
                                                 {"k", k},
                                                 {"kb", k},
                                                 {"kib", k},
                                                 {"m", k * k},
                                                 {"mb", k * k},
                                                 {"mib", k * k},
                                                 {"g", k * k * k},
                                                 {"gb", k * k * k},
                                                 {"gib", k * k * k},
                                                 {"t", k * k * k * k},
                                                 {"tb", k * k * k * k},
                                                 {"tib", k * k * k * k}}};
    std::string_view const number =
        take_while(text, [](char c) { return is_digit(c) || c == '.'; });
    if (text.starts_with(' ')) {
        text.remove_prefix(1);
    }
    Unit const* const unit = find_unit(units, base::lower(text));
    return unit != nullptr ? multiply(number, unit->size, memory_max) : std::nullopt;
}

std::optional<std::uint64_t> parse_cpus(std::string_view text) {
    return multiply(text, 1000, cpu_milli_max);
}

std::optional<std::uint32_t> parse_ratio(std::string_view text) {
    static constexpr std::uint64_t million = 1'000'000;
    auto const ppm = multiply(text, million, million);
    return ppm ? std::optional(static_cast<std::uint32_t>(*ppm)) : std::nullopt;
}

std::optional<std::uint32_t> parse_file_mode(std::string_view text) {
    if (text.empty() || !is_digit(text.front())) {
        return std::nullopt;
    }
    auto const digits = integer_text(text, false);
    auto const mode = digits ? base::parse_integer<std::uint32_t>(*digits) : std::nullopt;
    return mode && *mode <= file_mode_max ? mode : std::nullopt;
}

std::string scalar_text(std::string_view text) {
    if (text == "True" || text == "TRUE" || text == "False" || text == "FALSE") {
        return base::lower(text);
    }
    if (text.empty()) {
        return {};
    }
    return number_text(text).value_or(std::string(text));
}

std::expected<std::vector<std::string>, std::string_view> split_command(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char quote = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        char const c = text[at];
        if (c == '\\' && quote != '\'') {
            if (++at == text.size()) {
                return std::unexpected("a backslash at the end escapes nothing");
            }
            word += text[at] == 't' ? '\t' : text[at] == 'n' ? '\n' : text[at];
            in_word = true;
        } else if (quote != 0) {
            if (c == quote) {
                quote = 0;
            } else {
                word += c;
            }
        } else if (c == '"' || c == '\'') {
            quote = c;
            in_word = true;
        } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            if (in_word) {
                words.push_back(std::move(word));
            }
            word.clear();
            in_word = false;
        } else if (std::string_view(";&|<>()`").contains(c)) {
            return std::unexpected(
                "no shell runs this: put ; & | < > ( ) ` in quotes, or write "
                "[\"/bin/sh\", \"-c\", \"...\"]");
        } else {
            word += c;
            in_word = true;
        }
    }
    if (quote != 0) {
        return std::unexpected("a quote is not closed");
    }
    if (in_word) {
        words.push_back(std::move(word));
    }
    return words;
}

}  // namespace spec
