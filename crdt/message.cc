#include "crdt/message.h"

#include <utility>

#include "base/hash.h"
#include "base/result.h"
#include "crdt/codec.h"
#include "crdt/sync.h"

namespace crdt {
namespace {

constexpr std::uint8_t protocol = 1;

enum class Kind : std::uint8_t { digest = 1, pull = 2, answer = 3 };

void write(Digest const& digest, base::ByteWriter& out) {
    out.u8(static_cast<std::uint8_t>(Kind::digest));
    out.u64(digest.value);
}

void write(Pull const& pull, base::ByteWriter& out) {
    out.u8(static_cast<std::uint8_t>(Kind::pull));
    encode(pull.from, out);
    encode(pull.ahead, out);
}

// The entries run to the end of the message.
void write(Answer const& answer, base::ByteWriter& out) {
    out.u8(static_cast<std::uint8_t>(Kind::answer));
    out.u64(answer.question);
    out.u8(answer.delta.complete ? 1 : 0);
    encode(answer.delta.covered, out);
    for (Entry const& entry : answer.delta.entries) {
        encode(entry, out);
    }
}

std::expected<Message, Errc> read_pull(base::ByteReader& in) {
    Pull pull;
    pull.from = TRY(decode_version(in));
    pull.ahead = TRY(decode_dots(in, ahead_max));
    return pull;
}

std::expected<Message, Errc> read_answer(base::ByteReader& in) {
    Answer answer;
    answer.question = in.u64();
    std::uint8_t const complete = in.u8();
    if (complete > 1) {
        return std::unexpected(Errc::malformed);
    }
    answer.delta.complete = complete == 1;
    answer.delta.covered = TRY(decode_version(in));
    while (!in.at_end()) {
        answer.delta.entries.push_back(TRY(decode_entry(in)));
    }
    return answer;
}

std::expected<Message, Errc> read(base::ByteReader& in) {
    if (in.u8() != protocol) {
        return std::unexpected(Errc::malformed);
    }
    switch (static_cast<Kind>(in.u8())) {
        case Kind::digest:
            return Digest{.value = in.u64()};
        case Kind::pull:
            return read_pull(in);
        case Kind::answer:
            return read_answer(in);
    }
    return std::unexpected(in.failed() ? Errc::malformed : Errc::later);
}

}  // namespace

base::Bytes encode(Message const& message) {
    base::ByteWriter out;
    out.u8(protocol);
    std::visit([&](auto const& body) { write(body, out); }, message);
    return out.take();
}

std::expected<Message, Errc> decode_message(base::ByteView bytes) {
    if (bytes.size() > message_max) {
        return std::unexpected(Errc::malformed);
    }
    base::ByteReader in(bytes);
    auto message = read(in);
    if (message && !in.complete()) {
        return std::unexpected(Errc::malformed);
    }
    return message;
}

std::uint64_t question_of(Pull const& pull) {
    base::ByteWriter out;
    write(pull, out);
    return base::stable_hash(out.view());
}

}  // namespace crdt
