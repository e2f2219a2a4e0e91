#include "tests/tidy/tidy.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/text.h"

namespace tidy {

namespace {

using Names = std::vector<std::string_view>;

// folder -> folders it may include, beside itself and base.
std::map<std::string_view, Names> const arrows{
    {"base", {}},
    {"gossip", {}},
    {"crdt", {}},
    {"spec", {}},
    {"placement", {}},
    {"runtime", {}},
    {"dns", {}},
    {"lb", {}},
    {"agent", {"gossip", "crdt", "spec", "placement", "runtime", "dns", "lb"}},
    {"net", {"agent", "gossip", "crdt", "spec", "placement", "runtime", "dns", "lb"}},
    {"cmd", {"net", "agent", "gossip", "crdt", "spec", "placement", "runtime", "dns", "lb"}},
};

// Third-party header prefix -> path prefixes of the files that may include it.
std::map<std::string_view, Names> const third_party{
    {"msgpack", {"gossip/codec.cc"}},
    {"rocksdb/", {"crdt/rocks_"}},
    {"yaml.h", {"spec/compose_tree.cc"}},
    {"boost/asio", {"net/"}},
    {"boost/beast", {"net/admin/"}},
    {"boost/json", {"cmd/state_lines.cc", "net/admin/", "runtime/image/", "runtime/oci/"}},
    {"boost/system", {"net/"}},
    {"sodium", {"net/", "runtime/image/"}},
    {"ares", {"net/resolve.cc"}},
    {"archive", {"runtime/image/"}},
    {"CLI/", {"cmd/"}},
};

// Folders of pure libraries, and the adapters beside them.
Names const pure_folders{"gossip/",  "crdt/", "spec/", "placement/",
                         "runtime/", "dns/",  "lb/",   "agent/"};
Names const adapters{"crdt/rocks_",     "spec/compose",     "runtime/oci/",
                     "runtime/image/",  "runtime/network/", "runtime/probe/",
                     "runtime/system/", "dns/server/",      "lb/proxy/"};

// What a pure library must not name, with what to do instead.
struct Ban {
    std::string_view token;
    std::string_view instead;
};

constexpr std::array bans{
    Ban{"steady_clock", "take base::Instant as an argument"},
    Ban{"clock_gettime", "take the time as an argument"},
    Ban{"std::thread", "return effects; the shell has the threads"},
    Ban{"std::mutex", "one thread owns a core"},
    Ban{"std::atomic", "one thread owns a core"},
    Ban{"this_thread", "return a deadline"},
    Ban{"std::random_device", "take a base::Prng"},
    Ban{"getenv", "take the setting as an argument"},
    Ban{"unordered_", "iteration order must be the same everywhere: use std::map"},
    Ban{"std::hash<", "use base::stable_hash"},
    Ban{"<fstream>", "return effects; an adapter has the files"},
    Ban{"<filesystem>", "return effects; an adapter has the files"},
    Ban{"<unistd.h>", "return effects; an adapter has the system calls"},
    Ban{"<sys/", "return effects; an adapter has the system calls"},
    Ban{"base/log.h", "return notices; the shell logs"},
    Ban{"co_await", "keep coroutines in the shell"},
};

// What may stand in these files only, whatever their folder is.
struct Preserve {
    std::string_view token;
    std::string_view why;
    Names places;
};

Names const wall_clock_places{"net/clock.", "net/host_admin.cc", "net/incoming.cc"};
std::vector<Preserve> const preserves{
    {"wall_now", "the wall clock may be wrong by years: it judges join tokens only",
     wall_clock_places},
    {"system_clock", "the wall clock may be wrong by years: it judges join tokens only",
     wall_clock_places},
};

std::string_view folder_of(std::string_view path) {
    return path.substr(0, path.find('/'));
}

bool starts_with_any(std::string_view text, Names const& prefixes) {
    return std::ranges::any_of(prefixes, [&](auto prefix) { return text.starts_with(prefix); });
}

struct Include {
    std::string_view header;
    bool system{};
};

std::optional<Include> parse_include(std::string_view line) {
    if (!line.starts_with("#include ")) {
        return std::nullopt;
    }
    std::string_view const name = base::trim(line.substr(9));
    std::size_t const close = name.find_first_of(">\"", 1);
    if (name.empty() || close == std::string_view::npos) {
        return std::nullopt;
    }
    return Include{name.substr(1, close - 1), name.front() == '<'};
}

std::optional<std::string> judge(std::string_view path, Include const& include) {
    if (include.system) {
        for (auto const& [prefix, places] : third_party) {
            if (include.header.starts_with(prefix) && !starts_with_any(path, places)) {
                return base::concat("<", include.header, "> may be included in ", places.front(),
                                    " only");
            }
        }
        return std::nullopt;
    }
    std::string_view const target = folder_of(include.header);
    auto const from = arrows.find(folder_of(path));
    if (from == arrows.end() || target == "base" || target == from->first) {
        return std::nullopt;
    }
    if (std::ranges::find(from->second, target) == from->second.end()) {
        return base::concat(from->first, " must not include ", target);
    }
    return std::nullopt;
}

// A line of code without its comment; strings are not looked into.
std::string_view code_of(std::string_view line) {
    return line.substr(0, line.find("//"));
}

// clang-format puts the braces of a function outside any class in the first column.
bool opens_function(std::string_view line) {
    static constexpr std::array<std::string_view, 8> others{
        "namespace", "struct", "class", "enum", "union", "}", "extern \"C\" {", "#"};
    return !line.empty() && line.front() != ' ' && line.ends_with("{") &&
           line.find('=') == std::string_view::npos &&
           std::ranges::none_of(others, [&](auto word) { return line.starts_with(word); });
}

}  // namespace

bool is_pure(std::string_view path) {
    return starts_with_any(path, pure_folders) && !starts_with_any(path, adapters);
}

std::vector<Finding> check(std::string_view path, std::string_view text) {
    std::vector<Finding> findings;
    bool const test = path.starts_with("tests/");
    int number = 0;
    int function_start = 0;
    for (std::string_view const line : base::split(text, '\n')) {
        ++number;
        auto const report = [&](std::string rule) {
            findings.push_back({std::string(path), number, std::move(rule)});
        };
        if (auto const include = parse_include(line); include && !test) {
            if (auto rule = judge(path, *include)) {
                report(*std::move(rule));
            }
        }
        for (Preserve const& preserve : preserves) {
            if (!test && code_of(line).find(preserve.token) != std::string_view::npos &&
                !starts_with_any(path, preserve.places)) {
                report(base::concat(preserve.token, " outside ", preserve.places.front(),
                                    "*: ", preserve.why));
            }
        }
        if (is_pure(path)) {
            for (Ban const& ban : bans) {
                if (code_of(line).find(ban.token) != std::string_view::npos) {
                    report(base::concat(ban.token, " in a pure library: ", ban.instead));
                }
            }
        }
        if (opens_function(line)) {
            function_start = number;
        } else if (line == "}" && function_start != 0) {
            if (number - function_start + 1 > function_lines_max) {
                report(base::concat("a function of ", number - function_start + 1,
                                    " lines: split it by meaning"));
            }
            function_start = 0;
        }
    }
    if (number - 1 > file_lines_max) {
        findings.push_back({std::string(path), file_lines_max,
                            base::concat("a file of ", number - 1, " lines: split it by meaning")});
    }
    return findings;
}

}  // namespace tidy
