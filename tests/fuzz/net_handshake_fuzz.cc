#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "net/handshake.h"

// Hellos, replies and frames: as they come, and sealed by a member that misbehaves.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static net::KeyRing const keys({{.id = 1, .key = net::Key{}}});
    static net::Identity const self{net::Key{}};
    static net::Identity const other = net::Identity::generate();
    static net::Sealer sealer(keys, self.id(), 0);
    static net::Sealer member(keys, other.id(), 0);
    base::ByteView const input =
        std::as_bytes(std::span(data, std::min<std::size_t>(size, 60'000)));

    net::ServerHandshake server(self, sealer);
    static_cast<void>(server.on_hello(input));
    static_cast<void>(server.on_hello(member.seal(net::Purpose::hello, input)));
    static_cast<void>(server.on_finish(input));

    net::ClientHandshake client(self, sealer, 1);
    static_cast<void>(client.on_reply(input));
    static_cast<void>(client.on_reply(member.seal(net::Purpose::reply, input)));

    // A well-formed hello around the input's exchange key, then frames of its choice.
    base::ByteWriter hello;
    hello.raw(other.public_key());
    hello.raw(input.first(std::min<std::size_t>(input.size(), 34)));
    if (server.on_hello(member.seal(net::Purpose::hello, hello.view()))) {
        static_cast<void>(server.reader().on_frame(input));
    }
    net::Key const session;
    net::FrameWriter writer(session);
    net::FrameReader reader(session);
    base::Bytes const frames = writer.seal(input);
    static_cast<void>(reader.on_frame(input));
    static_cast<void>(reader.on_frame(frames));
    return 0;
}
