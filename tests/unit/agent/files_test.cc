#include "agent/files.h"

#include <catch2/catch.hpp>

#include "base/hash.h"
#include "tests/unit/agent/support.h"

using namespace agent;

namespace {

std::vector<std::string> names(Files::Change const& change) {
    std::vector<std::string> out;
    for (spec::ServiceSpec const& spec : change.apply) {
        out.push_back(spec.name);
    }
    return out;
}

using Names = std::vector<std::string>;

// In a fleet that has what every file asks for.
std::vector<FileReport> reports(Files const& files) {
    auto const agreed = [](std::string const&) { return std::nullopt; };
    std::vector<FileReport> out = files.reports(agreed);
    for (FileReport& report : out) {
        std::erase_if(report.messages,
                      [](auto& message) { return message.contains("removed from the fleet"); });
    }
    return out;
}

// As after a restart of the agent.
Files reread(Files const& files) {
    Files out;
    out.restore(files.encode());
    return out;
}

}  // namespace

TEST_CASE("an unchanged file changes nothing, also after a restart") {
    Files files;
    CHECK(names(files.update("shop.yaml", {service("web"), service("db")}, {})) ==
          Names{"web", "db"});
    Files::Change const again = files.update("shop.yaml", {service("web"), service("db")}, {});
    CHECK(again.apply.empty());
    CHECK(again.remove.empty());
    Files after = reread(files);
    Files::Change const later = after.update("shop.yaml", {service("web"), service("db")}, {});
    CHECK(later.apply.empty());
    CHECK(later.remove.empty());
}

TEST_CASE("an edit changes what was edited") {
    Files files;
    files.update("shop.yaml", {service("web"), service("db"), service("old")}, {});
    Files::Change const change =
        files.update("shop.yaml", {changed(service("web")), service("db"), service("new")}, {});
    CHECK(names(change) == Names{"web", "new"});
    CHECK(change.remove == Names{"shop/old"});
    // Replicas are no part of the revision, but of what the file asks for.
    CHECK(names(files.update("shop.yaml",
                             {changed(service("web", 5)), service("db"), service("new")}, {})) ==
          Names{"web"});
}

TEST_CASE("a deleted file removes its services, once") {
    Files files;
    files.update("shop.yaml", {service("web"), service("db")}, {});
    CHECK(files.remove("shop.yaml").remove == Names{"shop/db", "shop/web"});
    CHECK(files.remove("shop.yaml").remove.empty());
    CHECK(files.remove("never.yaml").remove.empty());
    CHECK(reports(files).empty());
}

TEST_CASE("a service that two files hold goes with the last of them") {
    Files files;
    files.update("a.yaml", {service("web")}, {});
    files.update("b.yaml", {service("web"), service("db")}, {});
    CHECK(files.update("a.yaml", {}, {}).remove.empty());
    files.update("a.yaml", {service("web")}, {});
    CHECK(files.remove("b.yaml").remove == Names{"shop/db"});
    CHECK(files.remove("a.yaml").remove == Names{"shop/web"});
}

TEST_CASE("a file that cannot be used keeps what it asked for, and says why") {
    Files files;
    files.update("shop.yaml", {service("web")}, {});
    files.reject("shop.yaml", {"shop.yaml:1:1: no"});
    REQUIRE(reports(files).size() == 1);
    CHECK_FALSE(reports(files)[0].usable);
    CHECK(reports(files)[0].services == Names{"shop/web"});
    CHECK(reports(files)[0].messages == Names{"shop.yaml:1:1: no"});
    CHECK(files.update("shop.yaml", {service("web")}, {}).apply.empty());
    CHECK(reports(files)[0].usable);
    CHECK(reports(files)[0].messages.empty());
}

TEST_CASE("a file deleted while the agent was away is noticed") {
    Files files;
    files.update("a.yaml", {service("web")}, {});
    files.update("b.yaml", {service("db")}, {});
    files.update("c.yaml", {service("mq")}, {});
    CHECK(files.unseen().empty());
    Files after = reread(files);
    CHECK(after.unseen() == Names{"a.yaml", "b.yaml", "c.yaml"});
    after.update("a.yaml", {service("web")}, {});
    after.reject("c.yaml", {"broken"});
    CHECK(after.unseen() == Names{"b.yaml"});
    CHECK(after.remove("b.yaml").remove == Names{"shop/db"});
    CHECK(after.unseen().empty());
}

TEST_CASE("a damaged memory restores nothing") {
    Files files;
    files.update("a.yaml", {service("web")}, {});
    base::Bytes const whole = files.encode();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        Files after;
        after.restore(base::ByteView(whole).first(size));
        INFO(size << " of " << whole.size() << " bytes");
        CHECK(after.unseen().empty());
        CHECK(names(after.update("a.yaml", {service("web")}, {})) == Names{"web"});
    }
}

TEST_CASE("a file says which of its services the fleet has otherwise, or not at all") {
    Files files;
    files.update("shop.yaml", {service("db"), service("gone"), service("web")}, {"a warning"});
    auto const hash = [](spec::ServiceSpec const& spec) {
        return base::stable_hash(spec::encode(spec));
    };
    std::map<std::string, std::uint64_t> const fleet{{"shop/db", hash(service("db"))},
                                                     {"shop/web", hash(service("web", 7))}};
    auto const in_fleet = [&](std::string const& key) -> std::optional<std::uint64_t> {
        auto const found = fleet.find(key);
        return found == fleet.end() ? std::nullopt : std::optional(found->second);
    };
    REQUIRE(files.reports(in_fleet).size() == 1);
    CHECK(files.reports(in_fleet)[0].messages ==
          Names{"a warning",
                "shop/gone: removed from the fleet elsewhere; edit the file to bring it back",
                "shop/web: the fleet runs another version, written elsewhere later; the last edit "
                "counts"});
}

TEST_CASE("only news goes to the disk") {
    Files files;
    CHECK_FALSE(files.take_changed());
    files.update("shop.yaml", {service("web")}, {});
    CHECK(files.take_changed());
    files.update("shop.yaml", {service("web")}, {"a warning"});
    CHECK_FALSE(files.take_changed());
    files.update("shop.yaml", {service("web", 2)}, {});
    CHECK(files.take_changed());
    files.refuse("shop.yaml", "no");
    CHECK(files.take_changed());
    files.remove("shop.yaml");
    CHECK(files.take_changed());
}
