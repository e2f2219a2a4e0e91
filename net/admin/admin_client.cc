#include "net/admin/admin_client.h"

#include <chrono>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <sys/un.h>

#include "base/text.h"
#include "net/admin/admin_json.h"

namespace net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

using Protocol = asio::local::stream_protocol;
using Stream = beast::basic_stream<Protocol>;
using boost::system::error_code;

constexpr std::size_t answer_max = 64 * 1024 * 1024;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

struct Reply {
    error_code error;
    unsigned status{};
    std::string body;
};

struct Request {
    http::verb verb{};
    std::string target;
    std::string body{};
    base::Duration timeout = AdminClient::usual_timeout;
};

std::unexpected<AdminError> unreachable(std::string message) {
    return std::unexpected(AdminError{AdminErrc::unreachable, std::move(message)});
}

std::unexpected<AdminError> refused(std::string message) {
    return std::unexpected(AdminError{AdminErrc::refused, std::move(message)});
}

std::unexpected<AdminError> connect_error(error_code error, std::string const& path) {
    if (error == boost::system::errc::no_such_file_or_directory) {
        return unreachable(base::concat("no agent runs here (", path,
                                        " is missing): start it with `agent run` or `agent join`"));
    }
    if (error == boost::system::errc::connection_refused) {
        return unreachable(base::concat("no agent runs here (", path,
                                        " is left over from one that ended): start it with "
                                        "`agent run`"));
    }
    if (error == boost::system::errc::permission_denied) {
        return unreachable(
            base::concat(path, ": permission denied: run as root or join the group covey"));
    }
    return unreachable(base::concat("connect to ", path, ": ", error.message()));
}

asio::awaitable<void> exchange(Stream& stream, Request const& request, Reply& reply) {
    http::request<http::string_body> message(request.verb, request.target, 11);
    message.set(http::field::host, "agent");
    message.keep_alive(false);
    if (request.verb == http::verb::post) {
        message.set(http::field::content_type, "application/json");
        message.body() = request.body;
    }
    message.prepare_payload();
    stream.expires_after(request.timeout);
    auto const [write_error, written] = co_await http::async_write(stream, message, as_result);
    // An agent that refuses a large request answers before it has read all of it.
    if (write_error && write_error != boost::system::errc::broken_pipe) {
        reply.error = write_error;
        co_return;
    }
    http::response_parser<http::string_body> parser;
    parser.body_limit(answer_max);
    beast::flat_buffer buffer;
    auto const [read_error, read_size] =
        co_await http::async_read(stream, buffer, parser, as_result);
    reply.error = read_error;
    if (!read_error) {
        reply.status = parser.get().result_int();
        reply.body = std::move(parser.get().body());
    }
}

Answer<std::string> ask(std::string const& path, Request const& request) {
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
        return unreachable(base::concat(path, ": the path is too long for a socket"));
    }
    asio::io_context io;
    Stream stream(io);
    error_code error;
    stream.socket().connect(Protocol::endpoint(path), error);
    if (error) {
        return connect_error(error, path);
    }
    Reply reply;
    asio::co_spawn(io, exchange(stream, request, reply), asio::detached);
    io.run();
    if (reply.error == beast::error::timeout) {
        return unreachable(
            base::concat("the agent did not answer on ", path, " within ",
                         std::chrono::duration_cast<base::seconds>(request.timeout).count(),
                         " s: it may be stopped or overloaded; see its log"));
    }
    if (reply.error) {
        return unreachable(
            base::concat("the agent broke off on ", path, ": ", reply.error.message()));
    }
    if (reply.status == 200) {
        return std::move(reply.body);
    }
    base::Result<ErrorReply> problem = from_json<ErrorReply>(reply.body);
    return refused(problem ? std::move(problem->error)
                           : base::concat("the agent answered with HTTP status ", reply.status));
}

template <class Body>
Answer<Body> decoded(Answer<std::string> const& answer) {
    if (!answer) {
        return std::unexpected(answer.error());
    }
    base::Result<Body> body = from_json<Body>(*answer);
    if (!body) {
        return refused(
            "the agent's answer is not understood: it runs another version than this "
            "command; see `agent version`");
    }
    return *std::move(body);
}

template <class Body>
Answer<Body> get(std::string const& path, std::string target) {
    return decoded<Body>(ask(path, {.verb = http::verb::get, .target = std::move(target)}));
}

template <class Body, class Sent>
Answer<Body> post(std::string const& path, std::string target, Sent const& sent,
                  base::Duration timeout = AdminClient::usual_timeout) {
    return decoded<Body>(ask(path, {.verb = http::verb::post,
                                    .target = std::move(target),
                                    .body = to_json(sent),
                                    .timeout = timeout}));
}

template <class Sent>
Answer<ChangeReport> change(std::string const& path, std::string target, Sent const& sent) {
    return post<ChangeReport>(path, std::move(target), sent,
                              AdminClient::usual_timeout + sent.terms.timeout);
}

// What a person typed as a name, where it can stand in a request line.
bool fits_target(std::string_view text) {
    constexpr std::size_t size_max = 512;
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        "0123456789._-/";
    return text.size() <= size_max && text.find_first_not_of(allowed) == std::string_view::npos;
}

std::unexpected<AdminError> not_a_name(std::string_view text) {
    return refused(base::concat("\"", text, "\" is not a service: expected [PROJECT/]SERVICE"));
}

}  // namespace

Answer<InfoReport> AdminClient::info() const {
    return get<InfoReport>(path_, "/v1/info");
}

Answer<agent::StatusReport> AdminClient::status() const {
    return get<agent::StatusReport>(path_, "/v1/status");
}

Answer<std::vector<agent::NodeReport>> AdminClient::nodes() const {
    return get<std::vector<agent::NodeReport>>(path_, "/v1/nodes");
}

Answer<std::vector<agent::ServiceReport>> AdminClient::services() const {
    return get<std::vector<agent::ServiceReport>>(path_, "/v1/services");
}

Answer<std::vector<spec::ServiceSpec>> AdminClient::specs() const {
    return get<std::vector<spec::ServiceSpec>>(path_, "/v1/specs");
}

Answer<std::vector<agent::ChangeReport>> AdminClient::preview(
    std::vector<spec::ServiceSpec> services) const {
    return post<std::vector<agent::ChangeReport>>(path_, "/v1/preview",
                                                  ApplyRequest{std::move(services), {}});
}

Answer<std::vector<agent::InstanceReport>> AdminClient::instances(std::string_view service) const {
    if (!fits_target(service)) {
        return not_a_name(service);
    }
    return get<std::vector<agent::InstanceReport>>(
        path_, service.empty() ? "/v1/instances" : base::concat("/v1/instances/", service));
}

Answer<std::vector<ImageReport>> AdminClient::images() const {
    return get<std::vector<ImageReport>>(path_, "/v1/images");
}

Answer<std::vector<std::string>> AdminClient::doctor() const {
    return get<std::vector<std::string>>(path_, "/v1/doctor");
}

Answer<std::vector<agent::ConflictReport>> AdminClient::conflicts() const {
    return get<std::vector<agent::ConflictReport>>(path_, "/v1/conflicts");
}

Answer<ChangeReport> AdminClient::apply(std::vector<spec::ServiceSpec> services,
                                        agent::AckTerms const& terms) const {
    return change(path_, "/v1/apply", ApplyRequest{std::move(services), terms});
}

Answer<ChangeReport> AdminClient::remove(std::string service, agent::AckTerms const& terms) const {
    return change(path_, "/v1/remove", RemoveRequest{std::move(service), terms});
}

Answer<ChangeReport> AdminClient::scale(std::string service, std::uint32_t replicas,
                                        agent::AckTerms const& terms) const {
    return change(path_, "/v1/scale", ScaleRequest{std::move(service), replicas, terms});
}

Answer<ChangeReport> AdminClient::evict(std::string host, bool undo,
                                        agent::AckTerms const& terms) const {
    return change(path_, "/v1/evict", EvictRequest{std::move(host), undo, terms});
}

Answer<ChangeReport> AdminClient::settle_conflict(std::string id, agent::Settling how,
                                                  agent::AckTerms const& terms) const {
    return change(path_, "/v1/conflicts", ConflictRequest{std::move(id), how, terms});
}

Answer<std::string> AdminClient::create_token(std::uint64_t ttl_seconds, std::uint32_t uses) const {
    Answer<TokenReply> reply =
        post<TokenReply>(path_, "/v1/tokens", TokenRequest{ttl_seconds, uses});
    if (!reply) {
        return std::unexpected(std::move(reply).error());
    }
    return std::move(reply->token);
}

Answer<runtime::LogPart> AdminClient::read_log(std::string_view target, std::uint64_t from,
                                               bool from_end) const {
    if (!fits_target(target)) {
        return not_a_name(target);
    }
    return get<runtime::LogPart>(
        path_, base::concat("/v1/logs/", target, from_end ? "?tail=" : "?from=", from));
}

Answer<std::vector<std::string>> AdminClient::reload() const {
    return post<std::vector<std::string>>(path_, "/v1/reload", EmptyReply{});
}

Answer<void> AdminClient::leave() const {
    Answer<EmptyReply> const reply =
        post<EmptyReply>(path_, "/v1/leave", EmptyReply{}, long_timeout);
    return reply ? Answer<void>() : std::unexpected(reply.error());
}

Answer<std::vector<std::string>> AdminClient::load_image(std::string path) const {
    return post<std::vector<std::string>>(path_, "/v1/images/load", LoadRequest{std::move(path)},
                                          long_timeout);
}

}  // namespace net
