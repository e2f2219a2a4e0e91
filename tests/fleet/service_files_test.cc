#include <algorithm>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/fleet/test_fleet.h"

using fleet::wait_until;

namespace {

bool has_service(fleet::Host const& host, std::string_view service) {
    return !host.service(service).service.empty();
}

bool is_gone(TestFleet& fleet, std::string_view service) {
    return wait_until(patience, [&] {
        return std::ranges::none_of(fleet.answering(), [&](fleet::Host* host) {
            return has_service(*host, service) || !host->containers().empty();
        });
    });
}

agent::FileReport file_report(fleet::Host const& host, std::string_view name) {
    auto const status = host.client().status();
    REQUIRE(status);
    for (agent::FileReport const& file : status->files) {
        if (file.name == name) {
            return file;
        }
    }
    return {};
}

}  // namespace

TEST_CASE("a file dropped on one host runs its service across the fleet until it is deleted") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded();
    fleet[1].put_file("shop.yaml", web_file(3));
    REQUIRE(fleet.becomes_whole("shop/web", 3));
    std::set<std::string> hosts;
    std::set<std::uint32_t> slots;
    for (agent::InstanceReport const& instance : fleet[2].instances("shop/web")) {
        hosts.insert(instance.node);
        slots.insert(instance.slot);
    }
    CHECK(slots == std::set<std::uint32_t>{1, 2, 3});
    CHECK(hosts.size() > 1);
    CHECK(fleet.agrees_on(3));

    fleet[1].remove_file("shop.yaml");
    CHECK(is_gone(fleet, "shop/web"));
}

TEST_CASE("scaling from any host adds and takes away, and leaves the others alone") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded();
    fleet[0].put_file("shop.yaml", web_file(3));
    REQUIRE(fleet.becomes_whole("shop/web", 3));
    auto const before = fleet.ids("shop/web");

    auto const scaled = fleet[2].agent({"scale", "shop/web=5"});
    CHECK(scaled.exit_code == 0);
    CHECK(scaled.out == "shop/web scaled to 5\n");
    REQUIRE(fleet.becomes_whole("shop/web", 5));
    auto const more = fleet.ids("shop/web");
    CHECK(std::ranges::includes(more, before));

    CHECK(fleet[1].agent({"scale", "web=1"}).exit_code == 0);
    REQUIRE(fleet.becomes_whole("shop/web", 1));
    CHECK(std::ranges::includes(before, fleet.ids("shop/web")));
    CHECK(fleet[1].agent({"scale", "shop/nothing=1"}).exit_code == 1);
}

TEST_CASE("an edited file replaces every container, and no request fails meanwhile") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded();
    fleet[0].put_file("shop.yaml", web_file(3, "first"));
    REQUIRE(fleet.becomes_whole("shop/web", 3));
    auto const before = fleet.ids("shop/web");
    auto const vip = fleet.vip("shop/web");
    CHECK(fleet::http_get(fleet[1].netns(), vip).body.ends_with("first\n"));

    fleet::RequestLoop requests(fleet[2].netns(), vip);
    fleet[0].put_file("shop.yaml", web_file(3, "second"));
    REQUIRE(wait_until(patience, [&] {
        auto const now = fleet.ids("shop/web");
        return std::ranges::none_of(now, [&](auto const& id) { return before.contains(id); });
    }));
    REQUIRE(fleet.becomes_whole("shop/web", 3));
    auto const done = requests.stop();
    std::set<std::string> problems;
    for (fleet::Request const& request : done) {
        if (!request.answer.ok()) {
            problems.insert(base::concat(request.answer.status, " ", request.answer.problem));
        }
    }
    CHECK(problems == std::set<std::string>{});
    CHECK(fleet.vip("shop/web") == vip);
    CHECK(fleet::http_get(fleet[1].netns(), vip).body.ends_with("second\n"));
}

TEST_CASE("files that nobody finished are not acted on") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(1);
    for (char const* const name : {".shop.yaml.swp", "shop.yaml~", "#shop.yaml#", ".shop.yaml",
                                   "shop.yaml.tmp", "shop.yaml.part", "4913"}) {
        fleet[0].put_file(name, job_file("shop", "sleep 1000"));
    }
    std::string const text = web_file(1);
    std::ofstream slow(base::concat(fleet[0].services_dir(), "/shop.yaml"));
    slow << text.substr(0, text.find("    ports")) << std::flush;

    fleet[0].put_file("other.yaml", "services: {other: {image: busybox, command: sleep 1000}}");
    REQUIRE(fleet.becomes_whole("other/other", 1));
    CHECK_FALSE(has_service(fleet[0], "shop/web"));
    CHECK_FALSE(has_service(fleet[0], "shop/job"));
    auto const status = fleet[0].client().status();
    REQUIRE(status);
    CHECK(status->files.size() == 1);

    slow << text.substr(text.find("    ports")) << std::flush;
    slow.close();
    CHECK(fleet.becomes_whole("shop/web", 1));
}

TEST_CASE("a file with a mistake keeps the old version running and says where the mistake is") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(2);
    fleet[0].put_file("shop.yaml", web_file(2));
    REQUIRE(fleet.becomes_whole("shop/web", 2));
    auto const before = fleet.ids("shop/web");

    std::string broken = web_file(2);
    broken.replace(broken.find("replicas: 2"), 11, "replicas: two");
    fleet[0].put_file("shop.yaml", broken);
    REQUIRE(wait_until(patience, [&] { return !file_report(fleet[0], "shop.yaml").usable; }));
    auto const status = fleet[0].agent({"status"});
    CHECK_THAT(status.out, Catch::Contains("shop.yaml:18:17: "));
    CHECK_THAT(status.out, Catch::Contains("found \"two\""));

    fleet[0].put_file("shop.yaml", "services: [");
    REQUIRE(wait_until(patience, [&] {
        auto const messages = file_report(fleet[0], "shop.yaml").messages;
        return messages.size() == 1 && messages[0].contains("not valid YAML");
    }));
    CHECK(fleet.becomes_whole("shop/web", 2));
    CHECK(fleet.ids("shop/web") == before);

    fleet[0].put_file("shop.yaml", web_file(1));
    CHECK(fleet.becomes_whole("shop/web", 1));
    CHECK(file_report(fleet[0], "shop.yaml").usable);
}

TEST_CASE("apply and rm do the same without a file") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(2);
    std::string const path = base::concat(fleet[1].directory(), "/given.yaml");
    std::ofstream(path) << web_file(2);
    auto const applied = fleet[1].agent({"apply", "-f", path});
    CHECK(applied.exit_code == 0);
    CHECK(applied.out == "shop/web applied\n");
    CHECK(fleet.becomes_whole("shop/web", 2));
    CHECK(fleet[1].agent({"apply", "-f", path}).out == "nothing to change\n");
    CHECK(fleet[0].agent({"rm", "shop/web"}).out == "shop/web removed\n");
    CHECK(is_gone(fleet, "shop/web"));
}

TEST_CASE("variables and parts: what a file was made from is noticed when it changes") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(1);
    fleet[0].put_file(".env", "REPLICAS=1\n");
    std::string const parts = base::concat(fleet[0].services_dir(), "/parts");
    std::filesystem::create_directory(parts);
    std::ofstream(parts + "/base.yaml") << job_file("ignored", "sleep 1000");
    fleet[0].put_file("shop.yaml",
                      "services:\n"
                      "  job:\n"
                      "    extends: {file: parts/base.yaml, service: job}\n"
                      "    deploy: {replicas: $REPLICAS}\n");
    REQUIRE(fleet.becomes_whole("shop/job", 1));
    CHECK_FALSE(has_service(fleet[0], "ignored/job"));
    fleet[0].put_file(".env", "REPLICAS=2\n");
    REQUIRE(fleet.becomes_whole("shop/job", 2));
    auto const before = fleet.ids("shop/job");
    std::ofstream(parts + "/base.yaml") << job_file("ignored", "sleep 2000");
    CHECK(wait_until(patience, [&] {
        auto const now = fleet.ids("shop/job");
        return now.size() == 2 &&
               std::ranges::none_of(now, [&](auto const& id) { return before.contains(id); });
    }));
}

TEST_CASE("two hosts with files for one service: the later edit counts, and both are told") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(2);
    auto const told = [&](fleet::Host const& host, std::string_view word) {
        return wait_until(patience, [&] {
            return std::ranges::any_of(file_report(host, "shop.yaml").messages,
                                       [&](auto& message) { return message.contains(word); });
        });
    };
    fleet[0].put_file("shop.yaml", job_file("shop", "sleep 1000"));
    REQUIRE(fleet.becomes_whole("shop/job", 1));
    fleet[1].put_file("shop.yaml", job_file("shop", "sleep 2000"));
    CHECK(told(fleet[0], "shop/job: the fleet runs another version"));
    CHECK(file_report(fleet[1], "shop.yaml").messages.empty());

    fleet[0].put_file("shop.yaml", job_file("shop", "sleep 3000"));
    CHECK(told(fleet[1], "shop/job: the fleet runs another version"));
    CHECK(file_report(fleet[0], "shop.yaml").messages.empty());

    fleet[1].remove_file("shop.yaml");
    CHECK(is_gone(fleet, "shop/job"));
    CHECK(told(fleet[0], "shop/job: removed from the fleet elsewhere"));
}

TEST_CASE(
    "a file that is renamed, edited or deleted while the agent is down is taken as it is then") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(2);
    fleet[0].put_file("shop.yaml", job_file("shop", "sleep 1000"));
    fleet[0].put_file("other.yaml", "services: {job: {image: busybox, command: sleep 1000}}");
    REQUIRE(fleet.becomes_whole("shop/job", 1));
    REQUIRE(fleet.becomes_whole("other/job", 1));
    auto const before = fleet.ids("shop/job");
    std::string const directory = fleet[0].services_dir();
    std::filesystem::rename(directory + "/shop.yaml", directory + "/renamed.yaml");
    REQUIRE(wait_until(patience, [&] { return file_report(fleet[0], "renamed.yaml").usable; }));
    CHECK(fleet.becomes_whole("shop/job", 1));
    CHECK(fleet.ids("shop/job") == before);

    fleet[0].stop_agent();
    fleet[0].remove_file("other.yaml");
    std::filesystem::rename(directory + "/renamed.yaml", directory + "/again.yaml");
    fleet[0].start_agent();
    REQUIRE(wait_until(patience, [&] { return file_report(fleet[0], "again.yaml").usable; }));
    CHECK(wait_until(patience, [&] { return !has_service(fleet[1], "other/job"); }));
    CHECK(fleet.becomes_whole("shop/job", 1));
    CHECK(fleet.ids("shop/job") == before);
}
