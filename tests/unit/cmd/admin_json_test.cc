#include "net/admin/admin_json.h"

#include <limits>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "base/text.h"

namespace {

agent::StatusReport status() {
    agent::StatusReport report;
    report.id.bytes = {1, 2, 3};
    report.name = "alpha \"quoted\" \n";
    report.address = {base::IpAddress::v4(0x0a000001), 7700};
    report.settled = true;
    report.nodes_alive = 2;
    report.nodes_known = 3;
    report.services = 4;
    report.replicas_wanted = 5;
    report.replicas_healthy = 6;
    report.profile = "wan with gossip-fanout=5";
    report.subnet = "10.128.3.0/24";
    report.entries = 7;
    report.state_digest = std::numeric_limits<std::uint64_t>::max() - 1;
    report.plan_digest = 8;
    report.conflicts = 9;
    report.packets_in = std::numeric_limits<std::uint64_t>::max();
    report.packets_dropped = 10;
    report.refutations = 11;
    report.files = {{"a.yaml", true, {"web"}, {}}, {"b.yaml", false, {}, {"b.yaml:1:1: no"}}};
    report.problems = {"one", "two"};
    return report;
}

// Equal JSON of all fields stands for equality, which reports do not define.
template <class Body>
Body again(Body const& body) {
    auto decoded = net::from_json<Body>(net::to_json(body));
    REQUIRE(decoded.has_value());
    CHECK(net::to_json(*decoded) == net::to_json(body));
    return *std::move(decoded);
}

}  // namespace

TEST_CASE("A status survives the admin protocol") {
    agent::StatusReport const read = again(status());
    CHECK(read.id == status().id);
    CHECK(read.name == "alpha \"quoted\" \n");
    CHECK(to_string(read.address) == "10.0.0.1:7700");
    CHECK(read.state_digest == std::numeric_limits<std::uint64_t>::max() - 1);
    CHECK(read.packets_in == std::numeric_limits<std::uint64_t>::max());
    CHECK(read.refutations == 11);
    REQUIRE(read.files.size() == 2);
    CHECK(read.files[1].messages == std::vector<std::string>{"b.yaml:1:1: no"});
    CHECK_THAT(net::to_json(status()), Catch::Contains("\"state_digest\":\"fffffffffffffffe\""));
}

TEST_CASE("Every status of hosts and instances has a name") {
    using enum agent::InstanceStatus;
    using Node = agent::NodeStatus;
    for (Node const one : {Node::alive, Node::suspect, Node::unsteady, Node::restarting,
                           Node::leaving, Node::down, Node::left, Node::evicted}) {
        agent::NodeReport node;
        node.status = one;
        node.since = base::seconds(90);
        node.silent = base::seconds(12);
        node.round_trip = std::chrono::microseconds(350);
        node.distance = std::chrono::microseconds(340);
        node.disk_full = true;
        node.labels = {"a=b"};
        agent::NodeReport const read = again(std::vector{node}).front();
        CHECK(read.status == one);
        CHECK(read.since == base::seconds(90));
        CHECK(read.silent == base::seconds(12));
        CHECK(read.round_trip == std::chrono::microseconds(350));
        CHECK(read.distance == std::chrono::microseconds(340));
        CHECK(read.disk_full);
        CHECK(read.labels == node.labels);
    }
    for (agent::InstanceStatus const one :
         {pending, waiting, starting, running, healthy, draining, stopping, backoff, failed}) {
        agent::InstanceReport instance;
        instance.status = one;
        CHECK(again(std::vector{instance}).front().status == one);
    }
}

TEST_CASE("What may be absent is null") {
    agent::InstanceReport instance;
    CHECK_THAT(net::to_json(std::vector{instance}), Catch::Contains("\"exit_code\":null"));
    CHECK_FALSE(again(std::vector{instance}).front().exit_code.has_value());
    instance.exit_code = -1;
    CHECK(again(std::vector{instance}).front().exit_code == -1);
    agent::ServiceReport service;
    CHECK_FALSE(again(std::vector{service}).front().vip.has_value());
    service.vip = *base::parse_ip("fd00::1");
    CHECK(again(std::vector{service}).front().vip == service.vip);
}

TEST_CASE("Specs and log bytes travel unchanged") {
    spec::ServiceSpec web;
    web.project = "shop";
    web.name = "web";
    web.image = "web:1";
    web.environment = {{"BYTES", "\xff\x01"}};
    web.replicas = 3;
    net::ApplyRequest const request = again(net::ApplyRequest{{web, web}, {}});
    CHECK(request.services == std::vector{web, web});

    std::string const bytes("\0\xff\xfe text\n", 9);
    runtime::LogPart const part = again(runtime::LogPart{5, bytes, 14});
    CHECK(part.from == 5);
    CHECK(part.text == bytes);
    CHECK(part.end == 14);
    CHECK(again(runtime::LogPart{}).text.empty());
}

TEST_CASE("How a change is to be acknowledged travels with it, and may be missing") {
    for (char const* const text : {"usual", "local", "all", "3"}) {
        agent::AckTerms terms{.timeout = base::seconds(7)};
        REQUIRE(agent::read_hosts(text, terms));
        CHECK(again(net::RemoveRequest{"web", terms}).terms == terms);
    }
    CHECK(net::from_json<net::RemoveRequest>(R"({"service":"a"})")->terms == agent::AckTerms());
    CHECK_FALSE(net::from_json<net::RemoveRequest>(R"({"service":"a","ack":"0"})").has_value());
    CHECK_FALSE(net::from_json<net::RemoveRequest>(R"({"service":"a","ack":2})").has_value());
}

TEST_CASE("A conflict survives the admin protocol") {
    agent::ConflictReport const conflict =
        again(std::vector{agent::ConflictReport{"01", "scale/a/b", "3 replicas", "one (1)",
                                                "5 replicas", "two (2)", true}})
            .front();
    CHECK(conflict.lost_by == "two (2)");
    CHECK(conflict.current);
    CHECK(again(net::ConflictRequest{"01", agent::Settling::dismiss, {}}).how ==
          agent::Settling::dismiss);
}

TEST_CASE("Small bodies survive the admin protocol") {
    CHECK(again(net::RemoveRequest{"shop/web", {}}).service == "shop/web");
    CHECK(again(net::ScaleRequest{"web", 10'000, {}}).replicas == 10'000);
    CHECK(again(net::TokenRequest{3600, 7}).uses == 7);
    CHECK(again(net::LoadRequest{"/a"}).path == "/a");
    CHECK(again(net::TokenReply{"T"}).token == "T");
    CHECK(again(net::ErrorReply{"no"}).error == "no");
    CHECK(again(net::InfoReport{"0.1", "runc", 42}).pid == 42);
    net::ChangeReport const change = again(net::ChangeReport{{"a/b"}, {"one", "two"}, 3});
    CHECK(change.changed == std::vector<std::string>{"a/b"});
    CHECK(change.hosts.size() == 2);
    CHECK_FALSE(change.enough());
    CHECK(again(std::vector<net::ImageReport>{{"a", "b", 1}}).front().bytes == 1);
    CHECK(net::to_json(net::EmptyReply{}) == "{}");
}

TEST_CASE("Text that is not UTF-8 becomes text that is") {
    auto const sent = [](std::string text) {
        return again(net::ErrorReply{std::move(text)}).error;
    };
    CHECK(sent("h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x90\xa6") ==
          "h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x90\xa6");
    CHECK(sent("\xff") == "?");
    CHECK(sent("a\xc3") == "a?");
    CHECK(sent("\xc0\xaf") == "??");            // overlong
    CHECK(sent("\xed\xa0\x80") == "???");       // a surrogate
    CHECK(sent("\xf4\x90\x80\x80") == "????");  // beyond U+10FFFF
}

TEST_CASE("What is not a body is refused") {
    for (std::string const& text : {
             std::string(),
             std::string("{"),
             std::string("[]"),
             std::string("null"),
             std::string(R"({"service":1,"replicas":1})"),
             std::string(R"({"service":"a"})"),
             std::string(R"({"service":"a","replicas":-1})"),
             std::string(R"({"service":"a","replicas":4294967296})"),
             std::string(R"({"service":"a","replicas":1.5})"),
             std::string(100'000, '['),
         }) {
        INFO(text.substr(0, 50));
        CHECK_FALSE(net::from_json<net::ScaleRequest>(text).has_value());
    }
    CHECK(
        net::from_json<net::ScaleRequest>(R"({"service":"a","replicas":1,"new":[]})").has_value());
    CHECK_FALSE(net::from_json<net::ApplyRequest>(R"({"specs":["!!"]})").has_value());
    CHECK_FALSE(net::from_json<net::ApplyRequest>(R"({"specs":["AAAA"]})").has_value());
}

TEST_CASE("A damaged report is read or refused, never more") {
    std::string const good = net::to_json(status());
    base::Prng random(1);
    std::size_t refused = 0;
    for (int round = 0; round < 2'000; ++round) {
        std::string text = good;
        for (int edit = 0; edit < 3; ++edit) {
            text[random.below(text.size())] = static_cast<char>(random.below(256));
        }
        refused += net::from_json<agent::StatusReport>(text).has_value() ? 0 : 1;
    }
    CHECK(refused > 0);
}
