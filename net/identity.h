#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "net/crypto.h"

namespace net {

// BLAKE2b of the public key, its first 16 bytes.
[[nodiscard]] base::NodeId node_id_of(PublicKey const& key);

// Who this host is: an Ed25519 key made once and kept in the state directory.
class Identity {
public:
    explicit Identity(Key const& seed) : key_(seed), id_(node_id_of(key_.public_key())) {}

    [[nodiscard]] static Identity generate() { return Identity(random_key()); }

    [[nodiscard]] base::NodeId id() const { return id_; }

    [[nodiscard]] PublicKey const& public_key() const { return key_.public_key(); }

    [[nodiscard]] Key const& seed() const { return key_.seed(); }

    [[nodiscard]] Signature sign(base::ByteView message) const { return key_.sign(message); }

private:
    SigningKey key_;
    base::NodeId id_;
};

// The identity in `state_dir`, made there if there is none. A damaged or unreadable one is an
// error, never replaced. Hold a StateLock.
[[nodiscard]] base::Result<Identity> load_or_make_identity(std::string const& state_dir);

// Counts a start of the agent: every call returns a higher number than any before it, and the
// number is on disk before it returns. Hold a StateLock; load_or_make_identity() comes first.
[[nodiscard]] base::Result<std::uint64_t> raise_boot_count(std::string const& state_dir);

// The first message counter of a run. Runs have 2^40 messages each, so a counter is never used
// twice by one identity and a restarted host is not taken for a replay.
[[nodiscard]] std::uint64_t first_counter(std::uint64_t boot_count);

}  // namespace net
