#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/records.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "crdt/map.h"

namespace agent {

// How many hosts must have a user's write on their disks, this one included, before the user is
// answered, and how long they are waited for.
struct AckTerms {
    enum class Hosts : std::uint8_t {
        usual,  // two, or one where no other is alive
        local,  // this one
        all,    // every one that is alive now
        count,
    };

    Hosts hosts = Hosts::usual;
    std::uint32_t count{};                      // for Hosts::count, at least 1
    base::Duration timeout = base::seconds(5);  // at most timeout_max
    friend bool operator==(AckTerms const&, AckTerms const&) = default;

    static constexpr base::Duration timeout_max = base::seconds(600);
};

// "usual", "local", "all", or a number from 1.
[[nodiscard]] std::string hosts_text(AckTerms const& terms);
// False, and nothing is changed, if `text` is none of those.
[[nodiscard]] bool read_hosts(std::string_view text, AckTerms& terms);

// `alive` hosts are alive now, this one included.
[[nodiscard]] std::uint32_t hosts_wanted(AckTerms const& terms, std::size_t alive);

// The answer to one wait for acknowledgements.
struct Acknowledged {
    std::uint64_t request{};
    std::vector<base::NodeId> hosts;  // who has it on the disk; this host first
    std::uint32_t wanted{};

    [[nodiscard]] bool enough() const { return hosts.size() >= wanted; }
};

// What is said to a peer.
struct AckMessage {
    base::NodeId to;
    base::Bytes bytes;
};

// A question names the writes (dots) of one wait; the peer answers it once it holds each of them,
// or one that replaced it, on its disk. Who says nothing for ask_again is not waited for: the next
// peer is asked as well, and when all were asked, all of them again.
struct AckQuestion {
    std::uint64_t number{};
    std::vector<crdt::Dot> dots;  // sorted, at most ack_dots_max
};

struct AckAnswer {
    std::uint64_t number{};
};

inline constexpr std::size_t ack_dots_max = 16 * 1024;

[[nodiscard]] base::Bytes encode(AckQuestion const& question);
[[nodiscard]] base::Bytes encode(AckAnswer const& answer);
[[nodiscard]] std::expected<AckQuestion, RecordError> decode_ack_question(base::ByteView bytes);
[[nodiscard]] std::expected<AckAnswer, RecordError> decode_ack_answer(base::ByteView bytes);

// The side of the host where the user asked.
class AckWaits {
public:
    static constexpr std::size_t waits_max = 256;  // beyond it the oldest ends as it stands
    static constexpr base::Duration ask_again = base::milliseconds(500);

    // Questions are numbered from `first_number`: no earlier run of this host may have used it.
    AckWaits(base::NodeId self, std::uint64_t first_number)
        : self_(self), next_number_(first_number) {}

    // At most ack_dots_max writes, on this host's disk already. `peers` are those alive, in the
    // order in which they shall be asked.
    void await(base::Instant now, std::uint64_t request, std::vector<crdt::Dot> dots,
               std::uint32_t wanted, base::Duration timeout, std::span<base::NodeId const> peers);
    void on_answer(base::NodeId from, AckAnswer const& answer);
    void on_tick(base::Instant now, std::span<base::NodeId const> peers);

    [[nodiscard]] base::Instant next_deadline() const;
    [[nodiscard]] std::vector<AckMessage> take_questions();
    [[nodiscard]] std::vector<Acknowledged> take_answers();

private:
    struct Wait {
        Acknowledged so_far;
        std::vector<crdt::Dot> dots;
        std::set<base::NodeId> asked;
        base::Instant ask_at{};
        base::Instant deadline{};
    };

    void ask(base::Instant now, std::uint64_t number, Wait& wait,
             std::span<base::NodeId const> peers);
    void end(std::map<std::uint64_t, Wait>::iterator at);

    base::NodeId self_;
    std::uint64_t next_number_;
    std::map<std::uint64_t, Wait> waits_;  // by number
    std::vector<AckMessage> questions_;
    std::vector<Acknowledged> answers_;
};

// The side of a host that is asked. It may not hold the writes yet: its caller then asks for them.
class AckDebts {
public:
    static constexpr std::size_t debts_max = 64;  // beyond it the oldest is forgotten
    static constexpr base::Duration patience = base::seconds(30);

    // Who asks again under the same number is answered once.
    void on_question(base::Instant now, base::NodeId from, AckQuestion question);
    // `on_disk`: every Persist up to it is on the disk; `next`: the one after which the disk holds
    // all that `map` does, at most `on_disk` if it does already. Moves what can be answered to
    // take_answers().
    void update(base::Instant now, crdt::Map const& map, std::uint64_t on_disk, std::uint64_t next);
    // Whether somebody waits for this Persist.
    [[nodiscard]] bool wait_for(std::uint64_t persist) const;
    // Who asked for writes that are not here.
    [[nodiscard]] std::vector<base::NodeId> lacking() const;

    [[nodiscard]] bool empty() const { return debts_.empty(); }

    [[nodiscard]] std::vector<AckMessage> take_answers();

private:
    struct Debt {
        base::NodeId to;
        AckQuestion question;
        std::optional<std::uint64_t> persist;  // after which it is on the disk; none: not here yet
        base::Instant forget_at{};
    };

    std::deque<Debt> debts_;
    std::vector<AckMessage> answers_;
};

}  // namespace agent
