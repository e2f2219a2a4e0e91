#include "tests/fleet/test_fleet.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "base/text.h"

using fleet::Fleet;
using fleet::Host;
using fleet::wait_until;

bool can_make_fleets() {
    std::string const reason = fleet::reason_to_skip(COVEY_AGENT);
    if (!reason.empty()) {
        WARN("skipped: " << reason);
    }
    return reason.empty();
}

TestFleet TestFleet::founded(std::size_t hosts) {
    TestFleet made = bare(hosts);
    made->found();
    REQUIRE(made.agrees_on(hosts));
    return made;
}

TestFleet TestFleet::bare(std::size_t hosts) {
    TestFleet made;
    made.fleet_ = std::make_unique<Fleet>(Fleet::Options{.agent = COVEY_AGENT, .hosts = hosts});
    return made;
}

TestFleet::~TestFleet() {
    if (fleet_) {
        std::string const run = fleet_->run();
        fleet_.reset();
        CHECK(fleet::leftovers(run) == std::vector<std::string>{});
    }
}

std::vector<Host*> TestFleet::answering() {
    std::vector<Host*> found;
    for (std::size_t index = 0; index < fleet_->size(); ++index) {
        if (fleet_->host(index).client().info()) {
            found.push_back(&fleet_->host(index));
        }
    }
    return found;
}

bool TestFleet::becomes_whole(std::string_view service, std::uint32_t replicas) {
    bool const whole = wait_until(patience, [&] { return is_whole(service, replicas); });
    if (!whole) {
        for (Host* const host : answering()) {
            auto const output = host->agent({"ps", "-o", "wide"});
            UNSCOPED_INFO(host->name() << "\n" << output.out << output.err);
        }
    }
    return whole;
}

bool TestFleet::is_whole(std::string_view service, std::uint32_t replicas) {
    auto const hosts = answering();
    std::string const container_prefix = [&] {
        std::string prefix(service);
        std::ranges::replace(prefix, '/', '.');
        return prefix + ".";
    }();
    std::size_t containers = 0;
    for (Host* const host : hosts) {
        auto const own = host->containers();
        containers += static_cast<std::size_t>(std::ranges::count_if(
            own, [&](std::string const& id) { return id.starts_with(container_prefix); }));
        auto const instances = host->instances(service);
        if (host->service(service).replicas != replicas || instances.size() != replicas ||
            std::ranges::any_of(instances, [&](agent::InstanceReport const& instance) {
                return instance.status != agent::InstanceStatus::healthy || instance.old_revision ||
                       std::ranges::find(hosts, instance.node, &Host::name) == hosts.end();
            })) {
            return false;
        }
    }
    return containers == replicas;
}

bool TestFleet::agrees_on(std::size_t hosts_alive) {
    std::string seen;
    bool const agreed = wait_until(patience, [&] {
        std::set<std::string> digests;
        bool all_alive = true;
        for (Host* const host : answering()) {
            auto const status = host->client().status();
            if (!status) {
                return false;
            }
            all_alive = all_alive && status->nodes_alive == hosts_alive && status->settled;
            digests.insert(base::concat(status->state_digest, " ", status->plan_digest));
        }
        seen.clear();
        for (std::string const& digest : digests) {
            seen += digest + "; ";
        }
        return all_alive && digests.size() == 1;
    });
    if (!agreed) {
        UNSCOPED_INFO("digests of state and plan: " << seen);
        for (Host* const host : answering()) {
            UNSCOPED_INFO(host->name() << "\n" << host->agent({"nodes"}).out);
        }
    }
    return agreed;
}

std::set<std::string> TestFleet::ids(std::string_view service) {
    std::set<std::string> found;
    for (agent::InstanceReport const& one : fleet_->host(0).instances(service)) {
        found.insert(one.id);
    }
    return found;
}

agent::InstanceReport TestFleet::instance(std::string_view service, std::uint32_t slot) {
    for (agent::InstanceReport& one : fleet_->host(0).instances(service)) {
        if (one.slot == slot) {
            return std::move(one);
        }
    }
    return {};
}

Host& TestFleet::host_of(agent::InstanceReport const& instance) {
    for (std::size_t index = 0; index < fleet_->size(); ++index) {
        if (fleet_->host(index).name() == instance.node) {
            return fleet_->host(index);
        }
    }
    throw fleet::Failure(base::concat("nobody runs ", instance.service, "/", instance.slot));
}

base::SocketAddress TestFleet::vip(std::string_view service) {
    auto const address = fleet_->host(0).service(service).vip;
    REQUIRE(address);
    return {*address, 80};
}

bool sees(Host const& host, std::string_view other, agent::NodeStatus status) {
    auto const nodes = host.nodes();
    return std::ranges::any_of(nodes, [&](agent::NodeReport const& node) {
        return node.name == other && node.status == status;
    });
}

std::string web_file(std::uint32_t replicas, std::string_view salute) {
    return base::concat(R"(name: shop
services:
  web:
    image: busybox
    command:
      - sh
      - -c
      - echo "$$(hostname) $$SALUTE" > /var/www/index.html; exec httpd -f -p 80 -h /var/www
    environment: {SALUTE: )",
                        salute, R"(}
    ports: ["8080:80"]
    healthcheck:
      x-covey: {http: 80/}
      interval: 1s
      start_period: 5s
      start_interval: 100ms
    stop_grace_period: 500ms
    deploy:
      replicas: )",
                        replicas, "\n");
}

std::string job_file(std::string_view project, std::string_view script, std::string_view more) {
    return base::concat("name: ", project, R"(
services:
  job:
    image: busybox
    stop_grace_period: 500ms
    command: ["sh", "-c", ")",
                        script, "\"]\n", more);
}

std::set<std::string> answering_names(base::Descriptor const& netns,
                                      base::SocketAddress const& server, std::size_t requests) {
    std::set<std::string> names;
    for (std::size_t count = 0; count < requests; ++count) {
        auto const answer = fleet::http_get(netns, server);
        names.insert(answer.ok() ? answer.body.substr(0, answer.body.find(' '))
                                 : base::concat("status ", answer.status, " ", answer.problem));
    }
    return names;
}
