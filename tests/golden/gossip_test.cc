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
        case gossip::State::unsteady:
            return "unsteady";
        case gossip::State::restarting:
            return "restarting";
        case gossip::State::leaving:
            return "leaving";
        case gossip::State::down:
            return "down";
        case gossip::State::left:
            return "left";
        case gossip::State::absent:
            return "absent";
        case gossip::State::evicted:
            return "evicted";
    }
    return "?";
}

char const* word_of(gossip::Intent intent) {
    switch (intent) {
        case gossip::Intent::running:
            return "runs";
        case gossip::Intent::unsteady:
            return "is unsteady";
        case gossip::Intent::restarting:
            return "restarts";
        case gossip::Intent::leaving:
            return "is leaving";
        case gossip::Intent::left:
            return "has left";
    }
    return "?";
}

char const* word_of(gossip::Accusation::Kind kind) {
    switch (kind) {
        case gossip::Accusation::Kind::suspect:
            return "does not answer";
        case gossip::Accusation::Kind::refused:
            return "refuses";
        case gossip::Accusation::Kind::down:
            return "is given up by";
    }
    return "?";
}

char const* word_of(gossip::Exchange::Phase phase) {
    switch (phase) {
        case gossip::Exchange::Phase::compare:
            return "compare";
        case gossip::Exchange::Phase::give:
            return "give";
        case gossip::Exchange::Phase::take:
            return "take";
    }
    return "?";
}

// A cluster that a golden file drives. Every datagram takes 1 ms; a stream message takes 5 ms, for
// the connection and its handshake come first.
//
//     fleet a b c       starts hosts and joins them to the first, silently
//     start d [N]       starts a host with incarnation N (default 1)
//     again d           starts a host with all that it kept
//     join d a          d joins through a
//     kill c            c dies without a word
//     stop c            c's process dies, its host lives
//     announce c        c says that it restarts
//     begin c           c says that it is leaving
//     leave c           c leaves on purpose
//     evict a c         a is told to throw c out
//     readmit a c       a is told to let c in again
//     cut a b [c d]     cuts the links between a and b, and c and d
//     heal              mends every link
//     run 300ms [c]     runs, and tells what is said (with c: by, to or about c; with "streams":
//                       by stream) and noticed
//     skip 300ms        runs silently
//     members a         how a sees the fleet
//
// a -> b is a datagram, a => b a stream, -x and =x are those that do not arrive.
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
        options.latency = {base::milliseconds(1), base::milliseconds(1)};
        return options;
    }

    void change(golden::Command const& command) {
        auto const& words = command.words;
        if (command.name == "cut") {
            for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
                cluster_.cut(host_of(words[i]), host_of(words[i + 1]));
            }
        } else if (command.name == "heal") {
            cluster_.heal();
        } else if (!change_power(command.name, words) && !tell_machine(command.name, words)) {
            FAIL("no such command: " << command.name);
        }
    }

    // Whether it was a command of this kind.
    bool change_power(std::string const& name, std::vector<std::string> const& words) {
        int const host = host_of(words.at(0));
        if (name == "start") {
            cluster_.start(host, words.size() > 1 ? std::stoull(words[1]) : 1);
        } else if (name == "again") {
            cluster_.reboot(host);
        } else if (name == "kill") {
            cluster_.kill(host);
        } else if (name == "stop") {
            cluster_.kill_process(host);
        } else if (name == "join") {
            cluster_.join(host, {host_of(words.at(1))});
        } else {
            return false;
        }
        return true;
    }

    bool tell_machine(std::string const& name, std::vector<std::string> const& words) {
        base::Instant const now = cluster_.now();
        bool known = true;
        cluster_.call(host_of(words.at(0)), [&](gossip::Gossip& gossip, gossip::Effects& out) {
            if (name == "announce") {
                gossip.announce_restart(now, out);
            } else if (name == "begin") {
                gossip.begin_leave(now, out);
            } else if (name == "leave") {
                gossip.leave(now, out);
            } else if (name == "evict") {
                gossip.evict(now, gossip_test::node_id(host_of(words.at(1))), out);
            } else if (name == "readmit") {
                gossip.readmit(now, gossip_test::node_id(host_of(words.at(1))), out);
            } else {
                known = false;
            }
        });
        return known;
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
                << member.incarnation << ", " << base::to_string(member.address);
            if (member.state == gossip::State::suspect) {
                out << ", accused by " << member.accusers;
            }
            out << "\n";
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

    // The host at the other end has closed a stream.
    void tell_end(Cluster::Delivery const& delivery) {
        bool const asked = about_.empty() || about_ == "streams" ||
                           name_of(delivery.from) == about_ || name_of(delivery.to) == about_;
        if (!silent_ && asked) {
            out_ << time() << name_of(delivery.from) << " =x " << name_of(delivery.to)
                 << "  the stream has ended\n";
        }
    }

    void tell(Cluster::Delivery const& delivery) {
        if (delivery.bytes.empty()) {
            tell_end(delivery);
            return;
        }
        auto const messages = gossip::decode(delivery.bytes);
        REQUIRE(messages);
        bool const stream = delivery.channel == gossip::Channel::stream;
        std::vector<std::string> lines;
        bool asked = about_.empty() || name_of(delivery.from) == about_ ||
                     name_of(delivery.to) == about_ || (about_ == "streams" && stream);
        for (gossip::Message const& message : *messages) {
            lines.push_back(std::visit([this](auto const& m) { return this->say(m); }, message));
            asked = asked || lines.back().starts_with(about_ + " ");
        }
        if (silent_ || !asked) {
            return;
        }
        char const* const arrow =
            stream ? (delivery.arrived ? " => " : " =x ") : (delivery.arrived ? " -> " : " -x ");
        std::string head = time() + name_of(delivery.from) + arrow + name_of(delivery.to) + "  ";
        for (std::string const& line : lines) {
            out_ << head << line << "\n";
            head.assign(head.size(), ' ');
        }
    }

    std::string say(gossip::Ping const& ping) { return "ping " + number(ping.sequence); }

    std::string say(gossip::PingRequest const& request) {
        return base::concat(
            "please ping ", name_of(request.target), " within ",
            std::chrono::duration_cast<base::milliseconds>(request.patience).count(), " ms ",
            number(request.sequence));
    }

    std::string say(gossip::Ack const& ack) {
        return "ack " + number(ack.sequence) + " of " + name_of(ack.subject);
    }

    std::string say(gossip::Nack const& nack) { return "nothing heard " + number(nack.sequence); }

    static std::string say(gossip::Exchange const& exchange) {
        std::size_t const buckets = exchange.phase == gossip::Exchange::Phase::compare
                                        ? exchange.digests.size()
                                        : exchange.bucket_count;
        return base::concat(word_of(exchange.phase), ", buckets: ", buckets);
    }

    static std::string say(gossip::Record const& record) {
        return base::concat(name_of(record.id), " says it ", word_of(record.intent),
                            ", incarnation ", record.incarnation);
    }

    static std::string say(gossip::Accusation const& accusation) {
        return base::concat(name_of(accusation.member), " ", word_of(accusation.kind), " ",
                            name_of(accusation.accuser), ", incarnation ", accusation.incarnation);
    }

    static std::string say(gossip::Broadcast const& broadcast) {
        return base::concat("payload ", base::as_text(broadcast.bytes));
    }

    static std::string say(gossip::Padding const& padding) {
        return base::concat("padding, ", padding.size, " bytes");
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
