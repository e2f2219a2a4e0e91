#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/hash.h"
#include "gossip/keys.h"

namespace support {

// Signatures without cryptography for tests and simulations: the same every time, and as fast as a
// hash. Whoever knows this file can forge one, so a test that forges does it by another FakeKeys.
//
// A NodeId may be any: its key is the id itself and a hash of it, so that verify() can tell whether
// a key is the one behind an id, as in the product.
class FakeKeys final : public gossip::Keys {
public:
    explicit FakeKeys(base::NodeId id) : key_(key_of(id)) {}

    [[nodiscard]] static gossip::PublicKey key_of(base::NodeId id) {
        gossip::PublicKey key{};
        auto const bytes = std::as_bytes(std::span(id.bytes));
        std::ranges::copy(bytes, key.begin());
        put(std::span(key).subspan<16, 8>(), derived("public 0", bytes));
        put(std::span(key).subspan<24, 8>(), derived("public 1", bytes));
        return key;
    }

    // Nothing if it is not the key of any id.
    [[nodiscard]] static std::optional<base::NodeId> id_of(gossip::PublicKey const& key) {
        base::NodeId id;
        std::ranges::copy(base::ByteView(key).first(id.bytes.size()),
                          std::as_writable_bytes(std::span(id.bytes)).begin());
        return key_of(id) == key ? std::optional(id) : std::nullopt;
    }

    [[nodiscard]] gossip::PublicKey const& public_key() const override { return key_; }

    [[nodiscard]] gossip::Signature sign(base::ByteView message) const override {
        return signature_of(key_, message);
    }

    [[nodiscard]] bool verify(base::NodeId id, gossip::PublicKey const& key, base::ByteView message,
                              gossip::Signature const& signature) const override {
        return key == key_of(id) && signature == signature_of(key, message);
    }

private:
    static std::uint64_t derived(std::string_view purpose, base::ByteView from) {
        return base::mix(base::stable_hash(purpose) ^ base::stable_hash(from));
    }

    static void put(std::span<std::byte, 8> out, std::uint64_t value) {
        for (std::byte& byte : out) {
            byte = static_cast<std::byte>(value);
            value >>= 8;
        }
    }

    static gossip::Signature signature_of(gossip::PublicKey const& key, base::ByteView message) {
        std::uint64_t link =
            base::sip_hash(derived("signing 0", key), derived("signing 1", key), message);
        gossip::Signature signature{};
        for (std::size_t at = 0; at < signature.size(); at += 8) {
            link = base::mix(link);
            put(std::span(signature).subspan(at).first<8>(), link);
        }
        return signature;
    }

    gossip::PublicKey key_;
};

}  // namespace support
