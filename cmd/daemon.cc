#include "cmd/daemon.h"

#include <filesystem>
#include <string>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/records.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/host_facts.h"
#include "cmd/notify.h"
#include "cmd/output.h"
#include "crdt/rocks_store.h"
#include "dns/server/server.h"
#include "lb/proxy/proxy.h"
#include "net/host.h"
#include "net/state_dir.h"
#include "runtime/image/image_store.h"
#include "runtime/network/network.h"
#include "runtime/oci/oci_driver.h"
#include "spec/compose.h"

namespace cmd {

namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t dns_port = 53;

std::vector<std::string> runtime_names(RuntimeChoice choice) {
    switch (choice) {
        case RuntimeChoice::automatic:
            return {"crun", "runc"};
        case RuntimeChoice::crun:
            return {"crun"};
        case RuntimeChoice::runc:
            return {"runc"};
    }
    return {};
}

base::Result<void> make_directories(DaemonOptions const& options) {
    for (std::string const& directory : {options.run_dir, options.run_dir + "/netns"}) {
        std::error_code error;
        fs::create_directories(directory, error);
        if (error) {
            return base::fail(base::concat("cannot make ", directory, ": ", error.message()));
        }
    }
    // Images hold setuid files and the state holds keys: nobody else may look inside, also where
    // somebody made the directory beforehand.
    if (::chmod(options.state_dir.c_str(), 0700) != 0) {
        return base::fail_errno(errno, base::concat("chmod 0700 ", options.state_dir));
    }
    return {};
}

// Every connection through this host costs two descriptors, every forwarded name one.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

// Less than a container and its first records take. Root may use what is kept for it.
bool disk_full(std::string const& directory) {
    constexpr std::uint64_t bytes_min = 4 << 20;
    constexpr std::uint64_t files_min = 128;
    struct statvfs status{};
    if (::statvfs(directory.c_str(), &status) != 0) {
        return false;  // the store will tell
    }
    // Some file systems make inodes as they need them, and count none.
    bool const counts_files = status.f_files != 0;
    return std::uint64_t{status.f_bfree} * status.f_frsize < bytes_min ||
           (counts_files && status.f_ffree < files_min);
}

// Everything of this host that a plan of the agent's is carried out with.
class Adapters {
public:
    static base::Result<std::unique_ptr<Adapters>> open(DaemonOptions const& options,
                                                        base::Prefix fleet_range) {
        auto out = std::unique_ptr<Adapters>(new Adapters);
        out->store_ = TRY(crdt::open_rocks_store(store_directory(options)));
        out->network_ = TRY(runtime::open_network(
            {.bridge = options.bridge, .netns_dir = options.run_dir + "/netns"}));
        out->images_ = TRY(runtime::ImageStore::open(options.state_dir));
        runtime::OciConfig oci;
        oci.state_dir = options.state_dir;
        oci.run_dir = options.run_dir;
        oci.cgroup_parent = options.cgroup_parent;
        oci.runtimes = runtime_names(options.runtime);
        out->driver_ = TRY(runtime::OciDriver::create(oci, *out->images_, *out->network_));
        dns::ServerConfig dns;
        dns.upstreams = host_resolvers(fleet_range);
        out->dns_ = TRY(dns::Server::start(dns));
        out->proxy_ = TRY(lb::Proxy::start({}));
        return out;
    }

    net::HostPorts ports(DaemonOptions const& options, RunCommand const& command) {
        return {
            .store = *store_,
            .driver = *driver_,
            .set_network = [this](agent::NetworkPlan const& plan) { return set_network(plan); },
            .set_zone = [this](dns::ZoneData const& zone) { dns_->set_zone(dns::make_zone(zone)); },
            .set_table =
                [this](lb::Table const& table) {
                    proxy_->set_table(std::make_shared<lb::Table const>(table));
                },
            .read_compose =
                [](spec::ComposeRequest const& request, spec::FileSource const& source) {
                    return spec::read_compose(request, source);
                },
            .load_image = [this](std::string const& path) { return images_->load(path); },
            .images = [this] { return images(); },
            .doctor = [this] { return driver_->diagnose(); },
            .reload =
                [command](agent::Settings const& in_force) { return reload(command, in_force); },
            .disk_full = [directory = options.state_dir] { return disk_full(directory); },
            .problems = [this] { return problems(); },
        };
    }

    [[nodiscard]] std::string runtime() const { return driver_->description(); }

    // This host has left its fleet: nothing of the fleet's network stays.
    void clear() {
        if (auto const cleared = network_->clear(); !cleared) {
            base::log(base::LogLevel::warning, "network", cleared.error().message);
        }
    }

private:
    Adapters() = default;

    static base::Result<net::GossipReload> reload(RunCommand const& command,
                                                  agent::Settings const& in_force) {
        auto const options = command.reread();
        if (!options) {
            return base::fail(options.error());
        }
        GossipSettings read = TRY(gossip_settings(options->gossip_file, options->gossip));
        std::vector<std::string> changes = gossip_changes(in_force, read.settings);
        return net::GossipReload{read.settings, std::move(read.summary), std::move(changes)};
    }

    base::Result<void> set_network(agent::NetworkPlan const& plan) {
        TRY_VOID(network_->set_subnet(plan.subnet, plan.fleet));
        TRY_VOID(network_->set_virtual_range(plan.virtual_range));
        // The bridge's own address is the only nameserver that containers know.
        base::SocketAddress const nameserver{plan.subnet.host(1), dns_port};
        if (nameserver != nameserver_) {
            TRY_VOID(dns_->listen(nameserver));
            nameserver_ = nameserver;
        }
        // Last, for a single host that cannot be reached must not cost the others anything.
        std::vector<runtime::Route> routes;
        for (agent::SubnetRoute const& route : plan.routes) {
            routes.push_back({route.subnet, route.via});
        }
        return network_->set_routes(routes);
    }

    std::vector<net::ImageReport> images() {
        std::vector<net::ImageReport> reports;
        auto const list = images_->list();
        if (!list) {
            base::log(base::LogLevel::warning, "images", list.error().message);
            return reports;
        }
        for (runtime::ImageSummary const& image : *list) {
            for (std::string const& reference : image.references) {
                reports.push_back({reference, image.id, image.bytes});
            }
        }
        return reports;
    }

    std::vector<std::string> problems() {
        std::vector<std::string> lines;
        for (lb::ProxyProblem const& problem : proxy_->problems()) {
            lines.push_back(base::concat(problem.service, ": cannot listen on ",
                                         to_string(problem.listen), ": ", problem.reason));
        }
        return lines;
    }

    std::unique_ptr<crdt::Store> store_;
    std::unique_ptr<runtime::Network> network_;
    std::unique_ptr<runtime::ImageStore> images_;
    std::unique_ptr<runtime::OciDriver> driver_;
    std::unique_ptr<dns::Server> dns_;
    std::unique_ptr<lb::Proxy> proxy_;
    base::SocketAddress nameserver_;
};

// Until it is told to end; true when this host has left its fleet.
base::Result<bool> serve(DaemonOptions const& options, RunCommand const& command) {
    std::optional<net::Fleet> fleet = TRY(net::load_fleet(options.state_dir));
    if (!fleet) {
        return base::fail(
            "this host is in no fleet: `agent init` founds one, `agent join` joins "
            "one");
    }
    net::Identity const identity = TRY(net::load_or_make_identity(options.state_dir));
    std::uint64_t const boot = TRY(net::raise_boot_count(options.state_dir));
    TRY_VOID(make_directories(options));
    raise_descriptor_limit();

    agent::Config config;
    std::unique_ptr<Adapters> const adapters = TRY(Adapters::open(options, config.fleet_range));
    if (options.labels.size() > agent::labels_max) {
        return base::fail(base::concat("at most ", agent::labels_max, " labels"));
    }
    GossipSettings membership = TRY(gossip_settings(options.gossip_file, options.gossip));
    config.gossip = membership.settings.gossip;
    config.mass_loss_hold = membership.settings.mass_loss_hold;
    config.id = identity.id();
    config.address = {TRY(reachable_address(options, fleet->seeds)), options.listen.port};
    config.boot = boot;
    config.facts = host_facts(options, adapters->runtime());
    net::TransportOptions transport;
    transport.bind = options.listen.ip;
    transport.port = options.listen.port;
    auto const host = TRY(net::Host::start({.agent = config,
                                            .profile = std::move(membership.summary),
                                            .identity = identity,
                                            .fleet = *std::move(fleet),
                                            .first_counter = net::first_counter(boot),
                                            .transport = transport,
                                            .services_dir = options.services_dir,
                                            .socket_path = socket_path(options)},
                                           adapters->ports(options, command)));
    base::log(base::LogLevel::info, "host",
              base::concat(config.facts.name, " (", short_string(config.id), ") is up at ",
                           to_string(config.address), ", containers by ", config.facts.runtime));
    notify_ready();
    bool const left = host->run();
    if (left) {
        adapters->clear();
    }
    return left;
}

base::Result<void> run(DaemonOptions const& options, RunCommand const& command) {
    net::StateLock const lock = TRY(net::StateLock::take(options.state_dir));
    if (TRY(serve(options, command))) {
        // What made this host a member is void; its identity and images stay.
        std::error_code ignored;
        fs::remove(options.state_dir + "/fleet", ignored);
        fs::remove_all(store_directory(options), ignored);
    }
    return {};
}

}  // namespace

int run_daemon(DaemonOptions const& options, RunCommand const& command) {
    base::set_log_level(options.log_level);
    if (auto const ran = run(options, command); !ran) {
        return static_cast<int>(complain(ran.error().message));
    }
    return static_cast<int>(ExitCode::done);
}

}  // namespace cmd
