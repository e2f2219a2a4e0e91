#include "dns/name.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace dns {

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

std::optional<std::string> name_from_text(std::string_view text) {
    if (text.ends_with('.')) {
        text.remove_suffix(1);
    }
    return name_under(text, std::string_view("\0", 1));
}

std::optional<std::string> name_under(std::string_view text, std::string_view suffix) {
    std::string name;
    for (std::string_view const label : base::split(text, '.')) {
        if (label.empty() || label.size() > label_max) {
            return std::nullopt;
        }
        name += static_cast<char>(label.size());
        std::ranges::transform(label, std::back_inserter(name), lower);
    }
    name += suffix;
    if (name.size() > name_max) {
        return std::nullopt;
    }
    return name;
}

std::string_view first_label(std::string_view name) {
    return name.substr(1, static_cast<unsigned char>(name[0]));
}

std::string_view parent(std::string_view name) {
    return name[0] == 0 ? name : name.substr(1 + first_label(name).size());
}

std::size_t label_count(std::string_view name) {
    std::size_t count = 0;
    for (; name[0] != 0; name = parent(name)) {
        ++count;
    }
    return count;
}

std::string reverse_name(base::IpAddress const& address) {
    std::string text;
    if (address.is_v4()) {
        for (std::size_t at = 16; at-- > 12;) {
            text += base::concat(unsigned{address.bytes[at]}, '.');
        }
        text += "in-addr.arpa";
    } else {
        std::string const digits = base::hex(std::as_bytes(std::span(address.bytes)));
        for (std::size_t at = digits.size(); at-- > 0;) {
            text += {digits[at], '.'};
        }
        text += "ip6.arpa";
    }
    auto const name = name_from_text(text);
    CHECK(name.has_value());
    return *name;
}

}  // namespace dns
