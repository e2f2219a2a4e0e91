#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/report.h"
#include "net/admin/admin_client.h"

namespace cmd {

// What `agent logs` reads, as far as the agent tells it: a port, so that the view can be tested.
struct LogSource {
    std::function<net::Answer<std::vector<agent::InstanceReport>>(std::string_view service)>
        instances;
    std::function<net::Answer<runtime::LogPart>(std::string_view target, std::uint64_t from,
                                                bool from_end)>
        read;
};

// Shows the logs of one container or of all containers of a service, each from where it was last
// read. Polled: every call of poll() shows what is new.
class LogView {
public:
    // `tail`: the last lines of each container at first; nothing: all lines.
    LogView(LogSource source, std::string target, std::optional<std::uint32_t> tail)
        : source_(std::move(source)), target_(std::move(target)), tail_(tail) {}

    // What was written since the last call, whole lines, in the order of instances. With several
    // containers each line begins with its instance. Once a target was found, containers that
    // cannot be read for the moment are left out.
    [[nodiscard]] net::Answer<std::string> poll();

    // The last lines that have no line end yet, when nothing more is to be read.
    [[nodiscard]] std::string rest() const;

private:
    struct Cursor {
        std::string label;  // "shop/web/1"
        std::uint64_t at{};
        std::string unfinished;
    };

    struct Found {
        std::string container;
        std::string label;
    };

    net::Answer<std::vector<Found>> find() const;
    net::Answer<std::string> read_new(std::string const& container, Cursor& cursor);
    net::Answer<std::string> read_tail(std::string const& container, Cursor& cursor);
    std::string lines(Cursor& cursor, std::string_view text) const;
    std::string prefix(Cursor const& cursor) const;

    LogSource source_;
    std::string target_;
    std::optional<std::uint32_t> tail_;
    std::map<std::string, Cursor> cursors_;  // by container; those found by the last poll
    bool several_ = false;
    bool shown_ = false;
};

}  // namespace cmd
