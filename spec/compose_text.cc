#include "spec/compose_text.h"

#include <algorithm>

#include "base/text.h"

namespace spec {

namespace {

unsigned char byte_at(std::string_view text, std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

// The length of the UTF-8 sequence at the front (RFC 3629: no surrogate, no overlong form, nothing
// above U+10FFFF); 0: there is none.
std::size_t sequence_size(std::string_view text) {
    unsigned char const first = byte_at(text, 0);
    unsigned char const second = byte_at(text, 1);
    auto const tail = [text](std::size_t at) { return (byte_at(text, at) & 0xc0) == 0x80; };
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return tail(1) ? 2 : 0;
    }
    if (first >= 0xe0 && first <= 0xef) {
        bool const overlong = first == 0xe0 && second < 0xa0;
        bool const surrogate = first == 0xed && second > 0x9f;
        return !overlong && !surrogate && tail(1) && tail(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        bool const overlong = first == 0xf0 && second < 0x90;
        bool const too_high = first == 0xf4 && second > 0x8f;
        return !overlong && !too_high && tail(1) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

bool is_control(unsigned char c) {
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

}  // namespace

std::optional<Diagnostic> check_text(std::string_view text) {
    int line = 1;
    int column = 1;
    auto const problem = [&](std::string message) {
        return Diagnostic{Severity::error, {}, line, column, {}, std::move(message)};
    };
    if (text.size() > compose_file_max) {
        line = 0;
        return problem(
            base::concat("expected at most ", compose_file_max, " bytes, found ", text.size()));
    }
    int balance = 0;
    std::size_t directives = 0;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t const size = sequence_size(text.substr(at));
        if (size == 0) {
            return problem("expected UTF-8 text, found another encoding");
        }
        if (is_control(byte_at(text, at))) {
            return problem("expected text, found a control character");
        }
        char const c = text[at];
        if (c == '[' || c == '{') {
            ++balance;
        } else if (c == ']' || c == '}') {
            balance = std::max(balance - 1, 0);
        }
        if (balance > bracket_balance_max) {
            return problem("nested too deep");
        }
        // The parser compares each with all others.
        directives += c == '%' && column == 1 ? 1 : 0;
        if (directives > directives_max) {
            return problem(
                base::concat("expected at most ", directives_max, " lines that begin with %"));
        }
        column = c == '\n' ? 1 : column + 1;
        line += c == '\n' ? 1 : 0;
        at += size;
    }
    return std::nullopt;
}

std::string printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        std::size_t const size = sequence_size(text);
        bool const shown =
            size != 0 && static_cast<unsigned char>(text.front()) >= 0x20 && text.front() != 0x7f;
        out += shown ? text.substr(0, size) : "?";
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return out;
}

std::string quote(std::string_view text) {
    std::size_t shown = std::min<std::size_t>(text.size(), 60);
    // Not through the middle of a character.
    while (shown > 0 && (byte_at(text, shown) & 0xc0) == 0x80) {
        --shown;
    }
    return base::concat('"', printable(text.substr(0, shown)),
                        shown < text.size() ? "...\"" : "\"");
}

}  // namespace spec
