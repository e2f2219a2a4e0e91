// An agent among members that misbehave: the input is a script of raw messages and of well-formed
// entries with keys of every kind and values of its choice. Whatever the shared state says, the
// agent plans with it.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "agent/agent.h"
#include "agent/machine.h"
#include "base/check.h"
#include "base/text.h"
#include "crdt/codec.h"
#include "tests/support/fake_keys.h"

namespace {

base::SocketAddress const peer_address{base::IpAddress::v4(0x0a000002), 7700};

base::NodeId node(std::uint8_t number) {
    base::NodeId id;
    id.bytes.back() = number;
    return id;
}

std::string key_of(std::uint8_t kind) {
    std::array const keys{
        std::string("service/p/s"),
        std::string("scale/p/s"),
        agent::facts_entry(node(2)),
        agent::wish_entry(node(static_cast<std::uint8_t>(kind / 32))),
        agent::instance_entry(node(2), "p/s", kind),
        agent::subnet_entry({0x0a800000U + (std::uint32_t{kind} << 8U), 24}),
        agent::vip_entry(base::IpAddress::v4(0x0a8f0000U + kind)),
        agent::token_entry("0123456789abcdef"),
    };
    return keys.at(kind % keys.size());
}

agent::Config config() {
    agent::Config out;
    out.id = node(1);
    out.address = {base::IpAddress::v4(0x0a000001), 7700};
    out.facts.name = "self";
    return out;
}

class Script {
public:
    explicit Script(base::ByteView bytes) : in_(bytes) {
        std::array const seeds{peer_address};
        agent_.start(now_, {}, {}, seeds, out_);
    }

    void run() {
        while (!in_.failed() && !in_.at_end()) {
            out_.clear();
            step();
            for (gossip::Send const& send : out_.sends) {
                CHECK(!send.bytes.empty());
            }
        }
        (void)agent_.status(now_);
        (void)agent_.services();
        (void)agent_.nodes(now_);
        CHECK(agent_.instances("").has_value());
    }

private:
    void step() {
        std::uint8_t const kind = in_.u8();
        switch (kind % 4) {
            case 0:
                receive(in_.sized(4096));
                break;
            case 1:
            case 2:
                receive_entry(kind / 4);
                break;
            case 3:
                now_ += base::milliseconds(in_.u16());
                agent_.on_tick(now_, out_);
                break;
        }
    }

    void receive(base::ByteView bytes) {
        agent_.on_message(now_, node(2), peer_address, gossip::Channel::stream, bytes, out_);
    }

    void receive_entry(std::uint8_t kind) {
        ++written_;
        crdt::Stamp const before{stamp_, stamp_ == 0 ? base::NodeId{} : node(2)};
        crdt::Entry const entry{.key = key_of(kind),
                                .value = to_vector(in_.sized(2048)),
                                .stamp = {++stamp_, node(2)},
                                .replaced = before,
                                .dot = {node(2), written_}};
        base::ByteWriter message;
        message.u8(static_cast<std::uint8_t>(agent::Part::entries));
        crdt::encode(entry, message);
        receive(message.view());
    }

    static base::Bytes to_vector(base::ByteView bytes) { return {bytes.begin(), bytes.end()}; }

    base::ByteReader in_;
    support::FakeKeys keys_{node(1)};
    agent::Agent agent_{config(), base::Prng(3), keys_};
    agent::Effects out_;
    base::Instant now_{base::seconds(1)};
    std::uint64_t written_ = 0;
    std::uint64_t stamp_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    Script(std::as_bytes(std::span(data, size))).run();
    return 0;
}
