#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

// The small languages inside a Compose file. Nothing: the text is not of that language, or what it
// says is above the bound in rules.h.
namespace spec {

// Go's form: "1m30s", "1.5h", "300ms", "10us", "0"; no sign.
[[nodiscard]] std::optional<base::Duration> parse_duration(std::string_view text);

// "512m", "1.5gb", "1024": units of 1024 as Docker means them, of either case.
[[nodiscard]] std::optional<std::uint64_t> parse_memory(std::string_view text);

// "0.5" is 500 thousandths. Rounded up, so that something never becomes nothing.
[[nodiscard]] std::optional<std::uint64_t> parse_cpus(std::string_view text);

// "0.25" is 250,000 parts per million; at most 1. Rounded up.
[[nodiscard]] std::optional<std::uint32_t> parse_ratio(std::string_view text);

// Permissions of a file: octal with a leading 0 or 0o, as YAML and chmod write them, else decimal,
// as JSON has to; at most 07777.
[[nodiscard]] std::optional<std::uint32_t> parse_file_mode(std::string_view text);

// What Compose makes text of: "True" is "true", and a number loses what its value does not need:
// "1.50" is "1.5", "0x10" is "16". Any other text stays.
[[nodiscard]] std::string scalar_text(std::string_view text);

// A command line cut into words as Compose does: quotes group, a backslash outside single quotes
// escapes, no shell runs. An error says what would have needed a shell or is not closed.
[[nodiscard]] std::expected<std::vector<std::string>, std::string_view> split_command(
    std::string_view text);

}  // namespace spec
