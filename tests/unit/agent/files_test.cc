#include "agent/files.h"

#include <catch2/catch.hpp>

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
    CHECK(files.reports().empty());
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
    REQUIRE(files.reports().size() == 1);
    CHECK_FALSE(files.reports()[0].usable);
    CHECK(files.reports()[0].services == Names{"shop/web"});
    CHECK(files.reports()[0].messages == Names{"shop.yaml:1:1: no"});
    CHECK(files.update("shop.yaml", {service("web")}, {}).apply.empty());
    CHECK(files.reports()[0].usable);
    CHECK(files.reports()[0].messages.empty());
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
