#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent.h"
#include "agent/effects.h"
#include "agent/report.h"
#include "spec/spec.h"

namespace net {

struct ImageReport {
    std::string reference;
    std::string id;
    std::uint64_t bytes{};
};

// The running program, for `agent version`.
struct InfoReport {
    std::string version;
    std::string runtime;
    std::int64_t pid{};
};

// What became of a user's change. It is on this host's disk in any case.
struct ChangeReport {
    std::vector<std::string> changed;  // empty: everything was like that already
    std::vector<std::string> hosts;    // who has it on the disk, this host first
    std::uint32_t wanted{};            // how many should

    [[nodiscard]] bool enough() const { return hosts.size() >= wanted; }
};

template <class T>
using Done = std::function<void(agent::Outcome<T>)>;

// What the admin socket asks of the daemon. Every call is made on the control thread and returns
// quickly; each `done` is called exactly once, now or later, on the same thread.
struct AdminPort {
    virtual ~AdminPort() = default;

    [[nodiscard]] virtual InfoReport info() = 0;
    [[nodiscard]] virtual agent::StatusReport status() = 0;
    [[nodiscard]] virtual std::vector<agent::NodeReport> nodes() = 0;
    [[nodiscard]] virtual std::vector<agent::ServiceReport> services() = 0;
    [[nodiscard]] virtual std::vector<spec::ServiceSpec> specs() = 0;
    // What applying the services would do.
    [[nodiscard]] virtual std::vector<agent::ChangeReport> preview(
        std::span<spec::ServiceSpec const> services) = 0;
    // All, or those of one service.
    [[nodiscard]] virtual agent::Outcome<std::vector<agent::InstanceReport>> instances(
        std::string_view service) = 0;
    [[nodiscard]] virtual std::vector<agent::ConflictReport> conflicts() = 0;
    [[nodiscard]] virtual std::vector<ImageReport> images() = 0;
    // What was probed and chosen on this host, a line each.
    [[nodiscard]] virtual std::vector<std::string> doctor() = 0;

    // Reads the configuration again: what changed, a line each. A bad one is refused as a whole.
    [[nodiscard]] virtual agent::Outcome<std::vector<std::string>> reload() = 0;

    // Changes are answered when as many hosts have them as `terms` ask for, or when their time is
    // over.
    virtual void apply(std::vector<spec::ServiceSpec> services, agent::AckTerms const& terms,
                       Done<ChangeReport> done) = 0;
    virtual void remove(std::string_view service, agent::AckTerms const& terms,
                        Done<ChangeReport> done) = 0;
    virtual void scale(std::string_view service, std::uint32_t replicas,
                       agent::AckTerms const& terms, Done<ChangeReport> done) = 0;
    // `host` is a name, an id or a beginning of one; with `undo` the host is taken back.
    virtual void evict(std::string_view host, bool undo, agent::AckTerms const& terms,
                       Done<ChangeReport> done) = 0;
    virtual void settle_conflict(std::string_view id, agent::Settling how,
                                 agent::AckTerms const& terms, Done<ChangeReport> done) = 0;
    // `uses` 0: any number of hosts until it expires.
    virtual void create_token(std::uint64_t ttl_seconds, std::uint32_t uses,
                              Done<std::string> done) = 0;
    virtual void read_log(std::string_view target, std::uint64_t from, bool from_end,
                          std::function<void(agent::LogReply)> done) = 0;
    // Done when the others know and the containers have ended; the daemon then exits.
    virtual void leave(Done<void> done) = 0;
    // The images found in the archive at an absolute path on this host.
    virtual void load_image(std::string_view path, Done<std::vector<std::string>> done) = 0;
};

}  // namespace net
