#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "net/state_dir.h"

namespace {

struct Run {
    int code{};
    std::string output;  // both streams
};

// Runs the built program with a socket path on which no agent answers.
Run run(std::string const& arguments) {
    std::string const command = base::concat("COVEY_SOCKET=/nonexistent/agent.sock ", COVEY_AGENT,
                                             " ", arguments, " </dev/null 2>&1");
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    Run result;
    char buffer[4096];
    for (std::size_t size; (size = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
        result.output.append(buffer, size);
    }
    int const status = ::pclose(pipe);
    REQUIRE(WIFEXITED(status));
    result.code = WEXITSTATUS(status);
    return result;
}

}  // namespace

TEST_CASE("The program exits with the documented codes") {
    CHECK(run("--help").code == 0);
    CHECK(run("version").code == 0);
    CHECK(run("").code == 2);
    CHECK(run("stauts").code == 2);
    CHECK(run("run --port x").code == 2);
    for (char const* command :
         {"status", "nodes", "services -o json", "ps", "ps shop/web", "rm web", "scale web=1",
          "logs web", "evict web1", "token create", "leave", "image ls"}) {
        INFO(command);
        Run const result = run(command);
        CHECK(result.code == 3);
        CHECK(result.output ==
              "agent: no agent runs here (/nonexistent/agent.sock is missing): start it with "
              "`agent run` or `agent join`\n");
    }
    CHECK(run("apply -f /nonexistent.yaml").code == 1);
    CHECK(run("image load /nonexistent.tar").code == 1);
}

TEST_CASE("A service file with an error is refused before the agent is asked") {
    std::string directory =
        (std::filesystem::temp_directory_path() / "covey-apply.XXXXXX").string();
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    std::string const good = directory + "/good.yaml";
    std::string const bad = directory + "/bad.yaml";
    std::ofstream(good) << "services:\n  web:\n    image: web:1\n";
    std::ofstream(bad) << "services:\n  web:\n    image: [1]\n";

    Run const refused = run(base::concat("apply -f ", good, " -f ", bad));
    CHECK(refused.code == 1);
    CHECK_THAT(refused.output,
               Catch::Contains("bad.yaml:3:12: ") && Catch::Contains("nothing was applied"));
    CHECK(run(base::concat("apply -f ", good)).code == 3);
    std::filesystem::remove_all(directory);
}

TEST_CASE("Variables come from the environment, --env-file or .env") {
    std::string directory = (std::filesystem::temp_directory_path() / "covey-vars.XXXXXX").string();
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    std::string const apply = base::concat("apply -f ", directory, "/shop.yaml");
    std::ofstream(directory + "/shop.yaml")
        << "services: {web: {image: \"web:${COVEY_TEST_TAG:?no tag}\"}}\n";
    std::ofstream(directory + "/other.env") << "COVEY_TEST_TAG=1\n";
    Run const missing = run(apply);
    CHECK(missing.code == 1);
    CHECK_THAT(missing.output, Catch::Contains("the variable COVEY_TEST_TAG must be set: no tag"));
    CHECK(run(base::concat(apply, " --env-file ", directory, "/other.env")).code == 3);
    CHECK(run(base::concat(apply, " --env-file ", directory, "/none.env")).code == 1);
    ::setenv("COVEY_TEST_TAG", "1", 1);
    CHECK(run(apply).code == 3);
    ::unsetenv("COVEY_TEST_TAG");
    std::filesystem::rename(directory + "/other.env", directory + "/.env");
    CHECK(run(apply).code == 3);
    std::filesystem::remove_all(directory);
}

TEST_CASE("A host is put into one fleet only") {
    std::string directory = (std::filesystem::temp_directory_path() / "covey-init.XXXXXX").string();
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    std::string const state = base::concat(" --state-dir ", directory, "/state");
    if (::geteuid() != 0) {
        CHECK(run("init --no-start" + state).output == "agent: run as root: `sudo agent init`\n");
        return;
    }
    Run const first = run("init --no-start" + state);
    CHECK(first.code == 0);
    CHECK_THAT(first.output, Catch::Contains("Start the agent with `agent run`."));
    Run const second = run("init --no-start" + state);
    CHECK(second.code == 1);
    CHECK_THAT(second.output, Catch::StartsWith("agent: this host belongs to a fleet already"));
    Run const join = run("join 127.0.0.1:1 --token nonsense" + state);
    CHECK(join.code == 1);
    CHECK_THAT(join.output, Catch::StartsWith("agent: not a join token"));
    std::filesystem::remove_all(directory);
}

TEST_CASE("The doctor works without an agent") {
    Run const doctor = run("doctor");
    CHECK((doctor.code == 0 || doctor.code == 1));
    for (char const* subject : {"rights", "kernel", "namespaces", "overlayfs", "cgroups", "runtime",
                                "no agent runs here"}) {
        CHECK_THAT(doctor.output, Catch::Contains(subject));
    }
}

TEST_CASE("The state on disk is checked, exported, restored and repaired without an agent") {
    std::string directory =
        (std::filesystem::temp_directory_path() / "covey-state.XXXXXX").string();
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    std::string const first = directory + "/first";
    std::string const second = directory + "/second";
    std::string const lines = directory + "/lines";
    auto const state = [&](std::string const& what, std::string const& where) {
        return run(base::concat("state ", what, " --state-dir ", where));
    };
    CHECK_THAT(state("check", first).output, Catch::Contains("there is no state directory"));
    CHECK(state("check", first).code == 1);
    std::filesystem::create_directories(second);
    CHECK(state("check", second).code == 1);
    std::ofstream(lines) << R"({"covey_state":1,"entries":1,"origins":0,"locals":0})"
                            "\n"
                            R"({"key":"vip/10.0.0.1","counter":1,"sequence":4,"value":"eA==",)"
                            R"("writer":"00000000000000000000000000000001",)"
                            R"("reads":"claimed by x"})"
                            "\n";
    Run const restored = state("import " + lines, second);
    CHECK(restored.output ==
          "restored 1 entries (0 of them removed), 0 local values, writes of 0 "
          "hosts\n");
    CHECK(state("import " + lines, second).code == 1);
    CHECK_THAT(state("check", second).output, Catch::Contains("is sound: 1 entries"));
    CHECK(state("export " + directory + "/again", second).code == 0);
    CHECK((std::filesystem::status(directory + "/again").permissions() &
           (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) ==
          std::filesystem::perms::none);
    CHECK_THAT(state("export", second).output, Catch::Contains("\"key\":\"vip/10.0.0.1\""));
    CHECK_THAT(state("repair", second).output, Catch::Contains("nothing to repair"));
    std::filesystem::remove(second + "/state/CURRENT");
    CHECK_THAT(state("check", second).output,
               Catch::Contains("is damaged") && Catch::Contains("agent state repair"));
    Run const repaired = state("repair", second);
    CHECK(repaired.code == 0);
    CHECK_THAT(repaired.output,
               Catch::Contains("kept 1 entries") && Catch::Contains(second + "/state.damaged-1"));
    CHECK(state("check", second).code == 0);
    std::filesystem::remove_all(directory);
}

TEST_CASE("The state of an agent that runs is left alone") {
    std::string directory =
        (std::filesystem::temp_directory_path() / "covey-state.XXXXXX").string();
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    {
        auto const held = net::StateLock::take(directory);
        REQUIRE(held);
        for (char const* const what : {"check", "export", "import /dev/null", "repair"}) {
            INFO(what);
            Run const result = run(base::concat("state ", what, " --state-dir ", directory));
            CHECK(result.code == 1);
        }
        CHECK_THAT(run("state repair --state-dir " + directory).output,
                   Catch::Contains("another agent (pid "));
    }
    std::filesystem::remove_all(directory);
}

TEST_CASE("A member whose state is gone does not begin with an empty one") {
    if (::geteuid() != 0) {
        WARN("skipped: needs root");
        return;
    }
    std::string directory =
        (std::filesystem::temp_directory_path() / "covey-state.XXXXXX").string();
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    std::string const where =
        base::concat(" --state-dir ", directory, "/state --run-dir ", directory, "/run");
    CHECK(run("init --no-start" + where).code == 0);
    CHECK_THAT(run("state check" + where).output, Catch::Contains("is sound: 0 entries"));
    std::filesystem::remove_all(directory + "/state/state");
    Run const started = run("run" + where);
    CHECK(started.code == 1);
    CHECK_THAT(started.output, Catch::Contains("is missing, though this host is a member"));
    CHECK_FALSE(std::filesystem::exists(directory + "/state/state"));
    std::filesystem::remove_all(directory);
}
