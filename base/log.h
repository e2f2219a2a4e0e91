#pragma once

#include <string_view>

// The log of the I/O shell and the adapters: one line an event on standard error, which systemd
// and container runtimes collect. Cores do not log; they return notices.
namespace base {

enum class LogLevel : unsigned char { debug, info, warning, error };

// Lines below the level are dropped; info at start. Set once, before threads are made.
void set_log_level(LogLevel level);

// Writes "LEVEL part: text" with one write(2), from any thread. A control character in `text` is
// shown as '?', so that no input can forge a line.
void log(LogLevel level, std::string_view part, std::string_view text);

}  // namespace base
