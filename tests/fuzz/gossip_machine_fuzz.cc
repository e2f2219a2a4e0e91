// A machine among arbitrary peers. The input is a script: each step passes time, hands in raw
// bytes, or hands in a well-formed message, so that states deep in the protocol are reached. What a
// machine promises is checked after every step.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "gossip/codec.h"
#include "gossip/gossip.h"
#include "tests/support/fake_keys.h"

namespace {

constexpr std::size_t datagram_max = 9000;
constexpr int idle_ticks_max = 100;

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
            case 5: {
                bool const refused = in_.u8() % 2 == 1;
                gossip_.on_unreachable(
                    now_, address_of(in_.u8()),
                    refused ? gossip::Unreachable::refused : gossip::Unreachable::silent, out_);
                break;
            }
            case 6:
                gossip_.broadcast(std::to_string(in_.u8()), base::Bytes(in_.u16() % 1025U));
                break;
            case 7:
                rare();
                break;
        }
    }

    void tick_often() {
        int at_once = 0;
        for (int ticks = in_.u8(); ticks > 0; --ticks) {
            base::Instant const next =
                std::max(now_, std::min(gossip_.next_deadline(), now_ + base::seconds(1)));
            at_once = next == now_ ? at_once + 1 : 0;
            // A deadline that is never met would be a busy loop.
            CHECK(at_once < idle_ticks_max);
            now_ = next;
            gossip_.on_tick(now_, out_);
        }
    }

    void receive(gossip::Channel channel, base::ByteView bytes) {
        std::uint8_t const from = in_.u8();
        std::size_t const sends = out_.sends.size();
        auto const result =
            gossip_.on_message(now_, node_id(from), address_of(from), channel, bytes, out_);
        CHECK(result || out_.sends.size() == sends);
        CHECK(result || out_.changes.empty());
    }

    gossip::Record record(std::uint8_t host) {
        gossip::Record fields;
        fields.id = node_id(host);
        fields.incarnation = in_.u8();
        fields.intent = static_cast<gossip::Intent>(in_.u8() % 5);
        fields.address = address_of(host);
        fields.name = "n";
        std::uint8_t const signer = in_.u8();
        // Now and then another signs it than it is about.
        bool const forged = signer >= 0xf0;
        support::FakeKeys const keys(node_id(forged ? signer : host));
        if (keys.public_key() == support::FakeKeys::key_of(fields.id)) {
            said_.insert({fields.id, fields.incarnation});
        }
        return gossip::make_record(std::move(fields), keys);
    }

    gossip::Exchange exchange() {
        gossip::Exchange result;
        result.phase = static_cast<gossip::Exchange::Phase>(in_.u8() % 3);
        if (result.phase == gossip::Exchange::Phase::compare) {
            result.digests.resize(1 + in_.u8() % gossip::buckets_max);
        } else {
            result.bucket_count = static_cast<std::uint8_t>(1 + in_.u8() % gossip::buckets_max);
            result.buckets = UINT64_MAX >> (64 - result.bucket_count);
        }
        return result;
    }

    // The well-formed message that the next bytes choose; sequences from what was sent last.
    gossip::Message message() {
        std::uint8_t const host = in_.u8();
        switch (in_.u8() % 8) {
            case 0:
                return gossip::Ping{in_.u8()};
            case 1:
                return gossip::Ack{last_ping_, node_id(host), gossip::Coordinate{}};
            case 2:
                return gossip::PingRequest{in_.u8(), node_id(host), address_of(host),
                                           base::milliseconds(in_.u16())};
            case 3:
                return gossip::Nack{last_ping_};
            case 4:
                return gossip::Accusation{static_cast<gossip::Accusation::Kind>(in_.u8() % 3),
                                          node_id(host), in_.u8(), node_id(in_.u8())};
            case 5:
                return gossip::Broadcast{base::Bytes(in_.u8())};
            default:
                return record(host);
        }
    }

    void receive_message() {
        std::uint8_t const shape = in_.u8();
        gossip::PacketWriter packet(1200);
        bool const stream = shape % 2 == 1;
        if (stream && shape % 4 == 3) {
            packet.add(gossip::encode(exchange()));
        }
        for (int count = shape / 64; count >= 0; --count) {
            packet.add(gossip::encode(message()));
        }
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
                gossip::Member known;
                known.id = node_id(in_.u8());
                known.address = address_of(1);
                known.incarnation = 3;
                known.state = static_cast<gossip::State>(in_.u8() % 8);
                said_.insert({known.id, 0});
                gossip_.remember(now_, {&known, 1});
                break;
            }
            case 3:
                gossip_.begin_leave(now_, out_);
                break;
            case 4:
                gossip_.announce_restart(now_, out_);
                break;
            case 5:
                gossip_.evict(now_, node_id(in_.u8()), out_);
                break;
            case 6:
                gossip_.readmit(now_, node_id(in_.u8()), out_);
                break;
            case 7:
                set_config();
                break;
        }
    }

    void set_config() {
        gossip::Config config = gossip_.config();
        config.probe_interval = base::milliseconds(in_.u16());
        config.restart_hold = base::milliseconds(in_.u16());
        config.indirect_probes = in_.u8() % 20;
        bool const good = gossip::check(config).has_value();
        CHECK(gossip_.set_config(now_, config).has_value() == good);
        CHECK((gossip_.config() == config) || !good);
    }

    void check() {
        for (gossip::Send const& send : out_.sends) {
            bool const stream = send.channel == gossip::Channel::stream;
            CHECK(send.bytes.size() <= (stream ? gossip_.config().stream_max : datagram_max));
            auto const messages = gossip::decode(send.bytes);
            CHECK(messages.has_value());
            for (gossip::Message const& message : *messages) {
                if (auto const* const ping = std::get_if<gossip::Ping>(&message)) {
                    last_ping_ = ping->sequence;
                }
            }
        }
        check_self();
        CHECK(gossip_.members().size() <= gossip::members_max);
        for (auto const& [id, member] : gossip_.members()) {
            if (id == gossip_.self().id) {
                continue;
            }
            // Its incarnation only ever rises, and only by its own word.
            CHECK(member.incarnation >= highest_[id]);
            highest_[id] = member.incarnation;
            CHECK(said_.contains({id, member.incarnation}));
            CHECK(member.state != gossip::State::suspect || member.accusers > 0);
        }
    }

    void check_self() {
        gossip::Member const* const self = gossip_.find(node_id(0));
        CHECK(self != nullptr);
        CHECK(self->state != gossip::State::suspect && self->state != gossip::State::down &&
              self->state != gossip::State::evicted);
        CHECK(self->incarnation == gossip_.self().incarnation);
        CHECK(self->incarnation >= highest_[self->id]);
        highest_[self->id] = self->incarnation;
    }

    base::ByteReader in_;
    support::FakeKeys keys_{node_id(0)};
    gossip::Gossip gossip_{
        {node_id(0), "self", address_of(0), 1, {}, 0}, {.queue_max = 16}, base::Prng(7), keys_};
    gossip::Effects out_;
    base::Instant now_{base::seconds(1)};
    std::uint64_t last_ping_ = 0;
    std::map<base::NodeId, std::uint64_t> highest_;
    std::set<std::pair<base::NodeId, std::uint64_t>> said_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    Script(std::as_bytes(std::span(data, size))).run();
    return 0;
}
