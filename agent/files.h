#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/report.h"
#include "base/bytes.h"
#include "spec/spec.h"

namespace agent {

// Which services each file of the services directory last asked for, kept across restarts: so an
// unchanged file changes nothing (what users did since, by other ways, stays), an edited one
// changes what was edited, and one deleted while the agent was away is noticed.
class Files {
public:
    struct Change {
        std::vector<spec::ServiceSpec> apply;  // new or edited since this file last asked
        std::vector<std::string> remove;       // service keys this file no longer holds
    };

    // A usable file's services. A service that another file of this directory also holds is not
    // removed when one of them drops it.
    Change update(std::string const& name, std::vector<spec::ServiceSpec> services,
                  std::vector<std::string> messages);
    // The file cannot be used: what it last asked for stays.
    void reject(std::string const& name, std::vector<std::string> messages);
    // The fleet refused what the file asks for: it counts as new when it is read again.
    void refuse(std::string const& name, std::string message);
    Change remove(std::string const& name);
    // Files remembered from before that the scan at start did not report.
    [[nodiscard]] std::vector<std::string> unseen() const;

    // With a message for each service of which the fleet has another version than the file, or
    // none; `in_fleet` is the hash of what the fleet has.
    using InFleet = std::function<std::optional<std::uint64_t>(std::string const& service)>;
    [[nodiscard]] std::vector<FileReport> reports(InFleet const& in_fleet) const;

    // Whether there is news for the disk since this was asked last.
    [[nodiscard]] bool take_changed();

    // For the disk. A damaged encoding restores nothing: every file then counts as new.
    [[nodiscard]] base::Bytes encode() const;
    void restore(base::ByteView bytes);

private:
    struct File {
        std::map<std::string, std::uint64_t> services;  // key -> hash of what was asked
        std::vector<std::string> messages;
        bool usable = true;
        bool seen = false;
    };

    [[nodiscard]] bool held(std::string_view service) const;
    void release(std::map<std::string, std::uint64_t> const& services);

    std::map<std::string, File> files_;
    std::map<std::string, std::size_t, std::less<>> holders_;  // service key -> files that hold it
    bool changed_ = false;
};

}  // namespace agent
