#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/disk.h"
#include "agent/effects.h"
#include "agent/report.h"
#include "agent/settings.h"
#include "base/address.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/time.h"
#include "crdt/store.h"
#include "crdt/sync.h"
#include "gossip/gossip.h"
#include "runtime/driver.h"
#include "runtime/supervisor.h"
#include "spec/spec.h"

namespace agent {

// What this host is and has; told to the others.
struct Facts {
    std::string name;
    std::string arch;  // "x86_64", "aarch64"
    std::string os = "linux";
    std::uint64_t cpu_milli{};
    std::uint64_t memory_bytes{};
    std::string runtime;
    std::string version;
    std::map<std::string, std::string> labels;
};

struct Config {
    base::NodeId id;
    base::SocketAddress address;  // where the others reach this host
    std::uint64_t boot = 1;       // higher at every start of this host's agent
    Facts facts;
    std::string zone = "covey.internal";
    // 10.128.0.0/12: subnets of hosts, and at its end the virtual IPs.
    base::Prefix fleet_range{0x0a800000, 12};
    base::Prefix virtual_range{0x0a8f0000, 16};
    gossip::Config gossip;
    crdt::SyncConfig sync;
    runtime::Config runtime;
    // A restarted host acts on what it remembers only after a peer has told it the present state,
    // or after this long without any peer.
    base::Duration settle = base::seconds(2);
    // Between claiming a subnet and using it: a concurrent claim has been heard of by then, also
    // while a fleet boots and gossip is busy with its members.
    base::Duration claim_hold = base::seconds(1);
    base::Duration mass_loss_hold = Settings().mass_loss_hold;
    // How often a fleet looks whether tombstones can be collected.
    base::Duration collect_interval = base::seconds(600);
    // Changes within this time lead to one plan and one set of tables. In a large fleet the time is
    // longer, except after the loss of hosts: twice as long with 40 members, and so on.
    base::Duration plan_interval = base::milliseconds(20);
};

// A local value of the store whose presence says that what it holds may be older than what this
// host once knew: it was repaired or restored.
inline constexpr std::string_view loss_local = "loss";
inline constexpr std::size_t services_max = 5'000;
inline constexpr std::size_t logs_pending_max = 64;
inline constexpr std::size_t log_part_max = 64 * 1024;

enum class Disk : std::uint8_t { written, failed };
enum class Settling : std::uint8_t { restore, dismiss };

// A user's change was accepted and is on its way to the others. Answer the user when the Persist
// of this number is on disk.
struct Accepted {
    std::uint64_t sequence{};          // 0: nothing to wait for
    std::vector<std::string> changed;  // service keys; empty: everything was like that already
    std::vector<std::string> entries;  // keys of the shared state that the user asked about
};

// Why a request was refused, for the person who made it: what, where, what to do.
struct Refusal {
    std::string text;
};

template <class T>
using Outcome = std::expected<T, Refusal>;

// One host of the fleet: a pure state machine that composes membership, shared state, placement,
// supervision and the tables of the data path, and translates between them. Events come in through
// the methods, with the time; what is to be done comes out as Effects. It ships in the binary and
// runs, thousands at once, in the simulator.
//
// Duties of the caller: carry out the effects of every call; call on_tick() at or after
// next_deadline(); answer each Persist with on_persisted(), each Action with its Event and each
// LogRead with on_log_read().
class Agent {
public:
    // `keys` are those of config.id and must outlive this object.
    Agent(Config config, base::Prng prng, gossip::Keys const& keys);
    ~Agent();
    Agent(Agent&&) noexcept;

    // Once, before anything else: what the store held, which containers still run, whom to ask.
    void start(base::Instant now, crdt::Loaded loaded, std::vector<runtime::Adopted> adopted,
               std::span<base::SocketAddress const> seeds, Effects& out);

    void on_message(base::Instant now, base::NodeId from, base::SocketAddress source,
                    gossip::Channel channel, base::ByteView bytes, Effects& out);
    void on_unreachable(base::Instant now, base::SocketAddress to, gossip::Unreachable why,
                        Effects& out);
    void on_runtime(base::Instant now, runtime::Event const& event, Effects& out);
    // Every Persist up to this number is on the disk; only now do the others hear of what this host
    // wrote, for after a crash it could not stand by what it has lost. With Disk::failed none is,
    // but the fleet should go on without this disk: nobody is told that anything is on it.
    void on_persisted(base::Instant now, std::uint64_t sequence, Disk disk, Effects& out);
    // What the disk is found to be, every few seconds and at once when it is found full. While it
    // is full nothing new is placed here; what serves here stays.
    void on_disk(base::Instant now, DiskState state, Effects& out);
    void on_tick(base::Instant now, Effects& out);
    [[nodiscard]] base::Instant next_deadline() const;

    // The services directory. `services` is what a usable file holds; a file that is not usable
    // leaves its previous services running and shows `messages` in the status.
    void on_file(base::Instant now, std::string const& name, bool usable,
                 std::vector<spec::ServiceSpec> services, std::vector<std::string> messages,
                 Effects& out);
    // The file is gone: its services are removed from the whole fleet.
    void on_file_removed(base::Instant now, std::string const& name, Effects& out);
    // The scan at start has reported every file: those remembered but not seen are gone.
    void on_files_scanned(base::Instant now, Effects& out);

    // Commands of a user. Service names are "project/name", or "name" where that is unambiguous.
    [[nodiscard]] Outcome<Accepted> apply(base::Instant now,
                                          std::vector<spec::ServiceSpec> services, Effects& out);
    [[nodiscard]] Outcome<Accepted> remove(base::Instant now, std::string_view service,
                                           Effects& out);
    [[nodiscard]] Outcome<Accepted> scale(base::Instant now, std::string_view service,
                                          std::uint32_t replicas, Effects& out);
    // Once `accepted` is on this host's disk: an Acknowledged with this request number tells when
    // as many hosts have it as `terms` ask for, or who has it when their time is over.
    void await_acks(base::Instant now, std::uint64_t request, Accepted const& accepted,
                    AckTerms const& terms, Effects& out);
    // Ends a conflict by its id, or a beginning of that: with Settling::restore the losing edit is
    // made again by this host, which has seen both.
    [[nodiscard]] Outcome<Accepted> settle_conflict(base::Instant now, std::string_view id,
                                                    Settling how, Effects& out);
    // A record of the shell's own under "token/": join tokens are made and checked there.
    [[nodiscard]] Outcome<Accepted> put_token(base::Instant now, std::string_view id,
                                              base::Bytes record, Effects& out);
    [[nodiscard]] base::Bytes const* token(std::string_view id) const;
    // From now on; on error (see check()) nothing has changed.
    [[nodiscard]] std::expected<void, std::string> set_settings(base::Instant now,
                                                                Settings const& settings,
                                                                Effects& out);
    [[nodiscard]] Settings settings() const;
    // Throws a host out of the fleet, and takes it back: `host` is its name, its id or a beginning
    // of that. Every host ceases to hear it as soon as it learns of that; see docs/membership.md.
    [[nodiscard]] Outcome<Accepted> evict(base::Instant now, std::string_view host, Effects& out);
    [[nodiscard]] Outcome<Accepted> readmit(base::Instant now, std::string_view host, Effects& out);
    // Tells the others that the agent ends and its containers run on: they wait for it for
    // gossip::Config::restart_hold. The last call before the agent ends.
    void announce_restart(base::Instant now, Effects& out);
    // Tells the others that this host goes; its containers are stopped. Done when left().
    void leave(base::Instant now, Effects& out);
    [[nodiscard]] bool left() const;

    // Part of a container's log, wherever it ran. `target` is "service", "service/slot" or a
    // container id; the answer comes as a LogReply with this request number.
    [[nodiscard]] Outcome<void> read_log(base::Instant now, std::uint64_t request,
                                         std::string_view target, std::uint64_t from, bool from_end,
                                         Effects& out);
    void on_log_read(base::Instant now, std::uint64_t request,
                     std::expected<runtime::LogPart, std::string> part, Effects& out);

    [[nodiscard]] StatusReport status(base::Instant now) const;
    [[nodiscard]] std::vector<NodeReport> nodes(base::Instant now) const;
    [[nodiscard]] std::vector<ServiceReport> services() const;
    // "web1 (0a1b2c3d)", for people.
    [[nodiscard]] std::string host_name(base::NodeId id) const;
    // The edits that lost against one made beside them, as far as this host met them.
    [[nodiscard]] std::vector<ConflictReport> conflicts() const;
    // The services as they were applied, sorted by key.
    [[nodiscard]] std::vector<spec::ServiceSpec> specs() const;
    // What applying these would do. Nothing is changed.
    [[nodiscard]] std::vector<ChangeReport> preview(
        std::span<spec::ServiceSpec const> services) const;
    // All, or those of one service; refused when there is no such service.
    [[nodiscard]] Outcome<std::vector<InstanceReport>> instances(std::string_view service) const;

    // Addresses of members, for a host that joins.
    [[nodiscard]] std::vector<std::pair<base::NodeId, base::SocketAddress>> contacts() const;
    // For tests of convergence: equal bytes mean equal shared state.
    [[nodiscard]] crdt::Map const& map() const;

private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

}  // namespace agent
