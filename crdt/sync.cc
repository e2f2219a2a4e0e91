#include "crdt/sync.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "crdt/message.h"

namespace crdt {
namespace {

// With a version vector of origins_max and one entry of value_max this stays below message_max.
constexpr std::size_t chunk_bytes_max = 512 * 1024;

bool lacks_any(Map const& map, Pull const& pull) {
    auto const missing = [&](Dot dot) { return !map.knows(dot); };
    return std::ranges::any_of(pull.ahead, missing) ||
           std::ranges::any_of(pull.from.origins(), [&](auto const& at) {
               return at.second > map.version().of(at.first);
           });
}

}  // namespace

Sync::Sync(base::NodeId self, SyncConfig config, base::Prng prng)
    : self_(self), config_(config), prng_(prng) {
    config_.chunk_bytes = std::min(config_.chunk_bytes, chunk_bytes_max);
}

void Sync::on_tick(base::Instant now, std::span<base::NodeId const> peers, Map const& map,
                   SyncEffects& out) {
    std::erase_if(pulls_, [&](auto const& at) { return at.second.deadline <= now; });
    if (now < next_) {
        return;
    }
    // Spread over half to one and a half intervals: hosts started together must not beat together.
    auto const spread =
        static_cast<std::uint64_t>(std::max<base::Duration::rep>(config_.interval.count(), 1));
    next_ = now + config_.interval / 2 + base::nanoseconds(prng_.below(spread));
    std::vector<base::NodeId> others(peers.begin(), peers.end());
    std::erase(others, self_);
    if (!others.empty()) {
        out.sends.push_back({.to = others[prng_.below(others.size())],
                             .channel = Channel::datagram,
                             .bytes = encode(Digest{.value = map.digest()})});
    }
}

base::Instant Sync::next_deadline() const {
    base::Instant next = next_;
    for (auto const& [peer, pending] : pulls_) {
        next = std::min(next, pending.deadline);
    }
    return next;
}

void Sync::pull(base::Instant now, base::NodeId peer, Map const& map, SyncEffects& out) {
    if (peer != self_ && !pulls_.contains(peer) && pulls_.size() < pulls_max) {
        ask(now, peer, {.from = map.version(), .beyond = {}}, map, out);
    }
}

void Sync::ask(base::Instant now, base::NodeId peer, Pending place, Map const& map,
               SyncEffects& out) {
    auto const held = map.ahead(place.from);
    std::set<Dot> ahead = place.beyond;
    ahead.insert(held.begin(), held.end());
    Pull message{.from = place.from, .ahead = {ahead.begin(), ahead.end()}};
    message.ahead.resize(std::min(message.ahead.size(), ahead_max));
    place.question = question_of(message);
    place.deadline = now + config_.pull_timeout;
    pulls_[peer] = std::move(place);
    out.sends.push_back(
        {.to = peer, .channel = Channel::stream, .bytes = encode(std::move(message))});
}

std::expected<void, Errc> Sync::on_message(base::Instant now, base::NodeId from,
                                           base::ByteView bytes, Map& map, SyncEffects& out) {
    auto decoded = decode_message(bytes);
    if (!decoded) {
        if (decoded.error() != Errc::later) {
            pulls_.erase(from);
        }
        return std::unexpected(decoded.error());
    }
    if (from == self_) {
        return std::unexpected(Errc::malformed);
    }
    if (auto const* const digest = std::get_if<Digest>(&*decoded)) {
        auto const fruitless = fruitless_.extract(from);
        if (digest->value == map.digest()) {
            return {};
        }
        if (fruitless && !pulls_.contains(from) && pulls_.size() < pulls_max) {
            ask(now, from, {.from = {}, .beyond = {}, .past_floor = fruitless.mapped()}, map, out);
        } else {
            pull(now, from, map, out);
        }
        return {};
    }
    if (auto const* const question = std::get_if<Pull>(&*decoded)) {
        Answer answer{.question = question_of(*question),
                      .delta = map.delta(question->from, config_.chunk_bytes, question->ahead)};
        out.sends.push_back(
            {.to = from, .channel = Channel::stream, .bytes = encode(std::move(answer))});
        if (lacks_any(map, *question)) {
            pull(now, from, map, out);
        }
        return {};
    }
    auto& answer = std::get<Answer>(*decoded);
    auto const pending = pulls_.find(from);
    if (pending == pulls_.end() || pending->second.question != answer.question) {
        return {};
    }
    return take(now, from, std::move(answer.delta), map, out);
}

std::expected<void, Errc> Sync::take(base::Instant now, base::NodeId from, Map::Delta delta,
                                     Map& map, SyncEffects& out) {
    Pending place = std::move(pulls_.extract(from).mapped());
    VersionVector const version_before = map.version();
    VersionVector const from_before = place.from;
    std::size_t const beyond_before = place.beyond.size();
    std::size_t const changed_before = out.changed.size();
    From const source = place.past_floor == map.collections() ? From::past_floor : From::anyone;
    std::optional<Errc> error;
    for (Entry const& entry : delta.entries) {
        auto const merged = map.merge(entry, source);
        if (!merged) {
            error = merged.error();
            break;
        }
        if (*merged != Merged::known && *map.find(entry.key) == entry) {
            out.changed.push_back(entry.key);
        }
        if (!delta.covered.covers(entry.dot) && place.beyond.size() < ahead_max) {
            place.beyond.insert(entry.dot);
        }
    }
    bool const brought = out.changed.size() > changed_before;
    if (!error && delta.complete) {
        map.raise(delta.covered);
        out.pulled.push_back(from);
        if (!brought && map.version() == version_before && map.reaches_floor(delta.covered) &&
            fruitless_.size() < origins_max) {
            fruitless_.insert_or_assign(from, map.collections());
        }
    }
    out.advanced = out.advanced || map.version() != version_before;
    if (error) {
        return std::unexpected(*error);
    }
    for (auto const& [origin, sequence] : delta.covered.origins()) {
        place.from.raise(origin, sequence);
    }
    // A peer that promises more but brings nothing new must not keep us asking.
    bool const progress = place.from != from_before || place.beyond.size() > beyond_before;
    if (!delta.complete && progress) {
        ask(now, from, std::move(place), map, out);
    }
    return {};
}

}  // namespace crdt
