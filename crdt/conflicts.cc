#include "crdt/conflicts.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/result.h"
#include "crdt/codec.h"

namespace crdt {
namespace {

constexpr std::uint8_t format = 1;

std::size_t size_of(Entry const& entry) {
    return entry.key.size() + (entry.value ? entry.value->size() : 0);
}

std::size_t size_of(Conflict const& conflict) {
    return size_of(conflict.winner) + size_of(conflict.loser);
}

}  // namespace

std::uint64_t id_of(Conflict const& conflict) {
    return base::stable_hash(encode(conflict.loser));
}

base::Bytes encode(Conflict const& conflict) {
    base::ByteWriter out;
    out.u8(format);
    encode(conflict.winner, out);
    encode(conflict.loser, out);
    return out.take();
}

std::expected<Conflict, Errc> decode_conflict(base::ByteView bytes) {
    base::ByteReader in(bytes);
    if (in.u8() != format) {
        return std::unexpected(Errc::malformed);
    }
    Conflict conflict;
    conflict.winner = TRY(decode_entry(in));
    conflict.loser = TRY(decode_entry(in));
    if (!in.complete() || conflict.winner.key != conflict.loser.key) {
        return std::unexpected(Errc::malformed);
    }
    return conflict;
}

bool Conflicts::add(Conflict conflict) {
    for (Conflict const& known : conflicts_) {
        if (known.loser == conflict.loser) {
            return false;
        }
    }
    bytes_ += size_of(conflict);
    ++changes_;
    conflicts_.push_back(std::move(conflict));
    while (conflicts_.size() > conflicts_max ||
           (bytes_ > conflict_bytes_max && conflicts_.size() > 1)) {
        drop(conflicts_.begin());
    }
    return true;
}

Conflict const* Conflicts::find(std::uint64_t id) const {
    auto const at = std::ranges::find(conflicts_, id, id_of);
    return at == conflicts_.end() ? nullptr : &*at;
}

bool Conflicts::settle(std::uint64_t id) {
    auto const at = std::ranges::find(conflicts_, id, id_of);
    if (at == conflicts_.end()) {
        return false;
    }
    drop(at);
    return true;
}

void Conflicts::on_write(Entry const& entry) {
    for (auto at = conflicts_.begin(); at != conflicts_.end();) {
        bool const settled = at->loser.key == entry.key && at->loser.value == entry.value;
        auto const index = at - conflicts_.begin();
        if (settled) {
            drop(at);
        }
        at = conflicts_.begin() + index + (settled ? 0 : 1);
    }
}

void Conflicts::drop(std::vector<Conflict>::iterator at) {
    bytes_ -= size_of(*at);
    ++changes_;
    conflicts_.erase(at);
}

}  // namespace crdt
