#pragma once

#include <csignal>
#include <map>
#include <optional>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "net/admin/admin_server.h"
#include "net/host.h"
#include "net/identity_keys.h"
#include "net/services_dir.h"
#include "net/store_writer.h"

namespace net {

// The inside of Host. Members are destroyed last to first: the sources of events go before what
// they feed.
class Host::Loop final : public AdminPort {
public:
    Loop(HostConfig given, HostPorts adapters);
    ~Loop() override;

    base::Result<void> open();
    bool run();

    // --- what the admin socket asks (host_admin.cc)
    InfoReport info() override;
    agent::StatusReport status() override;
    std::vector<agent::NodeReport> nodes() override;
    std::vector<agent::ServiceReport> services() override;
    std::vector<spec::ServiceSpec> specs() override;
    std::vector<agent::ChangeReport> preview(std::span<spec::ServiceSpec const> services) override;
    agent::Outcome<std::vector<agent::InstanceReport>> instances(std::string_view service) override;
    std::vector<agent::ConflictReport> conflicts() override;
    std::vector<ImageReport> images() override;
    std::vector<std::string> doctor() override;
    agent::Outcome<std::vector<std::string>> reload() override;
    void apply(std::vector<spec::ServiceSpec> wanted, agent::AckTerms const& terms,
               Done<ChangeReport> done) override;
    void remove(std::string_view service, agent::AckTerms const& terms,
                Done<ChangeReport> done) override;
    void scale(std::string_view service, std::uint32_t replicas, agent::AckTerms const& terms,
               Done<ChangeReport> done) override;
    void evict(std::string_view host, bool undo, agent::AckTerms const& terms,
               Done<ChangeReport> done) override;
    void settle_conflict(std::string_view id, agent::Settling how, agent::AckTerms const& terms,
                         Done<ChangeReport> done) override;
    void create_token(std::uint64_t ttl_seconds, std::uint32_t uses,
                      Done<std::string> done) override;
    void read_log(std::string_view target, std::uint64_t from, bool from_end,
                  std::function<void(agent::LogReply)> done) override;
    void leave(Done<void> done) override;
    void load_image(std::string_view path, Done<std::vector<std::string>> done) override;

private:
    base::Result<void> open_transport();
    JoinDesk::Ports join_ports();
    // Tells the agent something, then does what it says.
    template <class Tell>
    auto tell(Tell&& what);
    void carry_out(agent::Effects& effects);
    // Repeats the last plan now and then: other programs flush tables, links go down and up.
    void repair_network();
    void set_network(agent::NetworkPlan const& plan);
    void read_logs(std::vector<agent::LogRead> const& reads);
    void arm();
    void await_signal();
    // Tells the others that the agent ends and its containers run on, and ends the loop when they
    // have heard it; at once when asked again.
    void stop();
    spec::ComposeFile read_service_file(FileChanged const& changed);
    void on_file(FileEvent const& event);
    void on_runtime(runtime::Event event);

    // --- the configuration (host_reload.cc), with reload()
    // Has every SIGHUP read it again.
    void await_hangup();

    // --- the disk (host_disk.cc)
    void persist(agent::Persist persist);
    void on_written(std::uint64_t sequence, base::Result<void> const& result);
    void arm_disk_timer();
    // Tells the agent whether the disk takes anything.
    void look_at_disk();
    // Does so every few seconds.
    void watch_disk();
    // Makes a user's change, and answers once it is on this disk and on as many others as `terms`
    // ask for, or with why it is not on this one. Nothing is changed while the disk fails.
    using Command =
        std::function<agent::Outcome<agent::Accepted>(agent::Agent& agent, agent::Effects& out)>;
    void change(agent::AckTerms const& terms, Done<ChangeReport> done, Command const& command);
    void await_acks(agent::Accepted accepted, agent::AckTerms const& terms,
                    Done<ChangeReport> done);
    void on_acknowledged(agent::Acknowledged const& acknowledged);
    void finish_leave();

    HostConfig config_;
    HostPorts ports_;
    IdentityKeys keys_{config_.identity};
    boost::asio::io_context io_;
    boost::asio::steady_timer timer_{io_};
    boost::asio::steady_timer disk_timer_{io_};
    boost::asio::steady_timer watch_timer_{io_};
    boost::asio::steady_timer leave_timer_{io_};
    boost::asio::steady_timer stop_timer_{io_};
    boost::asio::steady_timer repair_timer_{io_};
    std::optional<agent::NetworkPlan> network_plan_;
    boost::asio::signal_set signals_{io_};
    boost::asio::signal_set hangup_{io_, SIGHUP};
    std::optional<agent::Agent> agent_;

    // Users who wait for their change to be on the disk, by its number.
    struct Waiting {
        agent::Accepted accepted;
        agent::AckTerms terms;
        Done<ChangeReport> done;
        base::Instant deadline;
    };

    std::multimap<std::uint64_t, Waiting> waiting_;

    // Users whose change is on this disk and shall be on others, by the request.
    struct Acknowledging {
        agent::Accepted accepted;
        Done<ChangeReport> done;
    };

    std::map<std::uint64_t, Acknowledging> acknowledging_;
    std::uint64_t next_ack_request_ = 1;

    std::map<std::uint64_t, std::function<void(agent::LogReply)>> log_requests_;
    std::uint64_t next_log_request_ = 1;
    std::string directory_problem_;
    std::string network_problem_;
    std::string disk_problem_;
    std::vector<Done<void>> leave_waiting_;
    std::optional<std::thread> loader_;
    bool has_left_ = false;
    bool stopping_ = false;

    std::unique_ptr<Transport> transport_;
    std::optional<AdminServer> admin_;
    std::optional<ServicesDir> services_dir_;
    std::optional<StoreWriter> writer_;
};

template <class Tell>
auto Host::Loop::tell(Tell&& what) {
    agent::Effects effects;
    if constexpr (std::is_void_v<decltype(what(*agent_, effects))>) {
        what(*agent_, effects);
        carry_out(effects);
    } else {
        auto result = what(*agent_, effects);
        carry_out(effects);
        return result;
    }
}

}  // namespace net
