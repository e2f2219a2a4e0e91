#include "base/hash.h"

#include <bit>

namespace base {

namespace {

struct SipState {
    std::uint64_t v0, v1, v2, v3;

    void round() {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }

    void absorb(std::uint64_t word) {
        v3 ^= word;
        round();
        round();
        v0 ^= word;
    }
};

// Up to eight bytes, least significant first, whatever the byte order of the CPU.
std::uint64_t little_endian(ByteView bytes) {
    std::uint64_t word = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        word |= std::to_integer<std::uint64_t>(bytes[at]) << (8 * at);
    }
    return word;
}

constexpr std::uint64_t project_key0 = 0x636f7665792d6861;
constexpr std::uint64_t project_key1 = 0x73682d6b65793031;

}  // namespace

std::uint64_t sip_hash(std::uint64_t key0, std::uint64_t key1, ByteView bytes) {
    SipState state{key0 ^ 0x736f6d6570736575, key1 ^ 0x646f72616e646f6d, key0 ^ 0x6c7967656e657261,
                   key1 ^ 0x7465646279746573};
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
        state.absorb(little_endian(bytes.subspan(at, 8)));
    }
    state.absorb(little_endian(bytes.subspan(at)) |
                 (static_cast<std::uint64_t>(bytes.size()) << 56));
    state.v2 ^= 0xff;
    for (int round = 0; round < 4; ++round) {
        state.round();
    }
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

std::uint64_t stable_hash(ByteView bytes) {
    return sip_hash(project_key0, project_key1, bytes);
}

std::uint64_t stable_hash(std::string_view text) {
    return stable_hash(as_bytes(text));
}

std::array<std::uint64_t, 2> stable_hash128(ByteView bytes) {
    return {stable_hash(bytes), sip_hash(~project_key0, ~project_key1, bytes)};
}

std::uint64_t mix(std::uint64_t value) {
    value += 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

}  // namespace base
