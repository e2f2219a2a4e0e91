#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/ids.h"
#include "base/time.h"
#include "gossip/config.h"

namespace gossip {

// Whether the others can count on this host, judged by itself: only what a member says of itself
// is the same for all, and a fleet that disagreed about who may be used would disagree about its
// plan. A host that enough members held for down has been lost once; one with two losses that are
// not forgiven is unsteady until it has gone flap_hold without being lost, twice as long with each
// further one (flap_hold_max at most). After flap_window without a loss one loss is forgiven, after
// each further flap_window another.
//
// Instants given to it never fall; a Config may differ from call to call.
class Steadiness {
public:
    static constexpr std::uint32_t flaps_max = 20;  // further losses are not counted up
    static constexpr int refutations_max = 45;

    // `flaps` of the last run, as if the last loss were now: a host that restarts over and over is
    // unsteady too.
    Steadiness(std::uint32_t flaps, base::Instant now);

    // `accuser` held this host for down; `others` members could have said so. One loss is counted
    // once min(2, others) different ones have within 10 s: one that is itself half cut off says
    // nothing about this host. What follows a loss within 5 s belongs to it, however often it is
    // said. True if a loss was counted by this call; steady() and flaps() may have changed then.
    bool on_accused(base::Instant now, base::NodeId accuser, std::size_t others,
                    Config const& config);

    // This host had to refute an accusation. So many of these that no lossy network explains them
    // (refutations_max within a minute) are a loss too: others do not reach this host although it
    // reaches them, as behind a firewall that lets only answers in. True if a loss was counted.
    bool on_refuted(base::Instant now);

    // Nobody answers this host: it has not gone flap_hold without being lost, whoever could tell.
    void on_unheard(base::Instant now);

    // Forgives, and ends the hold. True if steady() or flaps() changed.
    bool on_tick(base::Instant now, Config const& config);
    // When on_tick() will change something; instant_max when nothing is due.
    [[nodiscard]] base::Instant next_deadline(Config const& config) const;

    [[nodiscard]] bool steady() const { return steady_; }

    // Losses that are not forgiven.
    [[nodiscard]] std::uint32_t flaps() const { return flaps_; }

private:
    struct Accusation {
        base::NodeId accuser;
        base::Instant at{};
    };

    void count_loss(base::Instant now);
    [[nodiscard]] base::Duration hold(Config const& config) const;

    std::uint32_t flaps_;
    bool steady_;
    base::Instant last_loss_;          // or when nobody answered
    base::Instant forgiven_until_;     // the last loss, or the last one forgiven since
    base::Instant deaf_until_{};       // accusations before belong to the last loss
    std::optional<Accusation> first_;  // of a loss that is not agreed on yet
    base::Instant refutations_since_{};
    int refutations_ = 0;
};

}  // namespace gossip
