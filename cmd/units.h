#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

// Quantities as people write and read them.
namespace cmd {

// "850ms", "12s", "3m20s", "2h5m", "4d7h": two units at most, rounded down.
[[nodiscard]] std::string human_duration(base::Duration duration);

// "350us", "2.4ms", "37ms"; nothing for zero, which was not measured.
[[nodiscard]] std::string human_round_trip(base::Duration duration);

// "512 B", "1.5 KiB", "20 MiB": powers of 1024.
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

// Thousandths of a CPU as CPUs: "2", "0.5".
[[nodiscard]] std::string human_cpus(std::uint64_t milli);

// "90s", "30m", "1h", "7d", "1h30m"; at most ten years.
[[nodiscard]] std::optional<base::seconds> parse_duration(std::string_view text);

}  // namespace cmd
