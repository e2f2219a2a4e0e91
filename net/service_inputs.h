#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net/service_files.h"

namespace net {

// Which other files each service file was made from (env files, included and extended ones), and
// what they were like: a change of one is a change of its readers. Paths are whole paths.
class ServiceInputs {
public:
    static constexpr std::size_t folders_max = 256;  // those beyond are looked at by rescans only

    // What was found at a path; an empty stamp: nothing, or nothing that could be read.
    void note(std::string const& path, FileStamp const& stamp);
    // The service file was made from these, as they were noted last.
    void set(std::string const& name, std::vector<std::string> const& paths);
    void forget(std::string const& name);

    [[nodiscard]] std::vector<std::string> readers(std::string_view path) const;
    // Service files with an input that is no longer what it was.
    [[nodiscard]] std::vector<std::string> outdated(
        std::function<FileStamp(std::string const&)> const& stamp_now) const;
    [[nodiscard]] bool is_outdated(std::string const& name, std::string const& path,
                                   FileStamp const& stamp_now) const;
    // Where the inputs are, at most folders_max.
    [[nodiscard]] std::set<std::string> folders() const;

private:
    std::map<std::string, FileStamp> noted_;                          // since the last set()
    std::map<std::string, std::map<std::string, FileStamp>> inputs_;  // of each service file
    std::map<std::string, std::set<std::string>, std::less<>> readers_;
};

}  // namespace net
