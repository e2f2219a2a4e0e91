// A machine among arbitrary peers. The input is a script: each step passes time, hands in raw
// bytes, or hands in a well-formed claim, so that states deep in the protocol are reached. What a
// machine promises is checked after every step.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "base/check.h"
#include "base/random.h"
#include "gossip/codec.h"
#include "gossip/gossip.h"

namespace {

base::NodeId node_id(std::uint8_t host) {
    base::NodeId id;
    id.bytes[0] = static_cast<std::uint8_t>(host % 8);
    id.bytes[1] = 1;
    return id;
}

base::SocketAddress address_of(std::uint8_t host) {
    return {base::IpAddress::v4(0x0a000000U + host % 8U), 7700};
}

class Script {
public:
    explicit Script(base::ByteView bytes) : in_(bytes) {
        std::array<base::SocketAddress, 2> const seeds{address_of(1), address_of(2)};
        gossip_.join(now_, seeds, out_);
        check();
    }

    void run() {
        while (!in_.failed() && !in_.at_end()) {
            out_.clear();
            step();
            check();
        }
    }

private:
    void step() {
        switch (in_.u8() % 8) {
            case 0:
                now_ += base::milliseconds(in_.u16());
                gossip_.on_tick(now_, out_);
                break;
            case 1:
                tick_often();
                break;
            case 2:
                receive(gossip::Channel::datagram, in_.sized(1300));
                break;
            case 3:
                receive(gossip::Channel::stream, in_.sized(4096));
                break;
            case 4:
                receive_message();
                break;
            case 5:
                gossip_.on_unreachable(now_, address_of(in_.u8()), out_);
                break;
            case 6:
                gossip_.broadcast(std::to_string(in_.u8()), base::Bytes(in_.u16() % 1025U));
                break;
            case 7:
                rare();
                break;
        }
    }

    void tick_often() {
        for (int ticks = in_.u8(); ticks > 0; --ticks) {
            now_ = std::max(now_, std::min(gossip_.next_deadline(), now_ + base::seconds(1)));
            gossip_.on_tick(now_, out_);
        }
    }

    void receive(gossip::Channel channel, base::ByteView bytes) {
        std::uint8_t const from = in_.u8();
        auto const result =
            gossip_.on_message(now_, node_id(from), address_of(from), channel, bytes, out_);
        CHECK(result || out_.sends.empty());
        CHECK(result || out_.changes.empty());
    }

    // The well-formed message that the next bytes choose; sequences from what was sent last.
    void receive_message() {
        gossip::Message message;
        bool stream = false;
        std::uint8_t const host = in_.u8();
        switch (in_.u8() % 4) {
            case 0:
                message = gossip::Ping{in_.u8()};
                break;
            case 1:
                message = gossip::Ack{last_ping_, node_id(host)};
                break;
            case 2:
                message = gossip::PingRequest{in_.u8(), node_id(host), address_of(host)};
                break;
            case 3:
                message = gossip::Member{node_id(host),
                                         "n",
                                         address_of(host),
                                         in_.u8(),
                                         static_cast<gossip::State>(in_.u8() % 4),
                                         {},
                                         {}};
                stream = in_.u8() % 2 == 1;
                break;
        }
        gossip::PacketWriter packet(1200);
        if (stream) {
            packet.add(gossip::encode(gossip::Exchange::request));
        }
        packet.add(gossip::encode(message));
        base::Bytes const bytes = packet.take();
        receive(stream ? gossip::Channel::stream : gossip::Channel::datagram, bytes);
    }

    void rare() {
        switch (in_.u8() % 16) {
            case 0:
                gossip_.leave(now_, out_);
                break;
            case 1:
                gossip_.set_meta(now_, base::Bytes(in_.u8()), out_);
                break;
            case 2: {
                gossip::Member const known{node_id(in_.u8()), "", address_of(1), 3, {}, {}, {}};
                gossip_.remember(now_, {&known, 1});
                break;
            }
        }
    }

    void check() {
        for (gossip::Send const& send : out_.sends) {
            bool const stream = send.channel == gossip::Channel::stream;
            CHECK(send.bytes.size() <= (stream ? config_.stream_max : config_.datagram_max));
            auto const messages = gossip::decode(send.bytes);
            CHECK(messages.has_value());
            for (gossip::Message const& message : *messages) {
                if (auto const* const ping = std::get_if<gossip::Ping>(&message)) {
                    last_ping_ = ping->sequence;
                }
            }
        }
        gossip::Member const* const self = gossip_.find(node_id(0));
        CHECK(self != nullptr);
        CHECK(self->state == gossip::State::alive || self->state == gossip::State::left);
        CHECK(self->incarnation == gossip_.self().incarnation);
        CHECK(gossip_.members().size() <= gossip::members_max);
        for (auto const& [id, member] : gossip_.members()) {
            // What is known of a member only ever rises.
            auto& highest = highest_[id];
            auto const rank = std::pair(member.incarnation, member.state);
            CHECK(id == self->id || rank >= highest);
            highest = rank;
        }
    }

    base::ByteReader in_;
    gossip::Config config_{.queue_max = 16};
    gossip::Gossip gossip_{{node_id(0), "self", address_of(0), 1, {}}, config_, base::Prng(7)};
    gossip::Effects out_;
    base::Instant now_{base::seconds(1)};
    std::uint64_t last_ping_ = 0;
    std::map<base::NodeId, std::pair<std::uint64_t, gossip::State>> highest_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    Script(std::as_bytes(std::span(data, size))).run();
    return 0;
}
