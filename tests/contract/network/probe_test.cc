#include "runtime/probe/probe.h"

#include <string>
#include <thread>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/text.h"

namespace {

base::IpAddress const loopback = base::IpAddress::v4(INADDR_LOOPBACK);

// Listens on loopback, and answers the first request with `answer` if it has one.
class OneAnswer {
public:
    explicit OneAnswer(std::string answer = "")
        : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(::bind(socket_.get(), generic, size) == 0);
        REQUIRE(::listen(socket_.get(), 8) == 0);
        REQUIRE(::getsockname(socket_.get(), generic, &size) == 0);
        port = ntohs(address.sin_port);
        if (!answer.empty()) {
            thread_ = std::thread([this, answer = std::move(answer)] {
                base::Descriptor const client(::accept(socket_.get(), nullptr, nullptr));
                char buffer[2048];
                auto const size_read = ::recv(client.get(), buffer, sizeof buffer, 0);
                request.assign(buffer, static_cast<std::size_t>(std::max<ssize_t>(size_read, 0)));
                ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
            });
        }
    }

    ~OneAnswer() {
        ::shutdown(socket_.get(), SHUT_RDWR);
        finish();
    }

    void finish() {
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    std::uint16_t port{};
    std::string request;  // after finish()

private:
    base::Descriptor socket_;
    std::thread thread_;
};

runtime::HealthCheck check(runtime::CheckKind kind, std::uint16_t port, std::string path = "") {
    runtime::HealthCheck out;
    out.kind = kind;
    out.port = port;
    out.path = std::move(path);
    out.timeout = base::seconds(10);
    return out;
}

}  // namespace

TEST_CASE("a tcp probe says whether the port accepts") {
    std::uint16_t port = 0;
    {
        OneAnswer const server;
        port = server.port;
        auto const result = runtime::probe(loopback, check(runtime::CheckKind::tcp, port));
        CHECK(result.healthy);
        CHECK(result.output == base::concat("connect to 127.0.0.1:", port, ": accepted"));
    }
    auto const result = runtime::probe(loopback, check(runtime::CheckKind::tcp, port));
    CHECK_FALSE(result.healthy);
    CHECK(result.output == base::concat("connect to 127.0.0.1:", port, ": Connection refused"));
}

TEST_CASE("an http probe is healthy on 2xx and 3xx only") {
    struct Row {
        char const* answer;
        bool healthy;
        char const* output;
    };

    auto const row = GENERATE(Row{"HTTP/1.1 200 OK\r\n\r\nfine", true, "200 OK"},
                              Row{"HTTP/1.0 204\r\n\r\n", true, "204"},
                              Row{"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", true, "302 Found"},
                              Row{"HTTP/1.1 404 Not Found\r\n\r\n", false, "404 Not Found"},
                              Row{"HTTP/1.1 503 Bad\x01thing\r\n\r\n", false, "503 Bad?thing"},
                              Row{"HTTP/1.1 199 Early\r\n\r\n", false, "199 Early"},
                              Row{"HTTP/1.1 2000 OK\r\n\r\n", false, "the answer is not HTTP"},
                              Row{"SSH-2.0-OpenSSH_9\r\n", false, "the answer is not HTTP"},
                              Row{"HTTP/1.1 200 OK", false, "the answer ends in its first line"});
    OneAnswer server(row.answer);
    auto const result =
        runtime::probe(loopback, check(runtime::CheckKind::http, server.port, "/health?deep=1"));
    server.finish();
    CHECK(result.healthy == row.healthy);
    CHECK(result.output ==
          base::concat("GET http://127.0.0.1:", server.port, "/health?deep=1: ", row.output));
    CHECK_THAT(server.request,
               Catch::StartsWith(base::concat(
                   "GET /health?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:", server.port, "\r\n")));
    CHECK_THAT(server.request, Catch::EndsWith("\r\n\r\n"));
}

TEST_CASE("a probe ends at its timeout") {
    OneAnswer const server;
    auto silent = check(runtime::CheckKind::http, server.port, "/");
    silent.timeout = base::milliseconds(20);
    auto const result = runtime::probe(loopback, silent);
    CHECK_FALSE(result.healthy);
    CHECK_THAT(result.output, Catch::EndsWith(": no answer in time"));
}

TEST_CASE("a probe that makes no sense is unhealthy and says why") {
    CHECK_THAT(runtime::probe(loopback, check(runtime::CheckKind::http, 1, "/a b\r\nX: y")).output,
               Catch::EndsWith("the path has spaces or control characters"));
    CHECK_FALSE(runtime::probe(loopback, check(runtime::CheckKind::exec, 1)).healthy);
    CHECK_FALSE(runtime::probe(loopback, check(runtime::CheckKind::none, 1)).healthy);
}

TEST_CASE("a check is given up at once when its descriptor says so") {
    OneAnswer const silent;
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    base::Descriptor const stop(ends[0]);
    ::close(ends[1]);  // the end of the pipe is readable
    runtime::HealthCheck check;
    check.kind = runtime::CheckKind::http;
    check.port = silent.port;
    check.timeout = base::seconds(600);
    auto const result = runtime::probe(loopback, check, stop.get());
    CHECK_FALSE(result.healthy);
    CHECK_THAT(result.output, Catch::Contains("given up"));
}
