#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/acks.h"
#include "agent/agent.h"
#include "agent/brake.h"
#include "agent/cuts.h"
#include "agent/disk.h"
#include "agent/files.h"
#include "agent/log_requests.h"
#include "agent/planner.h"
#include "agent/planning.h"
#include "agent/roster.h"
#include "agent/state.h"
#include "agent/tables.h"
#include "agent/troubles.h"
#include "crdt/map.h"
#include "crdt/sync.h"

namespace agent {

// The first byte of every message between agents says which part it is for.
enum class Part : std::uint8_t {
    gossip = 1,
    sync = 2,
    entries = 3,  // fresh entries too large for gossip
    log_question = 4,
    log_answer = 5,
    ack_question = 6,
    ack_answer = 7,
    evicted = 8,  // to a host that was thrown out
};

// The composition. Every public call of Agent does its part and ends with finish(), which writes
// what changed, plans anew when due, and tells tables and supervisor.
class Agent::Machine {
public:
    // `keys` outlive it.
    Machine(Config given, base::Prng seed, gossip::Keys const& signing);

    void start(base::Instant now, crdt::Loaded loaded, std::vector<runtime::Adopted> adopted,
               std::span<base::SocketAddress const> seeds, Effects& out);
    void on_message(base::Instant now, base::NodeId from, base::SocketAddress source,
                    gossip::Channel channel, base::ByteView bytes, Effects& out);
    void on_tick(base::Instant now, Effects& out);
    [[nodiscard]] base::Instant next_deadline() const;

    // --- the shared state (state_changes.cc)
    // Writes an entry of ours: into the map, towards the disk and the other hosts. False when the
    // map refuses it.
    bool put(std::string_view key, base::Bytes value);
    void erase(std::string_view key);
    // A peer's entry. True when it became the current one.
    bool merge(crdt::Entry entry);
    void note_changed(std::string_view key);
    void spread(crdt::Entry const& entry);
    void on_persisted(base::Instant now, std::uint64_t sequence, Disk disk, Effects& out);
    void on_entries(base::NodeId from, base::ByteView bytes);
    void take(crdt::SyncEffects& effects, base::SocketAddress reply_to, base::NodeId peer,
              Effects& out);
    void take(base::Instant now, gossip::Effects& effects, Effects& out);
    void send(base::NodeId to, Part part, gossip::Channel channel, base::ByteView bytes,
              Effects& out);
    // Puts everyone known towards the disk, if that differs from what is there.
    void remember_roster();
    [[nodiscard]] bool has_pending() const;
    // The Persist after which the disk holds all that is known now; 0 when it does already.
    [[nodiscard]] std::uint64_t pending_sequence() const;

    // Puts conflicts that came or went towards the disk.
    void remember_conflicts();

    // --- what users are promised (durability.cc)
    void await_acks(base::Instant now, std::uint64_t request, Accepted const& accepted,
                    AckTerms const& terms);
    void on_ack_question(base::Instant now, base::NodeId from, base::ByteView bytes, Effects& out);
    // The hosts to ask, in random order.
    [[nodiscard]] std::vector<base::NodeId> ack_peers();
    void settle_acks(base::Instant now, Effects& out);

    // --- collecting tombstones (collecting.cc)
    void restore_floor(crdt::Loaded const& loaded);
    void update_collection(base::Instant now, Effects& out);
    void advance_floor();
    void adopt_floor(base::Instant now, Effects& out);
    void resync_as_new(base::Instant now, Effects& out);
    void forget_entry(std::string const& key);
    void note_seen();
    [[nodiscard]] bool has_lived_through(std::uint64_t cut) const;
    void note_lived_through(std::uint64_t cut);
    // What the host had written itself when it said that it has seen this cut.
    [[nodiscard]] std::optional<std::uint64_t> seen_at(base::NodeId host, std::uint64_t cut) const;
    [[nodiscard]] std::set<base::NodeId> counted_hosts() const;

    // --- edits that lost (conflicts.cc)
    void restore_conflicts(crdt::Loaded const& loaded);
    [[nodiscard]] std::vector<ConflictReport> conflicts() const;
    Outcome<Accepted> settle_conflict(std::string_view id, Settling how);
    Outcome<Accepted> restore_edit(crdt::Entry const& lost);
    [[nodiscard]] std::string describe(crdt::Entry const& entry) const;

    // Whether every container that this host's records speak of still runs.
    [[nodiscard]] bool holds_what_it_recorded() const;

    // --- deciding (deciding.cc)
    // When to decide next; instant_max: nothing has changed.
    [[nodiscard]] base::Instant decision_due() const;
    void note_loss();
    // Asks one host at a time for the records it has announced. In a large fleet that boots, most
    // come by gossip before it is their turn.
    void pull_missing(base::Instant now, Effects& out);
    // Hands the supervisor's actions on.
    void act(runtime::Effects& effects, Effects& out);
    // Under which address others reach a container that has this one here.
    [[nodiscard]] base::IpAddress reachable(base::IpAddress address) const;
    // What this host runs has changed.
    void note_own(bool changed);
    // The least time between two things that cost more in a larger fleet.
    [[nodiscard]] base::Duration pace() const;
    void finish(base::Instant now, Effects& out);
    void update_settled(base::Instant now, Effects& out);
    enum class Subnet : std::uint8_t {
        none,  // none yet, or claimed a moment ago
        usable,
        renumbering,  // lost to another host: what runs here stops before a new one is taken
    };
    // Makes sure that this host has a subnet.
    Subnet update_subnet(base::Instant now, Effects& out);
    void claim_missing_vips();
    void update_roster(base::Instant now);
    void note_catching_up(base::Instant now);
    [[nodiscard]] base::Instant catch_up_due() const;
    void decide(base::Instant now, Effects& out);
    void update_plan();
    void update_network(Effects& out);
    void find_clashes(Effects& out);
    void publish_facts();
    void publish_instances(base::Instant now);
    void publish_tables(Effects& out);
    void flush(base::Instant now, Effects& out);

    // --- commands (commands.cc)
    Outcome<Accepted> apply(std::vector<spec::ServiceSpec> services);
    Outcome<Accepted> remove(std::string_view service);
    Outcome<Accepted> scale(std::string_view service, std::uint32_t replicas);
    void remove_service(std::string const& key);
    void apply_file_change(Files::Change change, std::string const& name, Effects& out);
    Outcome<void> read_log(base::Instant now, std::uint64_t request, std::string_view target,
                           LogRequests::Ask ask, Effects& out);
    void begin_leave(base::Instant now, Effects& out);
    [[nodiscard]] Outcome<std::string> resolve(std::string_view service) const;

    // --- throwing hosts out (evicting.cc)
    Outcome<Accepted> evict(std::string_view host);
    Outcome<Accepted> readmit(std::string_view host);
    // The one host of this name or whose id begins so.
    [[nodiscard]] Outcome<base::NodeId> find_host(std::string_view host) const;
    // "web1 (0a1b2c3d)".
    [[nodiscard]] std::string name_of(base::NodeId id) const;
    // Has membership follow what the shared state says.
    void apply_wishes(base::Instant now, Effects& out);
    // If `entry` evicts a host: tells that host.
    void tell_evicted(crdt::Entry const& entry, Effects& out);
    // An evicted host speaks, and may not know: tells it, if that was not done lately.
    void remind_evicted(base::Instant now, base::NodeId id, base::SocketAddress source,
                        Effects& out);
    // We are the one.
    void on_evicted(gossip::Channel channel, base::ByteView body);

    // --- reports (reports.cc)
    [[nodiscard]] StatusReport status(base::Instant now) const;
    [[nodiscard]] std::vector<NodeReport> nodes(base::Instant now) const;
    [[nodiscard]] std::vector<ServiceReport> services() const;
    [[nodiscard]] std::vector<InstanceReport> instances(std::string const& service) const;

    Config config;
    base::Prng prng;
    gossip::Keys const& keys;
    gossip::Gossip gossip;
    crdt::Map map;
    crdt::Sync sync;
    runtime::Supervisor supervisor;
    State state;
    Files files;
    LogRequests logs;
    AckWaits ack_waits;
    AckDebts ack_debts;
    Cuts cuts;
    DiskWatch disk_watch;
    Troubles troubles;
    std::vector<std::string> clashing;  // see clashes()
    bool members_changed = true;        // since `clashing` was found
    base::Instant clashes_at{};         // the earliest time to find it again

    // What was decided last, for reports and to tell changes. It is made again only when something
    // that it follows from has changed.
    Roster roster;
    bool roster_stale = true;
    std::map<base::NodeId, base::Instant> catching_up;  // since when
    Sight sight;
    Planner planner;
    bool plan_stale = true;
    placement::Plan plan;                          // without what is held back
    std::vector<placement::Assignment> held_back;  // by the brake
    Intent intent;
    std::map<SlotKey, runtime::Desired> desired;
    Balancing balancing;
    std::optional<NetworkPlan> network;
    bool network_stale = true;
    std::optional<dns::ZoneData> zone;
    std::optional<lb::Table> table;
    bool tables_stale = true;

    std::set<base::NodeId> missing;  // hosts whose announced records are not here yet
    bool fresh = false;              // has nothing of its own from before a floor it may hear of
    bool lossy = false;              // what it holds may be older than what it once knew
    bool marked_lossy = false;       // so says the disk
    std::uint64_t floor_id = 0;      // what was collected up to
    std::deque<std::uint64_t> lived_through;  // cuts that this host has seen, the latest last
    bool cut_unseen = true;                   // there may be a cut that this host has not seen
    bool floor_unread = true;                 // likewise, a floor that it has not taken over
    base::Instant collect_at{};
    base::Instant resync_at{};

    base::Instant pull_at{};  // the earliest time to ask one of them
    bool told = false;        // a peer has given all it holds since this host started
    bool settled = false;
    base::Instant settle_deadline{};
    base::Instant settle_limit{};
    base::Instant settle_check_at{};
    bool settle_unchecked = false;  // something may have changed since the last check
    std::optional<base::Prefix> subnet;
    base::Instant subnet_usable_at{};
    bool wishes_changed = false;
    bool evicted = false;                            // this host: it runs nothing
    std::map<base::NodeId, base::Instant> reminded;  // evicted hosts that spoke, when told last
    bool leaving = false;
    bool leave_stopped = false;  // leave_stop_at has passed and been acted on
    bool left = false;
    base::Instant leave_stop_at{};   // what nobody has taken over by then stops all the same
    base::Instant leave_deadline{};  // the host goes, whatever still runs

    bool dirty = true;             // something a decision depends on has changed
    bool loss = false;             // hosts were lost: the decision is urgent
    std::uint64_t loss_plans = 0;  // plans made because of a loss
    base::Instant decide_at{};     // the earliest time of the next decision
    base::Instant urgent_at{};     // likewise, of an urgent one
    bool own_changed = false;      // what this host runs, not published yet
    base::Instant publish_at{};    // the earliest time to publish it
    crdt::Batch pending;           // towards the disk
    std::uint64_t next_persist = 1;
    std::uint64_t on_disk = 0;
    std::uint64_t conflicts_stored = 0;      // crdt::Conflicts::changes() then
    std::set<std::string> stored_conflicts;  // the names of their local values
    // Writes of ours that are not on the disk yet, and answers that may hold them: each with the
    // Persist it waits for, in order.
    std::deque<std::pair<std::uint64_t, crdt::Entry>> unspread;
    std::deque<std::pair<std::uint64_t, gossip::Send>> unsent;
    base::Instant write_at{};  // the earliest time to write what others wrote
    base::Bytes roster_stored;
    bool roster_changed = false;
    base::Instant roster_at{};       // the earliest time to store it
    std::vector<base::Bytes> large;  // entries to stream to peers, encoded
};

}  // namespace agent
