#include "runtime/oci/user.h"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "runtime/oci/container_dir.h"

namespace {

struct Root {
    std::string path;

    Root() {
        char name[] = "/tmp/covey-user-test.XXXXXX";
        REQUIRE(mkdtemp(name) != nullptr);
        path = name;
        std::filesystem::create_directory(path + "/etc");
        std::ofstream(path + "/etc/passwd") << "root:x:0:0:root:/root:/bin/sh\n"
                                            << "broken line\nweb:x:100:200::/:/bin/sh\n";
        std::ofstream(path + "/etc/group")
            << "web:x:200:web\naudio:x:29:root,web\nstaff:x:50:other,web\n";
    }

    ~Root() { std::filesystem::remove_all(path); }

    Root(Root const&) = delete;
    Root& operator=(Root const&) = delete;
};

}  // namespace

TEST_CASE("a user is found by name or number, with its groups") {
    Root const root;
    for (char const* const text : {"web", "100"}) {
        auto const user = runtime::resolve_user(root.path, text);
        REQUIRE(user);
        CHECK((user->uid == 100 && user->gid == 200));
        CHECK(user->groups == std::vector<gid_t>{29, 50});
    }
    auto const nobody_said = runtime::resolve_user(root.path, "");
    CHECK((nobody_said->uid == 0 && nobody_said->gid == 0));
    auto const number = runtime::resolve_user(root.path, "1234:5678");
    CHECK((number->uid == 1234 && number->gid == 5678 && number->groups.empty()));
    auto const group = runtime::resolve_user(root.path, "web:staff");
    CHECK((group->uid == 100 && group->gid == 50 && group->groups.empty()));
    CHECK_FALSE(runtime::resolve_user(root.path, "missing"));
    CHECK_FALSE(runtime::resolve_user(root.path, "web:missing"));
}

TEST_CASE("the files of users are read inside the root") {
    Root const root;
    std::filesystem::remove(root.path + "/etc/passwd");
    std::filesystem::create_symlink("/etc/passwd", root.path + "/etc/passwd");
    CHECK_FALSE(runtime::resolve_user(root.path, "daemon"));
    CHECK(runtime::resolve_user(root.path, "7")->uid == 7);
}

TEST_CASE("signals have names and numbers") {
    CHECK(*runtime::parse_signal("") == 15);
    CHECK(*runtime::parse_signal("SIGQUIT") == 3);
    CHECK(*runtime::parse_signal("INT") == 2);
    CHECK(*runtime::parse_signal("9") == 9);
    CHECK_FALSE(runtime::parse_signal("SIGNONE"));
    CHECK_FALSE(runtime::parse_signal("0"));
    CHECK_FALSE(runtime::parse_signal("99"));
}
