#pragma once

#include "gossip/keys.h"
#include "net/identity.h"

namespace net {

// The signatures of members, with this host's own key.
class IdentityKeys final : public gossip::Keys {
public:
    // `identity` must outlive this object.
    explicit IdentityKeys(Identity const& identity) : identity_(identity) {}

    [[nodiscard]] gossip::PublicKey const& public_key() const override {
        return identity_.public_key();
    }

    [[nodiscard]] gossip::Signature sign(base::ByteView message) const override {
        return identity_.sign(message);
    }

    [[nodiscard]] bool verify(base::NodeId id, gossip::PublicKey const& key, base::ByteView message,
                              gossip::Signature const& signature) const override {
        return node_id_of(key) == id && net::verify(key, message, signature);
    }

private:
    Identity const& identity_;
};

}  // namespace net
