#include "spec/compose/dotenv.h"

#include <algorithm>

#include "base/text.h"
#include "spec/compose_text.h"

namespace spec {

namespace {

// White space that does not end a line.
bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           c == '.' || c == '-' || c == '[' || c == ']' ||
           (static_cast<unsigned char>(c) & 0x80) != 0;
}

std::string_view trim_end(std::string_view text) {
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

// The character of "\0" and up to three octal digits; nothing: not one byte.
std::optional<char> octal(std::string_view digits) {
    if (digits.size() != 3) {
        return std::nullopt;
    }
    int value = 0;
    for (char const c : digits) {
        if (c > '7') {
            return std::nullopt;
        }
        value = value * 8 + (c - '0');
    }
    return value <= 0x7f ? std::optional(static_cast<char>(value)) : std::nullopt;
}

// The escapes of a shell's $'...' that Compose knows; any other backslash stays. "\$" becomes "$$",
// which the substitution that follows reads as a plain "$".
std::string expand_escapes(std::string_view text) {
    static constexpr std::string_view names = "abfnrtv\"\\";
    static constexpr std::string_view values = "\a\b\f\n\r\t\v\"\\";
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '\\' || at + 1 == text.size()) {
            out += text[at];
            continue;
        }
        char const next = text[at + 1];
        if (std::size_t const found = names.find(next); found != std::string_view::npos) {
            out += values[found];
            ++at;
        } else if (next == '$') {
            out += "$$";
            ++at;
        } else if (next == '0') {
            std::size_t end = at + 2;
            while (end < text.size() && end < at + 5 && is_digit(text[end])) {
                ++end;
            }
            if (auto const c = octal(text.substr(at + 2, end - at - 2))) {
                out += *c;
                at = end - 1;
            } else {
                out += '\\';
            }
        } else {
            out += '\\';
        }
    }
    return out;
}

class Reader {
public:
    Reader(std::string_view text, Lookup const& outer, Variables& into)
        : text_(text), outer_(outer), into_(into) {
        text_.remove_prefix(text_.starts_with("\xef\xbb\xbf") ? 3 : 0);
        for (auto const& [name, value] : into_) {
            bytes_ += name.size() + value.size();
        }
    }

    std::optional<DotenvProblem> run() {
        while (skip_to_statement()) {
            if (!read_statement()) {
                return DotenvProblem{line_, std::move(error_)};
            }
        }
        return std::nullopt;
    }

    std::optional<DotenvProblem> run_raw() {
        for (; at_ < text_.size(); ++line_) {
            std::string_view line = take_line();
            while (!line.empty() && is_blank(line.front())) {
                line.remove_prefix(1);
            }
            line.remove_suffix(line.ends_with('\r') ? 1 : 0);
            if (!line.empty() && !line.starts_with('#') && !read_raw_line(line)) {
                return DotenvProblem{line_, std::move(error_)};
            }
        }
        return std::nullopt;
    }

private:
    bool fail(std::string message) {
        error_ = std::move(message);
        return false;
    }

    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    void skip_blanks() {
        while (at_ < text_.size() && is_blank(text_[at_])) {
            ++at_;
        }
    }

    // Up to the end of the line, and past it.
    std::string_view take_line() {
        std::size_t const end = std::min(text_.find('\n', at_), text_.size());
        std::string_view const line = text_.substr(at_, end - at_);
        at_ = std::min(end + 1, text_.size());
        return line;
    }

    bool skip_to_statement() {
        while (at_ < text_.size()) {
            if (text_[at_] == '\n') {
                ++line_;
                ++at_;
            } else if (is_blank(text_[at_])) {
                ++at_;
            } else if (text_[at_] == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else {
                return true;
            }
        }
        return false;
    }

    bool read_statement() {
        if (text_.substr(at_).starts_with("export") && text_.size() > at_ + 6 &&
            is_blank(text_[at_ + 6])) {
            at_ += 6;
            skip_blanks();
        }
        std::size_t const start = at_;
        while (at_ < text_.size() && (is_name_character(text_[at_]) || is_blank(text_[at_]))) {
            ++at_;
        }
        std::string_view const name = trim_end(text_.substr(start, at_ - start));
        if (at_ < text_.size() && peek() != '=' && peek() != ':' && peek() != '\n') {
            return fail(base::concat("expected NAME=VALUE, found ", quote(line_from(start))));
        }
        if (name.empty() || std::ranges::any_of(name, is_blank)) {
            return fail(
                base::concat("expected a name without spaces, found ", quote(line_from(start))));
        }
        if (at_ == text_.size() || peek() == '\n') {
            std::string const* const inherited = outer_(name);
            return inherited == nullptr || set(name, *inherited);
        }
        ++at_;
        skip_blanks();
        return peek() == '"' || peek() == '\'' ? read_quoted(name) : read_plain(name);
    }

    [[nodiscard]] std::string_view line_from(std::size_t start) const {
        return text_.substr(start, std::min(text_.find('\n', start), text_.size()) - start);
    }

    bool read_plain(std::string_view name) {
        std::string_view value = line_from(at_);
        at_ += value.size();
        value = trim_end(value.substr(0, value.find(" #")));
        return expand(name, value);
    }

    bool read_quoted(std::string_view name) {
        std::size_t const start = at_;
        char const quotes = text_[at_++];
        std::string value;
        int lines = 0;
        for (; at_ < text_.size() && text_[at_] != quotes; ++at_) {
            lines += text_[at_] == '\n' ? 1 : 0;
            // Only the quote is unescaped here; "\\" must not escape what comes after it.
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
                ++at_;
                lines += text_[at_] == '\n' ? 1 : 0;
                value +=
                    text_[at_] == quotes ? std::string(1, quotes) : std::string{'\\', text_[at_]};
            } else {
                value += text_[at_];
            }
        }
        if (at_ == text_.size()) {
            return fail(base::concat("expected a closing quote, found the end of the file behind ",
                                     quote(line_from(start))));
        }
        ++at_;
        bool const good = quotes == '"' ? expand(name, expand_escapes(value)) : set(name, value);
        line_ += good ? lines : 0;
        return good;
    }

    bool expand(std::string_view name, std::string_view value) {
        Lookup const lookup = [this](std::string_view wanted) -> std::string const* {
            if (std::string const* const found = outer_(wanted)) {
                return found;
            }
            auto const found = into_.find(wanted);
            return found == into_.end() ? nullptr : &found->second;
        };
        auto substituted = substitute(value, lookup);
        return substituted ? set(name, std::move(substituted->text))
                           : fail(std::move(substituted).error());
    }

    bool read_raw_line(std::string_view line) {
        std::size_t const equals = line.find('=');
        std::string_view const name = line.substr(0, equals);
        if (name.empty() || std::ranges::any_of(name, is_blank)) {
            return fail(base::concat("expected NAME=VALUE, found ", quote(line)));
        }
        if (equals != std::string_view::npos) {
            return set(name, std::string(line.substr(equals + 1)));
        }
        std::string const* const inherited = outer_(name);
        return inherited == nullptr || set(name, *inherited);
    }

    bool set(std::string_view name, std::string value) {
        auto const found = into_.find(name);
        bytes_ += value.size();
        if (found != into_.end()) {
            bytes_ -= found->second.size();
            found->second = std::move(value);
        } else {
            bytes_ += name.size();
            into_.emplace(name, std::move(value));
        }
        if (into_.size() > variables_max || bytes_ > variables_bytes_max) {
            return fail(base::concat("expected at most ", variables_max, " variables and ",
                                     variables_bytes_max, " bytes, found more"));
        }
        return true;
    }

    std::string_view text_;
    Lookup const& outer_;
    Variables& into_;
    std::size_t bytes_ = 0;
    std::size_t at_ = 0;
    int line_ = 1;
    std::string error_;
};

}  // namespace

std::optional<DotenvProblem> read_dotenv(std::string_view text, EnvFormat format,
                                         Lookup const& outer, Variables& into) {
    Reader reader(text, outer, into);
    return format == EnvFormat::raw ? reader.run_raw() : reader.run();
}

}  // namespace spec
