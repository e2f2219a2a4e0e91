#pragma once

#include <span>
#include <string>
#include <string_view>

namespace spec {

// What Covey does with a key of a Compose file.
enum class Standing : std::uint8_t {
    acts,
    not_yet,      // passed over, or kept without an effect: `why` says what happens instead
    unsupported,  // passed over: `why` it makes no sense on a fleet
    deprecated,   // passed over: `why` says what to use
};

// `path` is the way to the key, with "*" for a name that the file chooses; items of a list have the
// path of the list: "services.*.ports.target".
struct KeyRule {
    std::string_view path;
    Standing standing{};
    std::string_view why;
};

// Every key of the Compose Specification, and those below x-covey, sorted by path. Keys below one
// that is passed over are passed over with it and not listed; nor are names that the file chooses
// without keys below them, as in `labels`. What a driver learns to do, it says here.
[[nodiscard]] std::span<KeyRule const> key_rules();

// The rule of `key` below `scope` ("" for the top level), or null.
[[nodiscard]] KeyRule const* find_rule(std::string_view scope, std::string_view key);

// "not yet: ...", "not supported on a fleet: ..." or "deprecated: use ..."; empty for what acts.
[[nodiscard]] std::string to_string(KeyRule const& rule);

// The key below `scope` that `key` is most likely a misspelling of; empty when none is near.
[[nodiscard]] std::string_view nearest_key(std::string_view scope, std::string_view key);

}  // namespace spec
