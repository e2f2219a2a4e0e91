#include "runtime/system/process.h"

#include <catch2/catch.hpp>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

TEST_CASE("a program's output and end are told") {
    auto const outcome =
        runtime::run_program({"/bin/sh", "-c", "echo hello; exit 3"}, base::seconds(600), 4);
    REQUIRE(outcome);
    CHECK_FALSE(outcome->timed_out);
    CHECK(WEXITSTATUS(outcome->wait_status) == 3);
    CHECK(outcome->output == "hell");
}

TEST_CASE("a program is killed when its time is over, or when it is to stop") {
    auto stop = runtime::make_pipe();
    REQUIRE(stop);
    base::Duration timeout = base::milliseconds(1);
    SECTION("time") {}
    SECTION("stop") {
        stop->write = {};  // the end of the pipe is readable
        timeout = base::seconds(600);
    }
    int told = 0;
    auto const count = [](void* context) { ++*static_cast<int*>(context); };
    auto const outcome =
        runtime::run_program({"/bin/sleep", "600"}, timeout, 10, count, &told, stop->read.get());
    REQUIRE(outcome);
    CHECK(outcome->timed_out);
    CHECK(WTERMSIG(outcome->wait_status) == SIGKILL);
    CHECK(told == 1);
}
