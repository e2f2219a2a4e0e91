#include "base/log.h"

#include <array>
#include <atomic>
#include <string>

#include <unistd.h>

#include "base/text.h"

namespace base {

namespace {
std::atomic<LogLevel> level_min{LogLevel::info};
constexpr std::array<std::string_view, 4> level_names{"debug", "info ", "warn ", "error"};
constexpr std::size_t line_max = 4096;
}  // namespace

void set_log_level(LogLevel level) {
    level_min = level;
}

void log(LogLevel level, std::string_view part, std::string_view text) {
    if (level < level_min.load(std::memory_order_relaxed)) {
        return;
    }
    std::string line = concat(level_names[static_cast<std::size_t>(level)], ' ', part, ": ",
                              text.substr(0, line_max));
    for (char& letter : line) {
        if (static_cast<unsigned char>(letter) < ' ' || letter == 0x7f) {
            letter = '?';
        }
    }
    line += '\n';
    // Nothing sensible can be done when standard error is gone.
    [[maybe_unused]] auto const written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace base
