#include "spec/compose/interpolation.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "spec/compose_text.h"

namespace spec {

namespace {

bool starts_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool continues_name(char c) {
    return starts_name(c) || (c >= '0' && c <= '9');
}

// One pass over the text. What a reference does not use (a default of a variable that is set) is
// read with a null target: its syntax counts, its variables do not.
class Reader {
public:
    Reader(std::string_view text, Lookup const& lookup) : text_(text), lookup_(lookup) {}

    std::expected<Substitution, std::string> run() {
        std::string out;
        if (!read_word(&out, Until::end)) {
            return std::unexpected(std::move(error_));
        }
        return Substitution{std::move(out), std::move(unset_)};
    }

private:
    enum class Until { end, brace };

    bool fail(std::string message) {
        error_ = std::move(message);
        return false;
    }

    bool invalid() {
        return fail(base::concat("expected $NAME, ${NAME} or ${NAME:-default} in ", quote(text_),
                                 "; write $$ for a plain $"));
    }

    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    bool append(std::string* out, std::string_view text) {
        if (out == nullptr) {
            return true;
        }
        if (out->size() + text.size() > substituted_max) {
            return fail(base::concat("expected at most ", substituted_max,
                                     " bytes after variables are substituted, found more"));
        }
        *out += text;
        return true;
    }

    // Until the end, or past the brace that closes the reference which the word belongs to.
    bool read_word(std::string* out, Until until) {
        std::size_t braces = 0;
        while (at_ < text_.size()) {
            char const c = text_[at_];
            if (c == '$') {
                if (!read_dollar(out)) {
                    return false;
                }
                continue;
            }
            if (until == Until::brace && c == '}' && braces-- == 0) {
                ++at_;
                return true;
            }
            braces += until == Until::brace && c == '{' ? 1 : 0;
            std::size_t const next = std::min(text_.find_first_of("${}", at_ + 1), text_.size());
            if (!append(out, text_.substr(at_, next - at_))) {
                return false;
            }
            at_ = next;
        }
        return until == Until::end || fail(base::concat("expected a closing brace for ${ in ",
                                                        quote(text_), "; write $$ for a plain $"));
    }

    bool read_dollar(std::string* out) {
        ++at_;
        if (peek() == '$') {
            ++at_;
            return append(out, "$");
        }
        if (peek() == '{') {
            ++at_;
            return read_braced(out);
        }
        if (!starts_name(peek())) {
            return append(out, "$");
        }
        return append_value(out, read_name());
    }

    std::string_view read_name() {
        std::size_t const start = at_;
        while (at_ < text_.size() && continues_name(text_[at_])) {
            ++at_;
        }
        return text_.substr(start, at_ - start);
    }

    bool append_value(std::string* out, std::string_view name) {
        if (out == nullptr) {
            return true;
        }
        if (std::string const* const value = lookup_(name)) {
            return append(out, *value);
        }
        if (unset_.size() < unset_max && known_unset_.insert(name).second) {
            unset_.emplace_back(name);
        }
        return true;
    }

    // Behind "${".
    bool read_braced(std::string* out) {
        if (!starts_name(peek())) {
            return invalid();
        }
        std::string_view const name = read_name();
        if (peek() == '}') {
            ++at_;
            return append_value(out, name);
        }
        bool const colon = peek() == ':';
        at_ += colon ? 1 : 0;
        char const kind = peek();
        if (kind != '-' && kind != '+' && kind != '?') {
            return invalid();
        }
        ++at_;
        if (++depth_ > substitution_depth_max) {
            return fail(base::concat("expected at most ", substitution_depth_max,
                                     " references within each other, found more"));
        }
        bool const good = read_choice(out, name, kind, colon);
        --depth_;
        return good;
    }

    // Behind ":-" and the like. With a colon, an empty variable counts as one that is not set.
    bool read_choice(std::string* out, std::string_view name, char kind, bool colon) {
        std::string const* const value = lookup_(name);
        bool const given = value != nullptr && !(colon && value->empty());
        if (kind == '+') {
            return read_word(given ? out : nullptr, Until::brace);
        }
        if (given) {
            return append(out, *value) && read_word(nullptr, Until::brace);
        }
        if (kind == '-') {
            return read_word(out, Until::brace);
        }
        std::string reason;
        if (!read_word(out == nullptr ? nullptr : &reason, Until::brace)) {
            return false;
        }
        return out == nullptr ||
               fail(base::concat("the variable ", name, " must be set",
                                 reason.empty() ? "" : base::concat(": ", printable(reason)),
                                 "; set it in .env beside the file"));
    }

    std::string_view text_;
    Lookup const& lookup_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    std::vector<std::string> unset_;
    std::set<std::string_view> known_unset_;
    std::string error_;
};

}  // namespace

std::expected<Substitution, std::string> substitute(std::string_view text, Lookup const& lookup) {
    return Reader(text, lookup).run();
}

}  // namespace spec
