#include "net/admin/admin_server.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <list>
#include <optional>
#include <string_view>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "net/admin/admin_routes.h"

namespace net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

using Protocol = asio::local::stream_protocol;
using Stream = beast::basic_stream<Protocol>;
using HttpRequest = http::request<http::string_body>;
using HttpResponse = http::response<http::string_body>;

constexpr mode_t socket_mode = 0660;
constexpr std::string_view socket_group = "covey";
constexpr base::Duration accept_retry = base::milliseconds(200);

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

// Read by hand: getgrnam() of a static program would need the shared libraries of its glibc.
std::optional<gid_t> group_id(std::string_view group) {
    std::ifstream file("/etc/group");
    for (std::string line; std::getline(file, line);) {
        auto const parts = base::split(line, ':');
        if (parts.size() >= 3 && parts[0] == group) {
            return base::parse_integer<gid_t>(parts[2]);
        }
    }
    return std::nullopt;
}

bool answers(Protocol::endpoint const& endpoint) {
    asio::io_context io;
    Protocol::socket socket(io);
    boost::system::error_code error;
    socket.connect(endpoint, error);
    return !error;
}

base::Result<Protocol::acceptor> bind_socket(asio::io_context& io, std::string const& path) {
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
        return base::fail(base::concat("admin socket ", path, ": the path is longer than ",
                                       sizeof(sockaddr_un::sun_path) - 1,
                                       " bytes; give a shorter one with --socket"));
    }
    std::error_code made;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), made);
    Protocol::endpoint const endpoint(path);
    if (answers(endpoint)) {
        return base::fail(base::concat("another agent answers on ", path,
                                       ": stop it, or give this one another --run-dir"));
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return base::fail_errno(errno, base::concat("remove the old admin socket ", path));
    }
    Protocol::acceptor acceptor(io);
    boost::system::error_code error;
    acceptor.open(endpoint.protocol(), error);
    // The file takes the mode of its socket: it is never open to more than it will be.
    if (!error && ::fchmod(acceptor.native_handle(), socket_mode) == 0) {
        acceptor.bind(endpoint, error);
    }
    if (!error) {
        acceptor.listen(static_cast<int>(admin_connections_max), error);
    }
    if (error) {
        return base::fail(base::concat("admin socket ", path, ": ", error.message()));
    }
    std::optional<gid_t> const group = group_id(socket_group);
    if (group && ::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) {
        return base::fail_errno(errno, base::concat("give ", path, " to group ", socket_group));
    }
    if (::chmod(path.c_str(), socket_mode) != 0) {
        return base::fail_errno(errno, base::concat("set the mode of ", path));
    }
    return acceptor;
}

AdminRequest admin_request(HttpRequest&& request) {
    AdminVerb const verb = request.method() == http::verb::get    ? AdminVerb::get
                           : request.method() == http::verb::post ? AdminVerb::post
                                                                  : AdminVerb::other;
    std::string_view const target(request.target().data(), request.target().size());
    return {verb, std::string(target), std::move(request.body())};
}

HttpResponse http_response(AdminReply reply, unsigned version, bool keep_alive) {
    HttpResponse response(http::int_to_status(reply.status), version);
    response.set(http::field::content_type, "application/json");
    response.keep_alive(keep_alive);
    response.body() = std::move(reply.body);
    response.body() += '\n';
    response.prepare_payload();
    return response;
}

// The reply as an awaitable. It is posted even when the port answers at once: a coroutine must not
// be resumed while it suspends.
asio::awaitable<AdminReply> answered(AdminPort& port, AdminRequest request) {
    asio::any_io_executor const executor = co_await asio::this_coro::executor;
    auto initiate = [&port, &request, executor](auto handler) {
        auto const waiting = std::make_shared<std::optional<decltype(handler)>>(std::move(handler));
        answer_admin(port, request, [waiting, executor](AdminReply reply) {
            CHECK(waiting->has_value());
            asio::post(executor, [resume = *std::exchange(*waiting, std::nullopt),
                                  reply = std::move(reply)]() mutable {
                std::move(resume)(std::move(reply));
            });
        });
    };
    co_return co_await asio::async_initiate<asio::use_awaitable_t<> const, void(AdminReply)>(
        initiate, asio::use_awaitable);
}

}  // namespace

class AdminServer::Listener {
public:
    Listener(Protocol::acceptor acceptor, std::string path, AdminPort& port)
        : acceptor_(std::move(acceptor)), path_(std::move(path)), port_(port) {}

    // Takes itself by value: the coroutine keeps the listener alive.
    static asio::awaitable<void> accept(std::shared_ptr<Listener> self) {
        while (self->acceptor_.is_open()) {
            auto [error, socket] = co_await self->acceptor_.async_accept(as_result);
            if (error && self->acceptor_.is_open()) {
                base::log(base::LogLevel::warning, "admin",
                          base::concat("accept: ", error.message()));
                asio::steady_timer pause(self->acceptor_.get_executor(), accept_retry);
                co_await pause.async_wait(as_result);
            } else if (!error) {
                self->admit(self, std::move(socket));
            }
        }
    }

    void stop() {
        close_acceptor();
        for (Connection& connection : connections_) {
            connection.stream.close();
        }
        finished_ = nullptr;
    }

    void finish(std::function<void()> finished) {
        close_acceptor();
        finished_ = std::move(finished);
        for (Connection& connection : connections_) {
            if (!connection.busy) {
                connection.stream.close();
            }
        }
        finish_if_empty();
    }

private:
    struct Connection {
        Stream stream;
        bool busy = false;  // a request is under way
    };

    using Place = std::list<Connection>::iterator;

    // Gives the place back when the coroutine ends, however it ends.
    struct Occupation {
        std::shared_ptr<Listener> listener;
        Place place;

        Occupation(std::shared_ptr<Listener> in, Place at) : listener(std::move(in)), place(at) {}

        Occupation(Occupation const&) = delete;
        Occupation& operator=(Occupation const&) = delete;

        ~Occupation() {
            listener->connections_.erase(place);
            listener->finish_if_empty();
        }
    };

    void admit(std::shared_ptr<Listener> const& self, Protocol::socket socket) {
        if (connections_.size() >= admin_connections_max) {
            static constexpr std::string_view body =
                R"({"error":"the admin socket has too many connections: try again shortly"})";
            std::string const full = base::concat(
                "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: ",
                body.size(), "\r\n\r\n", body);
            boost::system::error_code ignored;
            socket.non_blocking(true, ignored);
            socket.write_some(asio::buffer(full), ignored);
            return;
        }
        Place const place = connections_.emplace(connections_.end(), Stream(std::move(socket)));
        asio::co_spawn(acceptor_.get_executor(), serve(self, place), asio::detached);
    }

    static asio::awaitable<void> serve(std::shared_ptr<Listener> self, Place place) {
        Occupation const occupation(std::move(self), place);
        AdminPort& port = occupation.listener->port_;
        Stream& stream = place->stream;
        beast::flat_buffer buffer;
        bool keep_alive = true;
        while (keep_alive && occupation.listener->acceptor_.is_open()) {
            http::request_parser<http::string_body> parser;
            parser.body_limit(admin_body_max);
            stream.expires_after(admin_idle_max);
            auto const [read_error, read_size] =
                co_await http::async_read(stream, buffer, parser, as_result);
            AdminReply reply;
            unsigned version = 11;
            if (read_error == http::error::body_limit) {
                keep_alive = false;
                reply = {413, R"({"error":"the request is larger than 4 MiB"})"};
            } else if (read_error) {
                co_return;
            } else {
                keep_alive = parser.keep_alive();
                version = parser.get().version();
                place->busy = true;
                stream.expires_never();
                AdminRequest request = admin_request(parser.release());
                reply = co_await answered(port, std::move(request));
            }
            HttpResponse const response = http_response(std::move(reply), version, keep_alive);
            stream.expires_after(admin_idle_max);
            auto const [write_error, written] =
                co_await http::async_write(stream, response, as_result);
            place->busy = false;
            if (write_error) {
                co_return;
            }
        }
    }

    void close_acceptor() {
        if (acceptor_.is_open()) {
            boost::system::error_code ignored;
            acceptor_.close(ignored);
            ::unlink(path_.c_str());
        }
    }

    void finish_if_empty() {
        if (connections_.empty() && finished_) {
            asio::post(acceptor_.get_executor(), std::exchange(finished_, nullptr));
        }
    }

    Protocol::acceptor acceptor_;
    std::string path_;
    AdminPort& port_;
    std::list<Connection> connections_;
    std::function<void()> finished_;
};

base::Result<AdminServer> AdminServer::listen(asio::io_context& io, std::string const& path,
                                              AdminPort& port) {
    auto listener = std::make_shared<Listener>(TRY(bind_socket(io, path)), path, port);
    asio::co_spawn(io, Listener::accept(listener), asio::detached);
    return AdminServer(std::move(listener));
}

AdminServer::AdminServer(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) {}

AdminServer::AdminServer(AdminServer&&) noexcept = default;

AdminServer::~AdminServer() {
    if (listener_) {
        listener_->stop();
    }
}

void AdminServer::finish(std::function<void()> finished) {
    listener_->finish(std::move(finished));
}

}  // namespace net
