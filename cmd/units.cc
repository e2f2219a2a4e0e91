#include "cmd/units.h"

#include <array>
#include <chrono>

#include "base/text.h"

namespace cmd {
namespace {

struct Unit {
    std::string_view suffix;
    std::int64_t seconds;
};

constexpr std::array units{Unit{"d", 86'400}, Unit{"h", 3'600}, Unit{"m", 60}, Unit{"s", 1}};
constexpr std::int64_t seconds_max = 10 * 365 * units[0].seconds;

}  // namespace

std::string human_duration(base::Duration duration) {
    if (duration < base::seconds(1)) {
        return base::concat(std::chrono::duration_cast<base::milliseconds>(duration).count(), "ms");
    }
    std::int64_t rest = std::chrono::duration_cast<base::seconds>(duration).count();
    for (std::size_t i = 0; i < units.size(); ++i) {
        if (rest < units[i].seconds) {
            continue;
        }
        std::string out = base::concat(rest / units[i].seconds, units[i].suffix);
        rest %= units[i].seconds;
        if (i + 1 < units.size() && rest >= units[i + 1].seconds) {
            out += base::concat(rest / units[i + 1].seconds, units[i + 1].suffix);
        }
        return out;
    }
    return "0s";
}

std::string human_round_trip(base::Duration duration) {
    std::int64_t const micros =
        std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    if (micros == 0) {
        return {};
    }
    if (micros < 1000) {
        return base::concat(micros, "us");
    }
    std::int64_t const tenth = micros / 100 % 10;
    return micros < 10'000 && tenth != 0 ? base::concat(micros / 1000, ".", tenth, "ms")
                                         : base::concat(micros / 1000, "ms");
}

std::string human_bytes(std::uint64_t bytes) {
    constexpr std::array<std::string_view, 6> names{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        return base::concat(bytes, " B");
    }
    std::size_t name = 0;
    std::uint64_t unit = 1024;
    while (name + 1 < names.size() && bytes / unit >= 1024) {
        unit *= 1024;
        ++name;
    }
    std::uint64_t const whole = bytes / unit;
    std::uint64_t const tenth = bytes % unit * 10 / unit;
    return whole < 10 && tenth != 0 ? base::concat(whole, ".", tenth, " ", names[name])
                                    : base::concat(whole, " ", names[name]);
}

std::string human_cpus(std::uint64_t milli) {
    std::string out = std::to_string(milli / 1000);
    if (std::string fraction = std::to_string(1000 + milli % 1000).substr(1); fraction != "000") {
        fraction.erase(fraction.find_last_not_of('0') + 1);
        out += base::concat(".", fraction);
    }
    return out;
}

std::optional<base::seconds> parse_duration(std::string_view text) {
    std::int64_t total = 0;
    do {
        std::size_t const digits = text.find_first_not_of("0123456789");
        auto const count = base::parse_integer<std::int64_t>(text.substr(0, digits));
        if (!count || digits == std::string_view::npos || *count > seconds_max) {
            return std::nullopt;
        }
        std::int64_t unit_seconds = 0;
        for (Unit const& unit : units) {
            unit_seconds = text.substr(digits, 1) == unit.suffix ? unit.seconds : unit_seconds;
        }
        total += *count * unit_seconds;
        if (unit_seconds == 0 || total > seconds_max) {
            return std::nullopt;
        }
        text.remove_prefix(digits + 1);
    } while (!text.empty());
    return base::seconds(total);
}

}  // namespace cmd
