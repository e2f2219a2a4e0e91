#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

namespace fleet {

// A process that cleans up after a run when the process that started it ends, in whatever way: it
// waits at the end of a pipe, in a session of its own where no Ctrl-C reaches it. Starts before
// anything of the run is made.
class Guardian {
public:
    // `handled`: SIGINT, SIGTERM and SIGHUP end this process only after the cleaning. For one
    // guardian in a process.
    enum class Signals : std::uint8_t { untouched, handled };

    Guardian(std::string const& run, Signals signals);
    Guardian(Guardian const&) = delete;
    Guardian& operator=(Guardian const&) = delete;

    // Has it clean up now and waits for that.
    ~Guardian();

    // Has it end and leave everything as it is.
    void dismiss();

private:
    static void on_signal(int signal);
    void handle_signals();

    // Safe in a signal handler.
    void finish();

    pid_t process_ = -1;
    int pipe_ = -1;
};

}  // namespace fleet
