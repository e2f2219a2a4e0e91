#pragma once

#include <string>

#include <sys/types.h>

namespace fleet {

// A process that cleans up after a run when the process that started it ends, in whatever way: it
// waits at the end of a pipe, in a session of its own where no Ctrl-C reaches it. Starts before
// anything of the run is made.
class Guardian {
public:
    explicit Guardian(std::string const& run);
    Guardian(Guardian const&) = delete;
    Guardian& operator=(Guardian const&) = delete;

    // Has it clean up now and waits for that.
    ~Guardian();

    // Has it end and leave everything as it is.
    void dismiss();

    // From now on SIGINT, SIGTERM and SIGHUP end this process after the cleaning. For one guardian
    // in a process.
    void clean_up_on_signals();

private:
    static void on_signal(int signal);

    // Safe in a signal handler.
    void finish();

    pid_t process_ = -1;
    int pipe_ = -1;
};

}  // namespace fleet
