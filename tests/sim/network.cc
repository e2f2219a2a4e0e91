#include "tests/sim/network.h"

#include <algorithm>

#include "base/hash.h"

namespace sim {

using base::milliseconds;

namespace {
constexpr base::Duration delay_min = milliseconds(1);
constexpr base::Duration retransmit_first = milliseconds(200);  // Linux' smallest, then doubled
constexpr int retransmits_max = 5;  // beyond these, about 6 s, TCP_USER_TIMEOUT ends it

base::Duration below(base::Prng& prng, base::Duration limit) {
    return base::Duration(
        static_cast<std::int64_t>(prng.below(static_cast<std::uint64_t>(limit.count()) + 1)));
}
}  // namespace

Network::Network(std::size_t hosts, base::Prng prng)
    : prng_(prng), salt_(prng_.next()), host_loss_(hosts), clogged_to_(hosts) {}

void Network::set(Faults const& faults) {
    faults_ = faults;
    for (double& loss : host_loss_) {
        bool const lossy = prng_.chance(faults.lossy_hosts);
        loss = lossy ? faults.lossy_host_loss : 0;
    }
}

void Network::repair() {
    set({});
    cuts_.clear();
    clogged_.clear();
    std::ranges::fill(clogged_to_, base::Instant{});
}

std::uint64_t Network::cut(std::set<std::size_t> const& side, Cut direction) {
    Split split{next_cut_++, std::vector<bool>(clogged_to_.size()), direction};
    for (std::size_t const host : side) {
        split.inside[host] = true;
    }
    cuts_.push_back(std::move(split));
    return cuts_.back().id;
}

void Network::mend(std::uint64_t cut) {
    std::erase_if(cuts_, [&](Split const& split) { return split.id == cut; });
}

bool Network::hears(Link link) const {
    return std::ranges::all_of(cuts_, [&](Split const& split) {
        bool const same = split.inside[link.from] == split.inside[link.to];
        return same || (split.direction == Cut::inbound && !split.inside[link.to]);
    });
}

void Network::clog(Link link, base::Instant until) {
    clogged_[link] = until;
}

void Network::clog_all_to(std::size_t host, base::Instant until) {
    clogged_to_[host] = until;
}

base::Instant Network::after_clogs(base::Instant when, Link link) const {
    when = std::max(when, clogged_to_[link.to]);
    if (clogged_.empty()) {
        return when;
    }
    auto const clogged = clogged_.find(link);
    return clogged == clogged_.end() ? when : std::max(when, clogged->second);
}

base::Duration Network::delay() {
    return delay_min + below(prng_, faults_.delay_max - delay_min);
}

double Network::loss_of(Link link) const {
    return std::max({faults_.loss, host_loss_[link.from], host_loss_[link.to]});
}

bool Network::too_large(Link link, std::size_t size) const {
    if (faults_.mtu_links == 0 || size <= faults_.mtu) {
        return false;
    }
    auto const [low, high] = std::minmax(link.from, link.to);
    std::uint64_t const draw = base::mix(base::mix(salt_ ^ low) ^ high);
    return static_cast<double>(draw >> 11) * 0x1p-53 < faults_.mtu_links;
}

Network::Copies Network::datagram(base::Instant now, Link link, std::size_t size) {
    ++counters_.sent;
    bool const lost = prng_.chance(loss_of(link));
    bool const corrupted = prng_.chance(faults_.corruption);
    bool const large = too_large(link, size);
    counters_.lost += lost ? 1U : 0U;
    counters_.corrupted += corrupted && !lost ? 1U : 0U;
    counters_.too_large += large ? 1U : 0U;
    Copies copies;
    if (lost || corrupted || large) {
        return copies;
    }
    copies.count = prng_.chance(faults_.duplication) ? 2 : 1;
    counters_.duplicated += copies.count - 1;
    for (std::size_t copy = 0; copy < copies.count; ++copy) {
        base::Duration wait = delay();
        if (prng_.chance(faults_.reorder)) {
            wait += below(prng_, reorder_max);
            ++counters_.reordered;
        }
        copies.at[copy] = after_clogs(now + wait, link);
    }
    return copies;
}

std::optional<base::Instant> Network::stream(base::Instant now, Link link) {
    base::Duration wait = delay();
    double const loss = std::max(loss_of(link), faults_.corruption);
    for (int sent = 0; prng_.chance(loss); ++sent) {
        if (sent == retransmits_max) {
            return std::nullopt;
        }
        wait += retransmit_first * (1 << sent);
    }
    base::Instant& last = last_stream_[link];
    last = std::max(last, after_clogs(now + wait, link));
    return last;
}

}  // namespace sim
