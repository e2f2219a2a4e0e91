#include "cmd/log_view.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "base/text.h"

namespace {

// Logs in memory, as an agent tells them: at most 64 KiB a part, ids and slots as given.
struct FakeLogs {
    std::vector<agent::InstanceReport> instances;
    std::map<std::string, std::string> logs;
    std::uint64_t dropped = 0;  // bytes that rotation took from the front

    void add(std::string const& service, std::uint32_t slot, std::string const& id) {
        agent::InstanceReport report;
        report.service = service;
        report.slot = slot;
        report.id = id;
        instances.push_back(report);
    }

    cmd::LogSource source() {
        return {[this](std::string_view service) { return find(service); },
                [this](std::string_view target, std::uint64_t from, bool from_end) {
                    return read(std::string(target), from, from_end);
                }};
    }

private:
    net::Answer<std::vector<agent::InstanceReport>> find(std::string_view service) const {
        std::vector<agent::InstanceReport> found;
        std::ranges::copy_if(instances, std::back_inserter(found),
                             [&](auto const& one) { return one.service == service; });
        if (found.empty()) {
            return std::unexpected(net::AdminError{net::AdminErrc::refused, "no such service"});
        }
        return found;
    }

    net::Answer<runtime::LogPart> read(std::string const& id, std::uint64_t from,
                                       bool from_end) const {
        auto const log = logs.find(id);
        if (log == logs.end()) {
            return std::unexpected(net::AdminError{net::AdminErrc::refused, "its host is away"});
        }
        std::uint64_t const end = log->second.size();
        std::uint64_t start = from_end ? end - std::min(from, end) : std::min(from, end);
        start = std::max(start, std::min(dropped, end));
        return runtime::LogPart{start, log->second.substr(start, 65536), end};
    }
};

std::string poll(cmd::LogView& view) {
    auto const text = view.poll();
    REQUIRE(text.has_value());
    return *text;
}

}  // namespace

TEST_CASE("The log of one container is shown as it is, and then what is new") {
    FakeLogs fake;
    fake.add("web", 1, "p.web.1.x.1");
    fake.logs["p.web.1.x.1"] = "one\ntwo\nthr";
    cmd::LogView view(fake.source(), "web", std::nullopt);
    CHECK(poll(view) == "one\ntwo\n");
    CHECK(view.rest() == "thr\n");
    fake.logs["p.web.1.x.1"] += "ee\n";
    CHECK(poll(view) == "three\n");
    CHECK(poll(view).empty());
    CHECK(view.rest().empty());
}

TEST_CASE("Lines of several containers begin with their instance") {
    FakeLogs fake;
    fake.add("p/web", 1, "a.1");
    fake.add("p/web", 2, "b.1");
    fake.add("p/web", 3, "");  // pending
    fake.logs = {{"a.1", "x\ny\n"}, {"b.1", "z\n"}};
    cmd::LogView view(fake.source(), "p/web", std::nullopt);
    CHECK(poll(view) == "p/web/1 | x\np/web/1 | y\np/web/2 | z\n");
}

TEST_CASE("A target is a service, a slot or a container") {
    FakeLogs fake;
    fake.add("web", 1, "a.1");
    fake.add("web", 2, "b.1");
    fake.add("p/2048", 1, "c.1");
    fake.logs = {{"a.1", "a\n"}, {"b.1", "b\n"}, {"c.1", "c\n"}};
    auto const shown = [&](std::string const& target) {
        cmd::LogView view(fake.source(), target, std::nullopt);
        return poll(view);
    };
    CHECK(shown("web/2") == "b\n");
    CHECK(shown("p/2048") == "c\n");
    CHECK(shown("a.1") == "a\n");

    cmd::LogView unknown(fake.source(), "db", std::nullopt);
    CHECK(unknown.poll().error().message == "no such service");
    cmd::LogView no_slot(fake.source(), "web/9", std::nullopt);
    CHECK(no_slot.poll().error().message == "no container of web/9 has run yet");
}

TEST_CASE("The last lines are shown however long the log is") {
    FakeLogs fake;
    fake.add("web", 1, "a.1");
    std::string log;
    for (int line = 0; line < 40'000; ++line) {
        log += base::concat("line ", line, "\n");
    }
    fake.logs["a.1"] = log;
    auto const tail = [&](std::uint32_t count) {
        cmd::LogView view(fake.source(), "web", count);
        return poll(view);
    };
    CHECK(tail(0).empty());
    CHECK(tail(2) == "line 39998\nline 39999\n");
    std::string const many = tail(20'000);  // more than one part
    CHECK(std::ranges::count(many, '\n') == 20'000);
    CHECK(many.starts_with("line 20000\n"));
    CHECK(tail(1'000'000) == log);
    fake.dropped = log.size() - 22;
    CHECK(tail(1'000'000) == "line 39998\nline 39999\n");
    fake.dropped = 0;
    fake.logs["a.1"] = "a\nb\nunfinished";
    cmd::LogView view(fake.source(), "web", 2);
    CHECK(poll(view) == "b\n");
    CHECK(view.rest() == "unfinished\n");
}

TEST_CASE("A replaced container is shown from its beginning, an unreachable one later") {
    FakeLogs fake;
    fake.add("web", 1, "a.1");
    fake.logs["a.1"] = "old\n";
    cmd::LogView view(fake.source(), "web", 0);
    CHECK(poll(view).empty());
    fake.instances[0].id = "a.2";
    CHECK(poll(view).empty());  // its host does not answer yet
    fake.logs["a.2"] = "new\n";
    CHECK(poll(view) == "new\n");
    CHECK(poll(view).empty());
}

TEST_CASE("A log that rotation shortened goes on where it can") {
    FakeLogs fake;
    fake.add("web", 1, "a.1");
    fake.logs["a.1"] = "1\n2\n";
    cmd::LogView view(fake.source(), "web", std::nullopt);
    CHECK(poll(view) == "1\n2\n");
    fake.logs["a.1"] += "3\n4\n";
    fake.dropped = 6;
    CHECK(poll(view) == "4\n");
}
