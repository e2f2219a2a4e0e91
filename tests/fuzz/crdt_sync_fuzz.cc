#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "crdt/message.h"
#include "crdt/sync.h"

namespace {

base::NodeId node(std::uint8_t number) {
    base::NodeId id;
    id.bytes.back() = number;
    return id;
}

}  // namespace

// A host in the middle of a pull hears the input twice: as it is, and, if it is an answer, as the
// answer to the question the host asked.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    base::ByteView const bytes = std::as_bytes(std::span(data, size));
    crdt::Map map(node(1));
    CHECK(map.put("a", base::to_bytes("1")).has_value());
    crdt::Sync sync(node(1), {}, base::Prng(1));
    crdt::SyncEffects out;
    sync.pull({}, node(2), map, out);
    auto const pull = crdt::decode_message(out.sends.at(0).bytes);
    (void)sync.on_message({}, node(3), bytes, map, out);
    auto message = crdt::decode_message(bytes);
    if (message) {
        CHECK(base::as_text(crdt::encode(*message)) == base::as_text(bytes));
        if (auto* const answer = std::get_if<crdt::Answer>(&*message)) {
            answer->question = crdt::question_of(std::get<crdt::Pull>(*pull));
            (void)sync.on_message({}, node(2), crdt::encode(*message), map, out);
        }
    }
    for (crdt::Send const& send : out.sends) {
        CHECK(send.bytes.size() <= crdt::message_max);
        CHECK(crdt::decode_message(send.bytes).has_value());
    }
    crdt::Map copy(node(9));
    for (crdt::Entry const& entry : map.delta({}, crdt::message_max).entries) {
        CHECK(copy.merge(entry).has_value());
    }
    CHECK(copy.canonical() == map.canonical());
    return 0;
}
