#include "runtime/oci/work_queue.h"

#include <atomic>
#include <future>
#include <latch>

#include <catch2/catch.hpp>

namespace {

// Work that holds its thread until it is let go.
struct Held {
    std::latch begun{1};
    std::latch release{1};

    void add_to(runtime::WorkQueue& queue) {
        queue.add([this] {
            begun.count_down();
            release.wait();
        });
    }
};

}  // namespace

TEST_CASE("work that hangs delays no other, up to the bound") {
    Held first;
    Held second;
    std::promise<void> done;
    std::atomic<bool> third_ran = false;
    {
        runtime::WorkQueue queue(2);
        first.add_to(queue);
        first.begun.wait();
        second.add_to(queue);
        second.begun.wait();
        queue.add([&] {
            third_ran = true;
            done.set_value();
        });
        CHECK_FALSE(third_ran);
        first.release.count_down();
        done.get_future().wait();
        second.release.count_down();
    }
    CHECK(third_ran);
}

TEST_CASE("a closed queue has ended what it began and takes nothing more") {
    bool began = false;
    bool late = false;
    runtime::WorkQueue queue(1);
    std::promise<void> started;
    queue.add([&] {
        started.set_value();
        began = true;
    });
    started.get_future().wait();
    queue.close();
    CHECK(began);
    queue.add([&] { late = true; });
    queue.close();
    CHECK_FALSE(late);
}
