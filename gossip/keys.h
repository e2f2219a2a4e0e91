#pragma once

#include <array>
#include <cstddef>

#include "base/bytes.h"
#include "base/ids.h"

namespace gossip {

using PublicKey = std::array<std::byte, 32>;
using Signature = std::array<std::byte, 64>;

// The port to signatures (Ed25519 in the product): what a member says of itself is signed by it, so
// that no other member can say it. Implementations are pure functions of their arguments and key.
class Keys {
public:
    virtual ~Keys() = default;

    [[nodiscard]] virtual PublicKey const& public_key() const = 0;
    [[nodiscard]] virtual Signature sign(base::ByteView message) const = 0;
    // Whether `key` is the key behind `id` and signed `message`.
    [[nodiscard]] virtual bool verify(base::NodeId id, PublicKey const& key, base::ByteView message,
                                      Signature const& signature) const = 0;
};

}  // namespace gossip
