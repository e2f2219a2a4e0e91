#include "net/crypto.h"

#include <sodium.h>

#include "base/check.h"

namespace net {

namespace {
static_assert(std::tuple_size_v<Nonce> == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(tag_size == crypto_aead_xchacha20poly1305_ietf_ABYTES);

// libsodium picks its implementations for this CPU once; repeated calls are free.
bool const ready = sodium_init() >= 0;

unsigned char* into(std::span<std::byte> bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

unsigned char const* raw(base::ByteView bytes) {
    return reinterpret_cast<unsigned char const*>(bytes.data());
}

void digest(base::ByteView key, std::initializer_list<base::ByteView> parts,
            std::span<std::byte, 32> out) {
    crypto_generichash_state state;
    crypto_generichash_init(&state, key.empty() ? nullptr : raw(key), key.size(), out.size());
    for (base::ByteView const part : parts) {
        crypto_generichash_update(&state, raw(part), part.size());
    }
    crypto_generichash_final(&state, into(out), out.size());
    sodium_memzero(&state, sizeof state);
}
}  // namespace

void wipe(std::span<std::byte> bytes) {
    sodium_memzero(bytes.data(), bytes.size());
}

void fill_random(std::span<std::byte> out) {
    CHECK(ready);
    randombytes_buf(out.data(), out.size());
}

Key random_key() {
    Key key;
    fill_random(key.bytes());
    return key;
}

Digest hash(std::initializer_list<base::ByteView> parts) {
    Digest out;
    digest({}, parts, out);
    return out;
}

Key derive_key(Key const& secret, std::string_view purpose,
               std::initializer_list<base::ByteView> context) {
    Key inner;
    digest(secret.view(), {base::as_bytes(purpose)}, inner.bytes());
    Key out;
    digest(inner.view(), context, out.bytes());
    return out;
}

void seal_box(Key const& key, Nonce const& nonce, base::ByteView header, base::ByteView plain,
              std::span<std::byte> out) {
    CHECK(out.size() == plain.size() + tag_size);
    crypto_aead_xchacha20poly1305_ietf_encrypt(into(out), nullptr, raw(plain), plain.size(),
                                               raw(header), header.size(), nullptr, raw(nonce),
                                               raw(key.view()));
}

bool open_box(Key const& key, Nonce const& nonce, base::ByteView header, base::ByteView box,
              std::span<std::byte> out) {
    if (box.size() < tag_size) {
        return false;
    }
    CHECK(out.size() == box.size() - tag_size);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(into(out), nullptr, nullptr, raw(box),
                                                      box.size(), raw(header), header.size(),
                                                      raw(nonce), raw(key.view())) == 0;
}

SigningKey::SigningKey(Key const& seed) : seed_(seed) {
    crypto_sign_seed_keypair(into(public_key_), into(secret_.bytes()), raw(seed.view()));
}

Signature SigningKey::sign(base::ByteView message) const {
    Signature signature;
    crypto_sign_detached(into(signature), nullptr, raw(message), message.size(),
                         raw(secret_.view()));
    return signature;
}

bool verify(PublicKey const& signer, base::ByteView message, Signature const& signature) {
    return crypto_sign_verify_detached(raw(signature), raw(message), message.size(), raw(signer)) ==
           0;
}

ExchangeKey::ExchangeKey() : secret_(random_key()) {
    crypto_scalarmult_base(into(public_key_), raw(secret_.view()));
}

std::optional<Key> ExchangeKey::agree(PublicKey const& peer) const {
    Key shared;
    if (crypto_scalarmult(into(shared.bytes()), raw(secret_.view()), raw(peer)) != 0) {
        return std::nullopt;
    }
    return shared;
}

std::string base64url(base::ByteView bytes) {
    constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0');
    sodium_bin2base64(text.data(), text.size(), raw(bytes), bytes.size(), variant);
    text.pop_back();  // libsodium counts and writes a final zero
    return text;
}

std::optional<base::Bytes> unbase64url(std::string_view text) {
    if (text.empty()) {
        return base::Bytes{};  // libsodium wants a place to write to
    }
    base::Bytes bytes(text.size());
    std::size_t size = 0;
    if (sodium_base642bin(into(bytes), bytes.size(), text.data(), text.size(), nullptr, &size,
                          nullptr, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
        return std::nullopt;
    }
    bytes.resize(size);
    return bytes;
}

}  // namespace net
