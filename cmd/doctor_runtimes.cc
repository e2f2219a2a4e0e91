#include <array>
#include <optional>
#include <string_view>

#include <unistd.h>

#include "base/text.h"
#include "cmd/doctor.h"

namespace cmd {
namespace {

std::optional<std::string> find_program(std::string_view name) {
    constexpr std::array<std::string_view, 6> directories{
        "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};
    for (std::string_view const directory : directories) {
        std::string path = base::concat(directory, "/", name);
        if (::access(path.c_str(), X_OK) == 0) {
            return path;
        }
    }
    return std::nullopt;
}

}  // namespace

std::vector<Finding> examine_runtimes() {
    std::vector<Finding> findings;
    for (std::string_view const name : {"crun", "runc"}) {
        if (auto const path = find_program(name)) {
            findings.push_back({Verdict::good, "runtime", base::concat(name, " at ", *path)});
        }
    }
    if (findings.empty()) {
        findings.push_back({Verdict::missing, "runtime",
                            "neither crun nor runc is installed: `apt install runc`"});
    }
    return findings;
}

}  // namespace cmd
