#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cmd {

enum class Verdict : std::uint8_t { good, limited, missing };

// One thing that this host can or cannot do.
struct Finding {
    Verdict verdict{};
    std::string subject;  // "cgroups"
    std::string text;     // what was found, and what to do unless it is good
};

// What can be found out without an agent, by trying: kernel, rights, namespaces, file systems,
// cgroups and runtimes. Leaves nothing behind.
[[nodiscard]] std::vector<Finding> examine_host();

// The container runtimes that can run containers here.
[[nodiscard]] std::vector<Finding> examine_runtimes();

}  // namespace cmd
