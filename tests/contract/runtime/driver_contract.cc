// What every driver must do, whatever runs its containers: the same cases on the simulated driver
// and on the real one.

#include "tests/contract/runtime/fixtures.h"

using contract::expect;
using contract::FakeFixture;
using contract::OciFixture;
using contract::start_of;

TEMPLATE_TEST_CASE("a container is started, ends, keeps its log, and is removed", "", FakeFixture,
                   OciFixture) {
    TestType fixture;
    fixture.driver().perform(start_of("shop.web.1.r1.1", contract::prints_and_exits));
    auto const started = expect<runtime::Started>(fixture);
    CHECK(started.id == "shop.web.1.r1.1");
    CHECK_FALSE(started.address.is_unspecified());
    auto const exited = expect<runtime::Exited>(fixture);
    CHECK(exited.id == started.id);
    CHECK(exited.status == runtime::ExitStatus{.code = 3});

    fixture.driver().perform(runtime::Remove{started.id});
    CHECK(expect<runtime::Removed>(fixture).id == started.id);
    auto const log = fixture.driver().read_log(started.id, 0, false, 1000);
    REQUIRE(log);
    CHECK(log->text == "hello\n");
    CHECK(log->end == 6);
    CHECK(fixture.restart().empty());
}

TEMPLATE_TEST_CASE("a part of a log is read from the front and from the end", "", FakeFixture,
                   OciFixture) {
    TestType fixture;
    fixture.driver().perform(start_of("a.1", contract::prints_and_exits));
    expect<runtime::Started>(fixture);
    expect<runtime::Exited>(fixture);
    auto const middle = fixture.driver().read_log("a.1", 2, false, 3);
    CHECK((middle->from == 2 && middle->text == "llo" && middle->end == 6));
    auto const last = fixture.driver().read_log("a.1", 2, true, 100);
    CHECK((last->from == 4 && last->text == "o\n"));
    auto const past = fixture.driver().read_log("a.1", 99, false, 100);
    CHECK((past->from == 6 && past->text.empty()));
    CHECK(fixture.driver().read_log("a.1", 99, true, 100)->text == "hello\n");
    CHECK_FALSE(fixture.driver().read_log("unknown", 0, false, 100));
}

TEMPLATE_TEST_CASE("stop asks first and kills after the grace", "", FakeFixture, OciFixture) {
    TestType fixture;
    fixture.driver().perform(start_of("polite", contract::heeds_term));
    expect<runtime::Started>(fixture);
    fixture.driver().perform(runtime::Probe{"polite", {}, {}});  // it is answered, whatever it says
    expect<runtime::Probed>(fixture);
    contract::wait_for_hello(fixture, "polite");
    fixture.driver().perform(runtime::Stop{"polite", base::seconds(60)});
    CHECK(expect<runtime::Exited>(fixture).status.signal != 9);

    fixture.driver().perform(start_of("stubborn", contract::ignores_term));
    expect<runtime::Started>(fixture);
    fixture.driver().perform(runtime::Stop{"stubborn", base::milliseconds(200)});
    auto const status = expect<runtime::Exited>(fixture).status;
    CHECK(status.signal == 9);
    CHECK(status.code == 137);
    CHECK_FALSE(status.out_of_memory);
    // It has ended: nothing more happens.
    fixture.driver().perform(runtime::Stop{"stubborn", base::milliseconds(1)});
    fixture.driver().perform(runtime::Remove{"stubborn"});
    CHECK(expect<runtime::Removed>(fixture).id == "stubborn");
}

TEMPLATE_TEST_CASE("an unknown image fails the start and leaves nothing", "", FakeFixture,
                   OciFixture) {
    TestType fixture;
    runtime::Start start = start_of("a.1", contract::heeds_term);
    start.spec.image = "missing";
    fixture.driver().perform(start);
    auto const failed = expect<runtime::StartFailed>(fixture);
    CHECK(failed.id == "a.1");
    CHECK(failed.reason.contains("missing"));
    CHECK(fixture.restart().empty());
}

TEMPLATE_TEST_CASE("removing what is unknown is answered", "", FakeFixture, OciFixture) {
    TestType fixture;
    fixture.driver().perform(runtime::Remove{"unknown"});
    CHECK(expect<runtime::Removed>(fixture).id == "unknown");
}

TEMPLATE_TEST_CASE("a new driver adopts what runs and what has ended", "", FakeFixture,
                   OciFixture) {
    TestType fixture;
    fixture.driver().perform(start_of("runs", contract::heeds_term));
    auto const started = expect<runtime::Started>(fixture);
    contract::wait_for_hello(fixture, "runs");
    auto const adopted = fixture.restart();
    REQUIRE(adopted.size() == 1);
    CHECK(adopted[0].id == "runs");
    CHECK(adopted[0].assignment == runtime::Assignment{"shop/web", 1, "r1"});
    CHECK(adopted[0].address == started.address);
    CHECK_FALSE(adopted[0].exited);
    fixture.driver().perform(runtime::Stop{"runs", base::seconds(60)});
    CHECK(expect<runtime::Exited>(fixture).id == "runs");
    fixture.driver().perform(runtime::Remove{"runs"});
    expect<runtime::Removed>(fixture);

    fixture.driver().perform(start_of("ends", contract::prints_and_exits));
    expect<runtime::Started>(fixture);
    fixture.wait_unseen();
    auto const ended = fixture.restart();
    REQUIRE(ended.size() == 1);
    REQUIRE(ended[0].exited);
    CHECK(ended[0].exited->code == 3);
    CHECK(fixture.driver().read_log("ends", 0, false, 100)->text == "hello\n");
    fixture.driver().perform(runtime::Remove{"ends"});
    expect<runtime::Removed>(fixture);
}

TEMPLATE_TEST_CASE("the network of a container tells its address", "", FakeFixture, OciFixture) {
    using runtime::NetworkMode;
    TestType fixture;
    for (auto const& [mode, id] :
         {std::pair(NetworkMode::host, "host"), std::pair(NetworkMode::none, "none")}) {
        runtime::Start start = start_of(id, contract::heeds_term);
        start.spec.networking.mode = mode;
        fixture.driver().perform(start);
        base::IpAddress const expected =
            mode == NetworkMode::host ? runtime::host_network_address() : base::IpAddress{};
        CHECK(expect<runtime::Started>(fixture).address == expected);
        auto const adopted = fixture.restart();
        REQUIRE(adopted.size() == 1);
        CHECK(adopted[0].address == expected);
        fixture.driver().perform(runtime::Stop{id, base::seconds(60)});
        expect<runtime::Exited>(fixture);
        fixture.driver().perform(runtime::Remove{id});
        expect<runtime::Removed>(fixture);
    }
}

TEMPLATE_TEST_CASE("a closed driver is silent, and containers run on", "", FakeFixture,
                   OciFixture) {
    TestType fixture;
    for (char const* const id : {"ends", "runs"}) {
        fixture.driver().perform(start_of(id, contract::heeds_term));
        expect<runtime::Started>(fixture);
    }
    fixture.driver().close();
    fixture.driver().perform(runtime::Remove{"runs"});
    fixture.driver().close();
    fixture.kill("ends");
    auto const adopted = fixture.restart();
    CHECK(fixture.waiting_events() == 0);
    REQUIRE(adopted.size() == 2);
    CHECK(adopted[0].exited.has_value());
    CHECK_FALSE(adopted[1].exited.has_value());
}
