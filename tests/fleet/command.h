#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/descriptor.h"
#include "base/result.h"
#include "base/time.h"

namespace fleet {

// What the harness could not do. Thrown, since neither a test nor the demo can go on without it;
// it never leaves this folder.
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The value of a result, or its error thrown.
template <class T>
T must(base::Result<T> result) {
    if (!result) {
        throw Failure(result.error().message);
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(*result);
    }
}

[[nodiscard]] base::Instant now();

// Asks again every 20 ms until the answer is true; false after `limit`.
template <class Predicate>
[[nodiscard]] bool wait_until(base::Duration limit, Predicate const& predicate);

struct Output {
    int exit_code = -1;  // 128 + signal when one ended it
    std::string out;
    std::string err;
};

struct Command {
    std::vector<std::string> arguments;      // the first is a path, or a name looked up in PATH
    std::vector<std::string> environment{};  // "NAME=value", beside PATH and HOME
    base::Duration timeout = base::seconds(60);
};

// Runs a program in a network namespace to its end. Throws if it cannot be started or takes longer
// than its timeout, after which it is killed.
[[nodiscard]] Output run_in(base::Descriptor const& netns, Command const& command);

// Starts a program in a network namespace, in a session of its own, its output appended to a file.
// It is a child of this process.
[[nodiscard]] pid_t start_in(base::Descriptor const& netns, Command const& command,
                             std::string const& log);

// Waits 20 ms.
void pause_briefly();

template <class Predicate>
bool wait_until(base::Duration limit, Predicate const& predicate) {
    base::Instant const deadline = now() + limit;
    while (!predicate()) {
        if (now() >= deadline) {
            return false;
        }
        pause_briefly();
    }
    return true;
}

}  // namespace fleet
