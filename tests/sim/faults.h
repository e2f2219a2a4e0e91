#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/random.h"
#include "base/time.h"

namespace sim {

// The kinds of fault, by the names that --without takes.
enum class Fault : std::uint8_t {
    loss,
    lossy_hosts,
    duplication,
    delay,
    reorder,
    corruption,
    mtu,
    clog,
    partition,
    one_way,
    isolation,
    crash,
    kill,
    pause,
    stall,
    drift,
    step,
    slow_disk,
    full_disk,
    death,
    hang,
    start_failure,
    slow_start,
    sickness,
    disk_loss,
};

inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(Fault::disk_loss) + 1;

[[nodiscard]] std::string_view to_string(Fault kind);
[[nodiscard]] std::optional<Fault> parse_fault(std::string_view name);

// What goes wrong, drawn anew for every seed (swarm testing: Groce and others, 2012): each kind is
// left out of half of the seeds, and how bad it is differs. Probabilities are per packet, write or
// container; the times between are means over the whole fleet, zero being never.
struct Faults {
    double loss{};             // a datagram vanishes
    double lossy_hosts{};      // this part of the hosts loses, in both directions,
    double lossy_host_loss{};  // this much besides
    double duplication{};      // a datagram arrives twice
    base::Duration delay_max = base::milliseconds(5);  // the slowest that ordinary packets are
    double reorder{};            // a datagram takes its time, and those sent later overtake it
    double corruption{};         // a bit flips on the way: the seal does not open, which is loss
    double mtu_links{};          // on this part of the links
    std::size_t mtu{};           // datagrams longer than this vanish
    base::Duration clog{};       // a link, or all that leads to a host, holds everything for a time
                                 // and delivers it at once
    base::Duration partition{};  // a part of the hosts and the rest do not hear each other
    base::Duration one_way{};    // likewise, but one of the two is heard
    base::Duration isolation{};  // one host alone is cut off
    base::Duration crash{};      // a host loses its power, and boots some time later
    base::Duration kill{};       // an agent ends, and is started again, also several times in a row
    double disk_loss{};       // one host loses its disk for ever, right after a user was promised
                              // something there
    base::Duration pause{};   // a host stands still for up to a minute
    double stalling_hosts{};  // this part of the hosts stands still again and again for 0.5 to
                              // 5 s, as starved ones do (Lifeguard, section V)
    double drift{};           // clocks run up to this part fast or slow
    base::Duration step{};    // a host is suspended: its clock jumps ahead by up to hours
    base::Duration write_max = base::milliseconds(8);  // the longest that a write to a disk takes
    base::Duration full_disk{};  // a host's disk refuses every write for a time
    base::Duration death{};      // a container ends by itself
    double hang{};               // a container ignores SIGTERM until it is killed
    double start_failure{};      // a container cannot be started
    double slow_start{};         // a container takes seconds to start
    double sickness{};           // a health check fails

    [[nodiscard]] static Faults draw(base::Prng& prng);
    // As drawn, but for these.
    void leave_out(std::span<Fault const> kinds);
};

// The longest that one fault outlives the others.
inline constexpr base::Duration slow_start_max = base::seconds(8);
inline constexpr base::Duration reorder_max = base::seconds(2);

}  // namespace sim
