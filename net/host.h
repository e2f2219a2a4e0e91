#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent.h"
#include "base/result.h"
#include "crdt/store.h"
#include "net/admin/admin_port.h"
#include "net/fleet.h"
#include "net/identity.h"
#include "net/transport.h"
#include "runtime/driver.h"
#include "spec/compose.h"

namespace net {

// Membership's settings as the configuration has them now.
struct GossipReload {
    agent::Settings settings;
    std::string summary;
    std::vector<std::string> changes;  // from those in force, a line each
};

// The adapters that the daemon gives to its host. Unless said otherwise they are called on the
// control thread and return quickly.
struct HostPorts {
    crdt::Store& store;
    runtime::Driver& driver;
    std::function<base::Result<void>(agent::NetworkPlan const&)> set_network;
    std::function<void(dns::ZoneData const&)> set_zone;
    std::function<void(lb::Table const&)> set_table;
    std::function<spec::ComposeFile(spec::ComposeRequest const&, spec::FileSource const&)>
        read_compose;
    // Called on a thread of its own: unpacking takes seconds.
    std::function<base::Result<std::vector<std::string>>(std::string const& path)> load_image;
    std::function<std::vector<ImageReport>()> images;
    std::function<std::vector<std::string>()> doctor;
    // Reads the configuration again; `in_force` is what it may differ from.
    std::function<base::Result<GossipReload>(agent::Settings const& in_force)> reload;
    // Whether nothing can be started here for want of room on the disk.
    std::function<bool()> disk_full;
    // What the data path cannot do now (a published port in use), a line each.
    std::function<std::vector<std::string>()> problems;
};

struct HostConfig {
    agent::Config agent;
    std::string profile;  // agent.gossip in words, for the status
    Identity identity;
    Fleet fleet;
    std::uint64_t first_counter{};
    TransportOptions transport;
    std::string services_dir;
    std::string socket_path;
};

// One host's daemon: the thread that runs agent::Agent. It reads sockets, files and the clock,
// tells the agent, carries out the effects and arms one timer; it decides nothing.
class Host {
public:
    // Everything is open and the agent has started, or the error says what to do.
    [[nodiscard]] static base::Result<std::unique_ptr<Host>> start(HostConfig config,
                                                                   HostPorts ports);
    ~Host();

    // Until SIGTERM, SIGINT or a leave. Containers run on, unless this host has left: then true. A
    // signal ends it within 200 ms, which the others are told in; a second one at once.
    bool run();

private:
    class Loop;
    explicit Host(std::unique_ptr<Loop> loop);
    std::unique_ptr<Loop> loop_;
};

}  // namespace net
