#include <cstring>
#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "net/admin/admin_client.h"
#include "net/admin/admin_server.h"

namespace {

struct TemporaryDirectory {
    TemporaryDirectory() {
        path = (std::filesystem::temp_directory_path() / "covey-admin.XXXXXX").string();
        REQUIRE(::mkdtemp(path.data()) != nullptr);
    }

    ~TemporaryDirectory() { std::filesystem::remove_all(path); }

    std::string path;
};

// Answers from memory; what a real daemon answers later is answered later here too.
class FakePort final : public net::AdminPort {
public:
    explicit FakePort(boost::asio::io_context& io) : io_(io) {}

    net::InfoReport info() override { return {"0.1.0", "runc", 42}; }

    agent::StatusReport status() override {
        agent::StatusReport report;
        report.name = "alpha";
        return report;
    }

    std::vector<agent::NodeReport> nodes() override { return std::vector<agent::NodeReport>(3); }

    std::vector<agent::ServiceReport> services() override {
        return std::vector<agent::ServiceReport>(2'000);
    }

    std::vector<spec::ServiceSpec> specs() override {
        spec::ServiceSpec spec;
        spec.project = "shop";
        spec.name = "web";
        spec.image = "nginx";
        return {spec};
    }

    std::vector<agent::ChangeReport> preview(std::span<spec::ServiceSpec const> services) override {
        agent::ChangeReport change;
        change.kind = agent::ChangeKind::move;
        change.service = service_key(services.front());
        change.slot = 2;
        change.node = "beta";
        change.from = "alpha";
        return {change};
    }

    agent::Outcome<std::vector<agent::InstanceReport>> instances(
        std::string_view service) override {
        if (service == "none") {
            return std::unexpected(agent::Refusal{"there is no service \"none\""});
        }
        agent::InstanceReport one;
        one.service = service.empty() ? "all" : service;
        return std::vector{one};
    }

    std::vector<net::ImageReport> images() override { return {{"web:1", "sha256:0", 9}}; }

    std::vector<std::string> doctor() override { return {"runtime runc"}; }

    agent::Outcome<std::vector<std::string>> reload() override {
        return std::vector<std::string>{"probe-interval: 200ms -> 1s"};
    }

    void apply(std::vector<spec::ServiceSpec> services, agent::AckTerms const&,
               net::Done<net::ChangeReport> done) override {
        net::ChangeReport change{.changed = {}, .hosts = {"alpha"}, .wanted = 2};
        for (spec::ServiceSpec const& service : services) {
            change.changed.push_back(service_key(service));
        }
        boost::asio::post(io_, [done, change] { done(change); });
    }

    void remove(std::string_view service, agent::AckTerms const&,
                net::Done<net::ChangeReport> done) override {
        done(std::unexpected(agent::Refusal{base::concat("no ", service)}));
    }

    void scale(std::string_view service, std::uint32_t, agent::AckTerms const& terms,
               net::Done<net::ChangeReport> done) override {
        done(net::ChangeReport{{std::string(service), agent::hosts_text(terms)}, {}, 0});
    }

    void evict(std::string_view host, bool undo, agent::AckTerms const&,
               net::Done<net::ChangeReport> done) override {
        done(net::ChangeReport{{base::concat(host, undo ? " back" : " out")}, {}, 0});
    }

    void settle_conflict(std::string_view id, agent::Settling how, agent::AckTerms const&,
                         net::Done<net::ChangeReport> done) override {
        done(net::ChangeReport{
            {base::concat(id, how == agent::Settling::restore ? " restored" : " dismissed")},
            {},
            0});
    }

    std::vector<agent::ConflictReport> conflicts() override {
        return {{"0123", "service/shop/web", "", "", "", "", true}};
    }

    void create_token(std::uint64_t ttl_seconds, std::uint32_t uses,
                      net::Done<std::string> done) override {
        done(base::concat("T", ttl_seconds, "-", uses));
    }

    void read_log(std::string_view target, std::uint64_t from, bool from_end,
                  std::function<void(agent::LogReply)> done) override {
        agent::LogReply reply;
        if (target == "shop/web/1") {
            reply.part = runtime::LogPart{from, from_end ? "tail" : "head", 100};
        } else {
            reply.problem = "its host is away";
        }
        boost::asio::post(io_, [done, reply] { done(reply); });
    }

    void leave(net::Done<void> done) override { leaving = std::move(done); }

    void load_image(std::string_view path, net::Done<std::vector<std::string>> done) override {
        done(std::vector<std::string>{std::string(path)});
    }

    net::Done<void> leaving;

private:
    boost::asio::io_context& io_;
};

// A served port: the server's loop on a thread of its own, since the client blocks.
class Served {
public:
    explicit Served(std::string const& path)
        : port(io_), server_(net::AdminServer::listen(io_, path, port)) {
        REQUIRE(server_.has_value());
        thread_ = std::thread([this] { io_.run(); });
    }

    ~Served() {
        run([this] { server_ = base::fail("closed"); });
        work_.reset();
        thread_.join();
    }

    // On the server's thread, and waits for it.
    void run(std::function<void()> call) {
        std::promise<void> done;
        boost::asio::post(io_, [&] {
            call();
            done.set_value();
        });
        done.get_future().wait();
    }

    // Polls on the server's thread until it holds.
    void wait_until(std::function<bool()> holds) {
        for (bool held = false; !held;) {
            run([&] { held = holds(); });
            std::this_thread::yield();
        }
    }

    net::AdminServer& server() { return *server_; }

private:
    boost::asio::io_context io_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_ =
        boost::asio::make_work_guard(io_);

public:
    FakePort port;

private:
    base::Result<net::AdminServer> server_;
    std::thread thread_;
};

// A connection that speaks bytes.
class RawConnection {
public:
    explicit RawConnection(std::string const& path)
        : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }

    RawConnection(RawConnection&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}

    ~RawConnection() { ::close(socket_); }

    void send(std::string_view text) const {
        REQUIRE(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(text.size()));
    }

    // Until the other side closes.
    std::string receive() const {
        std::string out;
        char buffer[4096];
        for (ssize_t size; (size = ::recv(socket_, buffer, sizeof buffer, 0)) > 0;) {
            out.append(buffer, static_cast<std::size_t>(size));
        }
        return out;
    }

private:
    int socket_;
};

}  // namespace

TEST_CASE("The client gets what the port answers, at once or later") {
    TemporaryDirectory const directory;
    std::string const path = directory.path + "/run/agent.sock";
    Served const served(path);
    net::AdminClient const client(path);

    CHECK(client.info()->pid == 42);
    CHECK(client.status()->name == "alpha");
    CHECK(client.nodes()->size() == 3);
    CHECK(client.services()->size() == 2'000);
    CHECK(client.specs()->front().image == "nginx");
    agent::ChangeReport const change = client.preview(*client.specs())->front();
    CHECK(change.kind == agent::ChangeKind::move);
    CHECK(change.service == "shop/web");
    CHECK(change.from == "alpha");
    CHECK(client.instances("")->front().service == "all");
    CHECK(client.instances("shop/web")->front().service == "shop/web");
    CHECK(client.images()->front().bytes == 9);
    CHECK(client.doctor()->front() == "runtime runc");
    agent::AckTerms const three{.hosts = agent::AckTerms::Hosts::count, .count = 3};
    CHECK(client.scale("web", 7, three)->changed == std::vector<std::string>{"web", "3"});
    CHECK(client.evict("edge-7", false, {})->changed == std::vector<std::string>{"edge-7 out"});
    CHECK(client.reload() == std::vector<std::string>{"probe-interval: 200ms -> 1s"});
    CHECK(client.evict("edge-7", true, {})->changed == std::vector<std::string>{"edge-7 back"});
    CHECK(client.conflicts()->front().key == "service/shop/web");
    CHECK(client.settle_conflict("0123", agent::Settling::restore, {})->changed ==
          std::vector<std::string>{"0123 restored"});
    CHECK(*client.create_token(60, 2) == "T60-2");
    CHECK(client.load_image("/a b.tar")->front() == "/a b.tar");
    CHECK(client.read_log("shop/web/1", 12, false)->from == 12);
    CHECK(client.read_log("shop/web/1", 12, true)->text == "tail");
    spec::ServiceSpec web;
    web.project = "shop";
    web.name = "web";
    web.image = "web:1";
    CHECK(client.apply({web}, {})->changed == std::vector<std::string>{"shop/web"});
}

TEST_CASE("A refusal reaches the client as the port said it") {
    TemporaryDirectory const directory;
    std::string const path = directory.path + "/s";
    Served const served(path);
    net::AdminClient const client(path);
    auto const none = client.instances("none");
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().code == net::AdminErrc::refused);
    CHECK(none.error().message == "there is no service \"none\"");
    CHECK(client.remove("x", {}).error().message == "no x");
    CHECK(client.read_log("db", 0, false).error().message == "its host is away");
    CHECK(client.instances("a b").error().message ==
          "\"a b\" is not a service: expected [PROJECT/]SERVICE");
}

TEST_CASE("A request that is too large or not understood is answered so") {
    TemporaryDirectory const directory;
    std::string const path = directory.path + "/s";
    Served const served(path);
    auto const ask = [&](std::string_view request) {
        RawConnection const connection(path);
        connection.send(request);
        return connection.receive();
    };
    CHECK_THAT(ask("GET /v2/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
               Catch::StartsWith("HTTP/1.1 404") && Catch::Contains("no such path: GET /v2/x"));
    CHECK_THAT(ask("PUT /v1/info HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
               Catch::StartsWith("HTTP/1.1 400"));
    CHECK_THAT(ask("POST /v1/scale HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                   "Content-Length: 2\r\n\r\n{}"),
               Catch::StartsWith("HTTP/1.1 400"));
    CHECK_THAT(ask("GET /v1/logs/web?since=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
               Catch::StartsWith("HTTP/1.1 400"));
    CHECK_THAT(ask("POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n"),
               Catch::StartsWith("HTTP/1.1 413"));
    CHECK(ask("\x01\x02 garbage\r\n\r\n").empty());
    // Two requests on one connection.
    CHECK_THAT(ask("GET /v1/info HTTP/1.1\r\nHost: a\r\n\r\n"
                   "GET /v1/doctor HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
               Catch::Contains("\"pid\":42") && Catch::Contains("runtime runc"));
}

TEST_CASE("Connections beyond the bound are answered 503") {
    TemporaryDirectory const directory;
    std::string const path = directory.path + "/s";
    Served served(path);
    std::vector<RawConnection> open;
    for (std::size_t i = 0; i < net::admin_connections_max; ++i) {
        open.emplace_back(path);
    }
    CHECK_THAT(RawConnection(path).receive(), Catch::StartsWith("HTTP/1.1 503"));
    auto const busy = net::AdminClient(path).info();
    REQUIRE_FALSE(busy.has_value());
    CHECK_THAT(busy.error().message, Catch::Contains("too many connections"));
    open.clear();
    net::Answer<net::InfoReport> info = net::AdminClient(path).info();
    while (!info) {  // the server learns of each close by and by
        info = net::AdminClient(path).info();
    }
    CHECK(info->pid == 42);
}

TEST_CASE("A server that finishes answers what is under way and takes no more") {
    TemporaryDirectory const directory;
    std::string const path = directory.path + "/s";
    Served served(path);
    RawConnection const idle(path);
    net::Answer<void> left;
    std::thread leaver([&] { left = net::AdminClient(path).leave(); });
    served.wait_until([&] { return served.port.leaving != nullptr; });

    std::promise<void> finished;
    std::future<void> const finish = finished.get_future();
    served.run([&] { served.server().finish([&] { finished.set_value(); }); });
    CHECK(idle.receive().empty());
    auto const late = net::AdminClient(path).info();
    CHECK(late.error().code == net::AdminErrc::unreachable);
    CHECK(finish.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
    served.run([&] { std::exchange(served.port.leaving, nullptr)({}); });
    leaver.join();
    CHECK(left.has_value());
    finish.wait();
}

TEST_CASE("An answer that comes after the server is gone harms nothing") {
    TemporaryDirectory const directory;
    std::string const path = directory.path + "/s";
    boost::asio::io_context io;
    FakePort port(io);
    std::optional<net::AdminServer> server = *net::AdminServer::listen(io, path, port);
    std::thread client([&] { CHECK_FALSE(net::AdminClient(path).leave().has_value()); });
    while (!port.leaving) {
        io.run_one();
    }
    server.reset();
    std::exchange(port.leaving, nullptr)({});
    io.run();
    client.join();
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("The socket is for its owner and group, replaces a dead one, never a living one") {
    TemporaryDirectory const directory;
    std::string const path = directory.path + "/s";
    net::AdminClient const client(path);
    CHECK_THAT(client.info().error().message,
               Catch::Contains("is missing): start it with `agent run`"));
    {
        Served const first(path);
        struct stat found{};
        REQUIRE(::stat(path.c_str(), &found) == 0);
        CHECK((found.st_mode & 0777) == 0660);
        boost::asio::io_context io;
        FakePort port(io);
        auto const second = net::AdminServer::listen(io, path, port);
        REQUIRE_FALSE(second.has_value());
        CHECK_THAT(second.error().message, Catch::StartsWith("another agent answers on "));
        CHECK(client.info().has_value());
    }
    CHECK_FALSE(std::filesystem::exists(path));

    // A socket file that nobody listens on, as a killed agent leaves it.
    int const dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ::close(dead);
    auto const refused = client.info();
    CHECK(refused.error().code == net::AdminErrc::unreachable);
    CHECK_THAT(refused.error().message, Catch::Contains("is left over"));
    Served const again(path);
    CHECK(client.info().has_value());
}

TEST_CASE("A path that is too long for a socket is said to be") {
    std::string const path = "/tmp/" + std::string(200, 'x');
    boost::asio::io_context io;
    FakePort port(io);
    CHECK_THAT(net::AdminServer::listen(io, path, port).error().message,
               Catch::Contains("give a shorter one"));
    CHECK_THAT(net::AdminClient(path).info().error().message, Catch::Contains("too long"));
}
