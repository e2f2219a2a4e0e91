#include "tests/fleet/guardian.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fleet/command.h"
#include "tests/fleet/remains.h"

namespace fleet {
namespace {

constexpr char leave_everything = 'k';
constexpr int guarded_signals[] = {SIGINT, SIGTERM, SIGHUP};

Guardian* guardian_of_signals = nullptr;

[[noreturn]] void watch(int pipe, std::string const& run) {
    ::setsid();
    ::prctl(PR_SET_NAME, "covey-guardian");
    for (int const signal : guarded_signals) {
        ::signal(signal, SIG_IGN);
    }
    // Whoever waits for the end of this program's output must not wait for the guardian.
    int const null = ::open("/dev/null", O_RDWR);
    for (int const fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        ::dup2(null, fd);
    }
    int const kept = ::dup2(pipe, STDERR_FILENO + 1);
    ::close_range(static_cast<unsigned>(kept) + 1, ~0U, 0);

    char letter{};
    ssize_t size{};
    do {
        size = ::read(kept, &letter, 1);
    } while (size < 0 && errno == EINTR);
    if (size == 0 || letter != leave_everything) {
        clean_up(run);
    }
    ::_exit(0);
}

}  // namespace

Guardian::Guardian(std::string const& run, Signals signals) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw Failure("cannot make a pipe");
    }
    process_ = ::fork();
    if (process_ == 0) {
        ::close(ends[1]);
        watch(ends[0], run);
    }
    ::close(ends[0]);
    pipe_ = ends[1];
    if (process_ < 0) {
        ::close(std::exchange(pipe_, -1));
        throw Failure("cannot start the guardian");
    }
    if (signals == Signals::handled) {
        handle_signals();
    }
}

Guardian::~Guardian() {
    finish();
    if (guardian_of_signals == this) {
        guardian_of_signals = nullptr;
    }
}

void Guardian::dismiss() {
    [[maybe_unused]] ssize_t const written = ::write(pipe_, &leave_everything, 1);
    finish();
}

void Guardian::handle_signals() {
    guardian_of_signals = this;
    struct sigaction action{};
    action.sa_handler = on_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    for (int const signal : guarded_signals) {
        ::sigaction(signal, &action, nullptr);
    }
}

void Guardian::on_signal(int signal) {
    static constexpr char message[] = "\nInterrupted: removing everything.\n";
    [[maybe_unused]] ssize_t const written = ::write(STDERR_FILENO, message, sizeof message - 1);
    if (guardian_of_signals != nullptr) {
        guardian_of_signals->finish();
    }
    ::raise(signal);
}

void Guardian::finish() {
    if (pipe_ >= 0) {
        ::close(std::exchange(pipe_, -1));
    }
    // Also when a signal interrupts the waiting: the first to return has seen the end.
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace fleet
