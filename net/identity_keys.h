#pragma once

#include <utility>

#include "gossip/keys.h"
#include "net/identity.h"

namespace net {

// What a member says of itself is signed with its identity: Ed25519 (RFC 8032), by a key whose hash
// is the member's NodeId, so that nobody needs to be told whose key is whose.
class IdentityKeys final : public gossip::Keys {
public:
    explicit IdentityKeys(Identity identity) : identity_(std::move(identity)) {}

    [[nodiscard]] gossip::PublicKey const& public_key() const override;
    [[nodiscard]] gossip::Signature sign(base::ByteView message) const override;
    [[nodiscard]] bool verify(base::NodeId id, gossip::PublicKey const& key, base::ByteView message,
                              gossip::Signature const& signature) const override;

private:
    Identity identity_;
};

}  // namespace net
