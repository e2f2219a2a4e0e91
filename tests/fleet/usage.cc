#include "tests/fleet/usage.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

#include "base/text.h"
#include "tests/fleet/command.h"

namespace fleet {
namespace {

std::ifstream open_of(pid_t process, std::string_view file) {
    std::ifstream opened(base::concat("/proc/", process, "/", file));
    if (!opened) {
        throw Failure(base::concat("process ", process, " has ended"));
    }
    return opened;
}

std::vector<std::string> words_of(std::string const& text) {
    std::istringstream in(text);
    std::vector<std::string> words;
    for (std::string word; in >> word;) {
        words.push_back(std::move(word));
    }
    return words;
}

std::uint64_t number(std::vector<std::string> const& words, std::size_t index) {
    return index < words.size() ? base::parse_integer<std::uint64_t>(words[index]).value_or(0) : 0;
}

base::Duration cpu_time(pid_t process) {
    std::string line;
    std::getline(open_of(process, "stat"), line);
    // proc_pid_stat(5): utime and stime are fields 14 and 15; the name, field 2, may hold spaces.
    auto const words = words_of(line.substr(line.rfind(')') + 1));
    auto const ticks = number(words, 11) + number(words, 12);
    auto const per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    return base::nanoseconds(ticks * 1'000'000'000 / per_second);
}

std::uint64_t resident_memory(pid_t process) {
    std::ifstream status = open_of(process, "status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) {
            return number(words_of(line), 1) * 1024;
        }
    }
    return 0;
}

void add_traffic(pid_t process, Usage& usage) {
    std::ifstream links = open_of(process, "net/dev");
    for (std::string line; std::getline(links, line);) {
        std::size_t const colon = line.find(':');
        if (colon != std::string::npos && base::trim(line.substr(0, colon)) != "lo") {
            auto const words = words_of(line.substr(colon + 1));
            usage.received_bytes += number(words, 0);
            usage.sent_bytes += number(words, 8);
        }
    }
}

}  // namespace

Usage usage_of(pid_t process) {
    Usage usage{.cpu = cpu_time(process), .resident_bytes = resident_memory(process)};
    add_traffic(process, usage);
    return usage;
}

}  // namespace fleet
