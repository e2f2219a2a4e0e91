#include "runtime/image/reference.h"

#include <algorithm>

#include "base/text.h"

namespace runtime {
namespace {

constexpr std::string_view digest_prefix = "sha256:";

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' ||
           c == '/' || c == ':';
}

bool is_tag_character(char c) {
    return is_name_character(base::lower(std::string_view(&c, 1))[0]) && c != '/' && c != ':';
}

// Whether the first part of a name is a registry's host and not a part of the path.
bool is_registry(std::string_view part) {
    return part == "localhost" || part.find_first_of(".:") != std::string_view::npos;
}

}  // namespace

bool is_digest(std::string_view text) {
    return text.starts_with(digest_prefix) && text.size() == digest_prefix.size() + 64 &&
           text.find_first_not_of("0123456789abcdef", digest_prefix.size()) ==
               std::string_view::npos;
}

std::string_view repository_of(std::string_view reference) {
    std::string_view const named = reference.substr(0, reference.find('@'));
    std::size_t const colon = named.rfind(':');
    std::size_t const slash = named.rfind('/');
    bool const tagged =
        colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
    return tagged ? named.substr(0, colon) : named;
}

base::Result<std::string> normalized_reference(std::string_view text) {
    if (is_digest(text)) {
        return std::string(text);
    }
    auto const refuse = [&] {
        return base::fail(base::concat("'", text.substr(0, reference_size_max),
                                       "' is no image reference: expected NAME, NAME:TAG or "
                                       "NAME@sha256:DIGEST in lower case"));
    };
    std::string_view const repository = repository_of(text);
    std::string_view suffix = text.substr(repository.size());
    if (repository.empty() || text.size() > reference_size_max ||
        !std::ranges::all_of(repository, is_name_character) || repository.front() == '/' ||
        repository.back() == '/' || repository.contains("//") || repository.contains("..")) {
        return refuse();
    }
    std::size_t const at = suffix.find('@');
    if (at != std::string_view::npos) {
        suffix = suffix.substr(at);
        if (!is_digest(suffix.substr(1))) {
            return refuse();
        }
    } else if (!suffix.empty() &&
               (suffix.size() == 1 || !std::ranges::all_of(suffix.substr(1), is_tag_character))) {
        return refuse();
    }
    if (suffix.empty()) {
        suffix = ":latest";
    }
    std::size_t const slash = repository.find('/');
    if (slash != std::string_view::npos && is_registry(repository.substr(0, slash))) {
        return base::concat(repository, suffix);
    }
    std::string_view const library = slash == std::string_view::npos ? "library/" : "";
    return base::concat("docker.io/", library, repository, suffix);
}

}  // namespace runtime
