// The message exchange of gossip as documents: tests/golden/gossip/*.txt.
#include <iomanip>
#include <memory>
#include <sstream>
#include <utility>

#include <catch2/catch.hpp>

#include "base/text.h"
#include "gossip/codec.h"
#include "tests/golden/runner.h"
#include "tests/unit/gossip/cluster.h"

namespace {

using gossip_test::Cluster;

// Hosts are letters in a file and numbers in the cluster.
int host_of(std::string const& name) {
    return name.at(0) - 'a';
}

std::string name_of(int host) {
    return {static_cast<char>('a' + host)};
}

std::string name_of(base::NodeId const& id) {
    return name_of(id.bytes[1]);
}

char const* word_of(gossip::State state) {
    switch (state) {
        case gossip::State::alive:
            return "alive";
        case gossip::State::suspect:
            return "suspect";
        case gossip::State::down:
            return "down";
        case gossip::State::left:
            return "left";
    }
    return "?";
}

// A cluster that a golden file drives. Every datagram and stream takes 1 ms.
//
//     fleet a b c       starts hosts and joins them to the first, silently
//     start d [N]       starts a host with incarnation N (default 1)
//     join d a          d joins through a
//     kill c            c dies without a word
//     leave c           c leaves on purpose
//     cut a b [c d]     cuts the links between a and b, and c and d
//     heal              mends every link
//     run 300ms [c]     runs, and tells what is said (with c: by, to or about c) and noticed
//     skip 300ms        runs silently
//     members a         how a sees the fleet
class Document {
public:
    Document() : cluster_(options()) {
        cluster_.on_delivery = [this](Cluster::Delivery const& delivery) { tell(delivery); };
    }

    std::string execute(golden::Command const& command) {
        out_ = {};
        auto const& words = command.words;
        if (command.name == "fleet") {
            cluster_.start_joined(static_cast<int>(words.size()));
            cluster_.run_for(base::seconds(2));
            return "ok";
        }
        if (command.name == "run" || command.name == "skip") {
            run(words.at(0), words.size() > 1 ? words[1] : "", command.name == "skip");
            return out_.str().empty() ? "ok" : out_.str();
        }
        if (command.name == "members") {
            return members(host_of(words.at(0)));
        }
        change(command);
        return "ok";
    }

private:
    static Cluster::Options options() {
        Cluster::Options options;
        options.latency_min = options.latency_max = base::milliseconds(1);
        return options;
    }

    void change(golden::Command const& command) {
        auto const& words = command.words;
        if (command.name == "start") {
            auto const incarnation = words.size() > 1 ? std::stoull(words[1]) : 1;
            cluster_.start(host_of(words.at(0)), incarnation);
        } else if (command.name == "join") {
            cluster_.join(host_of(words.at(0)), {host_of(words.at(1))});
        } else if (command.name == "kill") {
            cluster_.kill(host_of(words.at(0)));
        } else if (command.name == "leave") {
            cluster_.call(host_of(words.at(0)),
                          [this](auto& gossip, auto& out) { gossip.leave(cluster_.now(), out); });
        } else if (command.name == "cut") {
            for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
                cluster_.cut(host_of(words[i]), host_of(words[i + 1]));
            }
        } else if (command.name == "heal") {
            cluster_.heal();
        } else {
            FAIL("no such command: " << command.name);
        }
    }

    void run(std::string const& duration, std::string const& about, bool silent) {
        REQUIRE(duration.ends_with("ms"));
        about_ = about;
        silent_ = silent;
        began_ = cluster_.now();
        std::size_t noticed = cluster_.observed.size();
        base::Instant const end = began_ + base::milliseconds(std::stoi(duration));
        cluster_.run_until(end - began_, [&] {
            for (; noticed < cluster_.observed.size(); ++noticed) {
                notice(cluster_.observed[noticed]);
            }
            return false;
        });
        silent_ = true;
    }

    std::string members(int host) {
        std::ostringstream out;
        for (auto const& [id, member] : cluster_.at(host).members()) {
            out << name_of(id) << " " << word_of(member.state) << ", incarnation "
                << member.incarnation << ", " << base::to_string(member.address) << "\n";
        }
        return out.str();
    }

    // The time of an event since the command began, as the first column.
    std::string time() const {
        auto const passed = std::chrono::duration_cast<base::milliseconds>(cluster_.now() - began_);
        std::ostringstream out;
        out << std::setw(4) << passed.count() << " ms  ";
        return out.str();
    }

    void notice(Cluster::Observed const& seen) {
        bool const asked = about_.empty() || name_of(seen.change.id) == about_;
        if (!silent_ && asked) {
            out_ << time() << name_of(seen.host) << " now holds " << name_of(seen.change.id)
                 << " for " << word_of(seen.change.now) << "\n";
        }
    }

    void tell(Cluster::Delivery const& delivery) {
        auto const messages = gossip::decode(delivery.bytes);
        REQUIRE(messages);
        std::vector<std::string> lines;
        bool asked =
            about_.empty() || name_of(delivery.from) == about_ || name_of(delivery.to) == about_;
        for (gossip::Message const& message : *messages) {
            lines.push_back(std::visit([this](auto const& m) { return this->say(m); }, message));
            asked = asked || lines.back().starts_with(about_ + " ");
        }
        if (silent_ || !asked) {
            return;
        }
        std::string head = time() + name_of(delivery.from) + (delivery.arrived ? " -> " : " -x ") +
                           name_of(delivery.to) + "  ";
        for (std::string const& line : lines) {
            out_ << head << line << "\n";
            head.assign(head.size(), ' ');
        }
    }

    std::string say(gossip::Ping const& ping) { return "ping " + number(ping.sequence); }

    std::string say(gossip::PingRequest const& request) {
        return "please ping " + name_of(request.target) + " " + number(request.sequence);
    }

    std::string say(gossip::Ack const& ack) {
        return "ack " + number(ack.sequence) + " of " + name_of(ack.subject);
    }

    static std::string say(gossip::Exchange exchange) {
        return exchange == gossip::Exchange::request ? "push-pull, reply wanted:" : "push-pull:";
    }

    static std::string say(gossip::Member const& member) {
        return base::concat(name_of(member.id), " is ", word_of(member.state), ", incarnation ",
                            member.incarnation);
    }

    static std::string say(gossip::Broadcast const& broadcast) {
        return base::concat("payload ", base::as_text(broadcast.bytes));
    }

    // Sequences start at random: they are numbered as they appear.
    std::string number(std::uint64_t sequence) {
        auto const [entry, ignored] = numbers_.try_emplace(sequence, numbers_.size() + 1);
        return base::concat('#', entry->second);
    }

    Cluster cluster_;
    std::ostringstream out_;
    std::string about_;
    bool silent_ = true;
    base::Instant began_{};
    std::map<std::uint64_t, std::size_t> numbers_;
};

}  // namespace

TEST_CASE("gossip") {
    golden::run("gossip", [] {
        auto const document = std::make_shared<Document>();
        return [document](golden::Command const& command) { return document->execute(command); };
    });
}

TEST_CASE("a golden file is replayed with its prose, and only outputs differ") {
    auto const echo = [](golden::Command const& command) {
        return command.name + " of " + std::to_string(command.words.size());
    };
    CHECK(golden::replay("# prose\n\ndo a b\n----\nold\nlines\n\ndo\n", echo) ==
          "# prose\n\ndo a b\n----\ndo of 2\n\ndo\n----\ndo of 0\n");
}
