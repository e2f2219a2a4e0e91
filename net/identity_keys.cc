#include "net/identity_keys.h"

namespace net {

gossip::PublicKey const& IdentityKeys::public_key() const {
    return identity_.public_key();
}

gossip::Signature IdentityKeys::sign(base::ByteView message) const {
    return identity_.sign(message);
}

bool IdentityKeys::verify(base::NodeId id, gossip::PublicKey const& key, base::ByteView message,
                          gossip::Signature const& signature) const {
    return id == node_id_of(key) && net::verify(key, message, signature);
}

}  // namespace net
