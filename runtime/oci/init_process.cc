#include "runtime/oci/init_process.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace runtime {
namespace {

constexpr char const* subcommand = "init-process";
constexpr int not_found = 127;
constexpr int not_runnable = 126;
constexpr int usage = 2;

// Raised by what a process does itself: those are not passed on.
constexpr int own_signals[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS};
// A background process that uses its terminal would be stopped by them.
constexpr int terminal_signals[] = {SIGTTIN, SIGTTOU};

[[noreturn]] void run(std::span<std::string const> command, sigset_t const& mask) {
    setpgid(0, 0);
    // With a terminal the command is who reads it.
    tcsetpgrp(STDIN_FILENO, getpgrp());
    for (int const signal : terminal_signals) {
        ::signal(signal, SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, &mask, nullptr);
    std::vector<char*> words;
    for (std::string const& word : command) {
        words.push_back(const_cast<char*>(word.c_str()));
    }
    words.push_back(nullptr);
    execvp(words[0], words.data());
    int const error = errno;
    std::fprintf(stderr, "%s: %s\n", words[0], std::strerror(error));
    _exit(error == ENOENT ? not_found : not_runnable);
}

int exit_code(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// The exit code of `child` if it is among those that have ended; -1: it lives.
int reap(pid_t child) {
    int result = -1;
    int status = 0;
    for (pid_t ended = waitpid(-1, &status, WNOHANG); ended > 0;
         ended = waitpid(-1, &status, WNOHANG)) {
        if (ended == child) {
            result = exit_code(status);
        }
    }
    return result;
}

}  // namespace

std::vector<std::string> init_arguments(std::vector<std::string> command) {
    command.insert(command.begin(), subcommand);
    return command;
}

int init_main(std::span<std::string const> arguments) {
    if (arguments.size() < 2 || arguments[0] != subcommand) {
        std::fputs("usage: init-process COMMAND [ARGUMENT...]\n", stderr);
        return usage;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // where it is not process 1: pid: host
    sigset_t waited;
    sigfillset(&waited);
    for (int const signal : own_signals) {
        sigdelset(&waited, signal);
    }
    sigset_t before;
    sigprocmask(SIG_SETMASK, &waited, &before);
    for (int const signal : terminal_signals) {
        ::signal(signal, SIG_IGN);
    }
    pid_t const child = fork();
    if (child < 0) {
        std::perror("fork");
        return not_runnable;
    }
    if (child == 0) {
        run(arguments.subspan(1), before);
    }
    for (;;) {
        int signal = 0;
        if (sigwait(&waited, &signal) != 0) {
            continue;
        }
        if (signal != SIGCHLD) {
            kill(child, signal);
        } else if (int const code = reap(child); code >= 0) {
            return code;
        }
    }
}

}  // namespace runtime
