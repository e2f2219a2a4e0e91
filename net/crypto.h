#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"

// The only door to libsodium: every key, box, signature and random byte of the shell is made here.
namespace net {

void wipe(std::span<std::byte> bytes);

// Bytes that are overwritten when they go. Compares in constant time.
template <std::size_t size>
class Secret {
public:
    Secret() = default;

    explicit Secret(std::array<std::byte, size> const& bytes) : bytes_(bytes) {}

    Secret(Secret const&) = default;
    Secret& operator=(Secret const&) = default;

    ~Secret() { wipe(bytes_); }

    [[nodiscard]] base::ByteView view() const { return bytes_; }

    [[nodiscard]] std::span<std::byte, size> bytes() { return bytes_; }

    friend bool operator==(Secret const& left, Secret const& right) {
        std::byte difference{};
        for (std::size_t i = 0; i < size; ++i) {
            difference |= left.bytes_[i] ^ right.bytes_[i];
        }
        return difference == std::byte{};
    }

private:
    std::array<std::byte, size> bytes_{};
};

using Key = Secret<32>;
using Digest = std::array<std::byte, 32>;
using PublicKey = std::array<std::byte, 32>;
using Signature = std::array<std::byte, 64>;
using Nonce = std::array<std::byte, 24>;

inline constexpr std::size_t tag_size = 16;

void fill_random(std::span<std::byte> out);

template <std::size_t size>
[[nodiscard]] std::array<std::byte, size> random_bytes() {
    std::array<std::byte, size> bytes;
    fill_random(bytes);
    return bytes;
}

[[nodiscard]] Key random_key();

// BLAKE2b of the parts one after the other. The caller sees to it that no two inputs with a
// different meaning are the same bytes.
[[nodiscard]] Digest hash(std::initializer_list<base::ByteView> parts);

// A key for one purpose, from a secret and public or secret context (keyed BLAKE2b).
[[nodiscard]] Key derive_key(Key const& secret, std::string_view purpose,
                             std::initializer_list<base::ByteView> context);

// XChaCha20-Poly1305 with `header` as associated data. `out` is tag_size longer than `plain`.
void seal_box(Key const& key, Nonce const& nonce, base::ByteView header, base::ByteView plain,
              std::span<std::byte> out);

// False if the box was not made with this key, nonce and header; nothing of `out` is then
// meaningful. `out` is tag_size shorter than `box`.
[[nodiscard]] bool open_box(Key const& key, Nonce const& nonce, base::ByteView header,
                            base::ByteView box, std::span<std::byte> out);

// An Ed25519 key pair, given by its 32-byte seed.
class SigningKey {
public:
    explicit SigningKey(Key const& seed);

    [[nodiscard]] PublicKey const& public_key() const { return public_key_; }

    [[nodiscard]] Key const& seed() const { return seed_; }

    [[nodiscard]] Signature sign(base::ByteView message) const;

private:
    Key seed_;
    Secret<64> secret_;
    PublicKey public_key_{};
};

[[nodiscard]] bool verify(PublicKey const& signer, base::ByteView message,
                          Signature const& signature);

// An X25519 key pair made for one exchange.
class ExchangeKey {
public:
    ExchangeKey();

    [[nodiscard]] PublicKey const& public_key() const { return public_key_; }

    // The shared secret, to be hashed before use; nothing if the peer's key is a weak point.
    [[nodiscard]] std::optional<Key> agree(PublicKey const& peer) const;

private:
    Key secret_;
    PublicKey public_key_{};
};

// RFC 4648, section 5, without padding.
[[nodiscard]] std::string base64url(base::ByteView bytes);
[[nodiscard]] std::optional<base::Bytes> unbase64url(std::string_view text);

}  // namespace net
