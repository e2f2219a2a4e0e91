#pragma once

#include <algorithm>

#include "base/hash.h"
#include "gossip/keys.h"

namespace agent {

// Signatures without secrets: enough to tell one host's records from another's.
class FakeKeys final : public gossip::Keys {
public:
    explicit FakeKeys(base::NodeId id) : key_(key_of(id)) {}

    [[nodiscard]] gossip::PublicKey const& public_key() const override { return key_; }

    [[nodiscard]] gossip::Signature sign(base::ByteView message) const override {
        return signature_of(key_, message);
    }

    [[nodiscard]] bool verify(base::NodeId id, gossip::PublicKey const& key, base::ByteView message,
                              gossip::Signature const& signature) const override {
        return key == key_of(id) && signature == signature_of(key, message);
    }

private:
    static gossip::PublicKey key_of(base::NodeId id) {
        gossip::PublicKey key{};
        std::ranges::copy(std::as_bytes(std::span(id.bytes)), key.begin());
        return key;
    }

    static gossip::Signature signature_of(gossip::PublicKey const& key, base::ByteView message) {
        base::ByteWriter out;
        out.raw(key);
        out.u64(base::stable_hash(message));
        gossip::Signature signature{};
        std::ranges::copy(out.view(), signature.begin());
        return signature;
    }

    gossip::PublicKey key_;
};

}  // namespace agent
