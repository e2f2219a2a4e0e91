#include "agent/log_requests.h"

#include <catch2/catch.hpp>

#include "agent/agent.h"
#include "tests/unit/agent/support.h"

using namespace agent;

namespace {

constexpr base::Instant start{};
LogRequests::Ask const ask{.container = "shop.web.1.abc.def", .from = 100, .from_end = true};

struct Pair {  // node(1) asks, node(2) runs the container
    LogRequests asker, holder;
    std::vector<LogRead> reads;
    std::vector<LogReply> replies;

    // The answer on its way back.
    LogRequests::Answer answer(std::expected<runtime::LogPart, std::string> part) {
        auto const question = asker.ask_node(start, 7, node(2), ask);
        holder.on_question(start, node(1), question.value(), reads);
        return holder.on_read(reads.at(0).request, std::move(part), replies).value();
    }
};

}  // namespace

TEST_CASE("a local log is read and replied") {
    LogRequests logs;
    std::vector<LogRead> reads;
    std::vector<LogReply> replies;
    REQUIRE(logs.read_here(start, 42, ask, reads));
    REQUIRE(reads.size() == 1);
    CHECK(reads[0].container == ask.container);
    CHECK(reads[0].from == 100);
    CHECK(reads[0].from_end);
    CHECK(reads[0].size_max == log_part_max);
    CHECK_FALSE(logs.on_read(reads[0].request, runtime::LogPart{100, "text", 104}, replies));
    REQUIRE(replies.size() == 1);
    CHECK(replies[0].request == 42);
    CHECK(replies[0].part.value().text == "text");
    CHECK_FALSE(logs.on_read(reads[0].request, runtime::LogPart{}, replies));
    CHECK(replies.size() == 1);
}

TEST_CASE("a log elsewhere is asked for, read there and answered") {
    Pair pair;
    LogRequests::Answer const answer = pair.answer(runtime::LogPart{100, "text", 204});
    CHECK(answer.to == node(1));
    REQUIRE(pair.reads.size() == 1);
    CHECK(pair.reads[0].container == ask.container);
    CHECK(pair.reads[0].from == 100);
    CHECK(pair.reads[0].from_end);
    pair.asker.on_answer(node(2), answer.message, pair.replies);
    REQUIRE(pair.replies.size() == 1);
    CHECK(pair.replies[0].request == 7);
    CHECK(pair.replies[0].part.value().from == 100);
    CHECK(pair.replies[0].part.value().text == "text");
    CHECK(pair.replies[0].part.value().end == 204);
}

TEST_CASE("a problem there is told here") {
    Pair pair;
    LogRequests::Answer const answer = pair.answer(std::unexpected(std::string("no such log")));
    pair.asker.on_answer(node(2), answer.message, pair.replies);
    REQUIRE(pair.replies.size() == 1);
    CHECK_FALSE(pair.replies[0].part);
    CHECK(pair.replies[0].problem == "no such log");
}

TEST_CASE("an answer counts from the host that was asked, and once") {
    Pair pair;
    LogRequests::Answer const answer = pair.answer(runtime::LogPart{0, "text", 4});
    pair.asker.on_answer(node(3), answer.message, pair.replies);
    CHECK(pair.replies.empty());
    pair.asker.on_answer(node(2), answer.message, pair.replies);
    pair.asker.on_answer(node(2), answer.message, pair.replies);
    CHECK(pair.replies.size() == 1);
}

TEST_CASE("an answer that is cut short is a problem, a question is ignored") {
    Pair whole;
    base::Bytes const message = whole.answer(runtime::LogPart{0, "text", 4}).message;
    for (std::size_t size = sizeof(std::uint64_t); size < message.size(); ++size) {
        Pair pair;
        CHECK(pair.asker.ask_node(start, 7, node(2), ask));
        pair.asker.on_answer(node(2), base::ByteView(message).first(size), pair.replies);
        INFO(size << " of " << message.size() << " bytes");
        REQUIRE(pair.replies.size() == 1);
        CHECK_FALSE(pair.replies[0].part);
        CHECK_FALSE(pair.replies[0].problem.empty());
    }
    LogRequests logs;
    base::Bytes const question = logs.ask_node(start, 7, node(2), ask).value();
    std::vector<LogRead> reads;
    for (std::size_t size = 0; size < question.size(); ++size) {
        logs.on_question(start, node(1), base::ByteView(question).first(size), reads);
    }
    CHECK(reads.empty());
}

TEST_CASE("what is not answered in time is answered with a problem, and nothing late") {
    LogRequests logs;
    std::vector<LogRead> reads;
    std::vector<LogReply> replies;
    CHECK(logs.next_deadline() == base::instant_max);
    CHECK(logs.ask_node(start, 1, node(2), ask));
    CHECK(logs.read_here(start, 2, ask, reads));
    logs.on_question(start, node(3), logs.ask_node(start, 3, node(2), ask).value(), reads);
    base::Instant const deadline = logs.next_deadline();
    CHECK(deadline == start + base::seconds(5));
    logs.on_tick(deadline - base::nanoseconds(1), replies);
    CHECK(replies.empty());
    logs.on_tick(deadline, replies);
    CHECK(replies.size() == 3);  // the question of node(3) is that host's to give up
    CHECK(logs.next_deadline() == base::instant_max);
    for (LogRead const& read : reads) {
        CHECK_FALSE(logs.on_read(read.request, runtime::LogPart{}, replies));
    }
    CHECK(replies.size() == 3);
}

TEST_CASE("only so many wait in each direction") {
    LogRequests logs;
    std::vector<LogRead> reads;
    base::Bytes const question = LogRequests().ask_node(start, 1, node(1), ask).value();
    for (std::size_t at = 0; at < logs_pending_max; ++at) {
        CHECK(logs.ask_node(start, at, node(2), ask));
        logs.on_question(start, node(2), question, reads);
    }
    CHECK_FALSE(logs.ask_node(start, 1'000, node(2), ask));
    logs.on_question(start, node(2), question, reads);
    CHECK(reads.size() == logs_pending_max);
    CHECK_FALSE(logs.read_here(start, 1, ask, reads));
}
