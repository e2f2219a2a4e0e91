#include "gossip/codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>
#include <utility>

#include <msgpack.hpp>

#include "base/check.h"

namespace gossip {

namespace {

enum class Kind : std::uint8_t {
    ping = 0,
    ping_request = 1,
    ack = 2,
    nack = 3,
    record = 4,
    accusation = 5,
    exchange = 6,
    broadcast = 7,
    padding = 8,
};

constexpr auto kind_last = static_cast<std::uint64_t>(Kind::padding);
constexpr auto intent_last = static_cast<std::uint64_t>(Intent::left);
// The bits of an intent that say how a reader takes it which does not know it.
constexpr std::uint64_t intent_mask = 7;
constexpr auto accusation_last = static_cast<std::uint64_t>(Accusation::Kind::down);
constexpr auto phase_last = static_cast<std::uint64_t>(Exchange::Phase::take);
// So that nothing else a member signs can be taken for a record.
constexpr std::string_view record_domain = "covey record 2";
constexpr std::size_t padding_overhead = 6;  // its kind, and the longest form of a bin
constexpr std::size_t digest_size = sizeof(std::uint64_t);
constexpr std::size_t coordinate_size = sizeof(float) * (coordinate_dimensions + 3);

class Writer {
public:
    void number(std::uint64_t value) { packer_.pack(value); }

    void blob(base::ByteView bytes) {
        auto const size = static_cast<std::uint32_t>(bytes.size());
        packer_.pack_bin(size).pack_bin_body(reinterpret_cast<char const*>(bytes.data()), size);
    }

    void text(std::string_view value) {
        auto const size = static_cast<std::uint32_t>(value.size());
        packer_.pack_str(size).pack_str_body(value.data(), size);
    }

    // Zeros in the longest form of a bin, in which every size has its encoding.
    void zeros(std::size_t size) {
        sink_.bytes.push_back(std::byte{0xc6});
        for (int shift = 24; shift >= 0; shift -= 8) {
            sink_.bytes.push_back(static_cast<std::byte>(size >> shift));
        }
        sink_.bytes.resize(sink_.bytes.size() + size);
    }

    void id(base::NodeId const& value) { blob(std::as_bytes(std::span(value.bytes))); }

    // The bytes of IPv4 are 4 on the wire.
    void address(base::SocketAddress const& value) {
        auto const bytes = std::as_bytes(std::span(value.ip.bytes));
        blob(value.ip.is_v4() ? bytes.last(4) : bytes);
        number(value.port);
    }

    [[nodiscard]] base::Bytes take() { return std::move(sink_.bytes); }

private:
    struct Sink {
        base::Bytes bytes;

        void write(char const* data, std::size_t size) {
            auto const* const first = reinterpret_cast<std::byte const*>(data);
            bytes.insert(bytes.end(), first, first + size);
        }
    };

    Sink sink_;
    msgpack::packer<Sink> packer_{sink_};
};

// One scalar; anything else stops the parse. Views point into the parsed bytes.
struct Scalar : msgpack::null_visitor {
    enum class Type : std::uint8_t { none, number, text, blob };

    Type type = Type::none;
    std::uint64_t number = 0;
    std::string_view view;

    bool visit_nil() { return false; }

    bool visit_boolean(bool) { return false; }

    bool visit_negative_integer(std::int64_t) { return false; }

    bool visit_float32(float) { return false; }

    bool visit_float64(double) { return false; }

    bool visit_ext(char const*, std::uint32_t) { return false; }

    bool start_array(std::uint32_t) { return false; }

    bool start_map(std::uint32_t) { return false; }

    bool visit_positive_integer(std::uint64_t value) {
        type = Type::number;
        number = value;
        return true;
    }

    bool visit_str(char const* data, std::uint32_t size) {
        type = Type::text;
        view = {data, size};
        return true;
    }

    bool visit_bin(char const* data, std::uint32_t size) {
        type = Type::blob;
        view = {data, size};
        return true;
    }
};

// Reads scalars one after the other. The first that is absent, of another type or too large makes
// failed() true and this and every later one zero or empty.
class Reader {
public:
    explicit Reader(base::ByteView bytes) : rest_(base::as_text(bytes)) {}

    std::uint64_t number(std::uint64_t max = UINT64_MAX) {
        Scalar const scalar = next(Scalar::Type::number);
        failed_ |= scalar.number > max;
        return failed_ ? 0 : scalar.number;
    }

    base::ByteView blob(std::size_t size_max) {
        Scalar const scalar = next(Scalar::Type::blob);
        failed_ |= scalar.view.size() > size_max;
        return failed_ ? base::ByteView{} : base::as_bytes(scalar.view);
    }

    std::string text(std::size_t size_max) {
        Scalar const scalar = next(Scalar::Type::text);
        failed_ |= scalar.view.size() > size_max;
        return failed_ ? std::string{} : std::string(scalar.view);
    }

    base::NodeId id() {
        base::NodeId value;
        base::ByteView const bytes = blob(value.bytes.size());
        failed_ |= bytes.size() != value.bytes.size();
        std::ranges::copy(bytes, std::as_writable_bytes(std::span(value.bytes)).begin());
        return value;
    }

    base::SocketAddress address() {
        // Four bytes fill the end of an IPv4 address.
        base::SocketAddress value{base::IpAddress::v4(0), 0};
        base::ByteView const bytes = blob(value.ip.bytes.size());
        failed_ |= bytes.size() != value.ip.bytes.size() && bytes.size() != 4;
        auto const out = std::as_writable_bytes(std::span(value.ip.bytes));
        std::ranges::copy(bytes, out.last(bytes.size()).begin());
        value.port = static_cast<std::uint16_t>(number(UINT16_MAX));
        return value;
    }

    // As if the scalar read last had been of another type.
    void fail() { failed_ = true; }

    [[nodiscard]] bool failed() const { return failed_; }

    [[nodiscard]] bool at_end() const { return rest_.empty(); }

    [[nodiscard]] std::size_t remaining() const { return rest_.size(); }

private:
    Scalar next(Scalar::Type type) {
        Scalar scalar;
        std::size_t size = 0;
        bool const parsed = !failed_ && msgpack::parse(rest_.data(), rest_.size(), size, scalar);
        if (!parsed || scalar.type != type) {
            failed_ = true;
            return {};
        }
        rest_.remove_prefix(size);
        return scalar;
    }

    std::string_view rest_;
    bool failed_ = false;
};

base::Bytes to_bytes(Coordinate const& coordinate) {
    base::ByteWriter out;
    for (float const value : coordinate.at) {
        out.u32(std::bit_cast<std::uint32_t>(value));
    }
    for (float const value : {coordinate.height, coordinate.error, coordinate.adjustment}) {
        out.u32(std::bit_cast<std::uint32_t>(value));
    }
    return out.take();
}

std::optional<Coordinate> read_coordinate(base::ByteView bytes) {
    if (bytes.size() != coordinate_size) {
        return std::nullopt;
    }
    base::ByteReader in(bytes);
    Coordinate coordinate;
    for (float& value : coordinate.at) {
        value = std::bit_cast<float>(in.u32());
    }
    for (float* const value : {&coordinate.height, &coordinate.error, &coordinate.adjustment}) {
        *value = std::bit_cast<float>(in.u32());
    }
    return is_valid(coordinate) ? std::optional(coordinate) : std::nullopt;
}

struct Body {
    Kind kind{};
    Writer out;

    void operator()(Ping const& ping) {
        kind = Kind::ping;
        out.number(ping.sequence);
    }

    void operator()(PingRequest const& request) {
        kind = Kind::ping_request;
        out.number(request.sequence);
        out.id(request.target);
        out.address(request.address);
        auto const patience = std::clamp(request.patience, base::Duration{}, patience_max);
        auto const whole = std::chrono::floor<base::milliseconds>(patience);
        out.number(static_cast<std::uint64_t>(whole.count()));
    }

    void operator()(Ack const& ack) {
        kind = Kind::ack;
        out.number(ack.sequence);
        out.id(ack.subject);
        out.blob(ack.coordinate ? to_bytes(*ack.coordinate) : base::Bytes{});
    }

    void operator()(Nack const& nack) {
        kind = Kind::nack;
        out.number(nack.sequence);
    }

    void operator()(Record const& record) {
        kind = Kind::record;
        out.blob(record.body);
        out.blob(record.signature);
    }

    void operator()(Accusation const& accusation) {
        kind = Kind::accusation;
        out.number(static_cast<std::uint8_t>(accusation.kind));
        out.id(accusation.member);
        out.number(accusation.incarnation);
        out.id(accusation.accuser);
    }

    void operator()(Exchange const& exchange) {
        kind = Kind::exchange;
        out.number(static_cast<std::uint8_t>(exchange.phase));
        if (exchange.phase != Exchange::Phase::compare) {
            out.number(exchange.bucket_count);
            out.number(exchange.buckets);
            return;
        }
        base::ByteWriter digests;
        for (std::uint64_t const digest : exchange.digests) {
            digests.u64(digest);
        }
        out.blob(digests.view());
    }

    void operator()(Broadcast const& broadcast) {
        kind = Kind::broadcast;
        out.blob(broadcast.bytes);
    }

    // encode() writes it whole: its size is that of the message.
    void operator()(Padding const&) { kind = Kind::padding; }
};

base::Bytes signed_bytes(Record const& record) {
    base::Bytes bytes = base::to_bytes(record_domain);
    bytes.insert(bytes.end(), record.body.begin(), record.body.end());
    return bytes;
}

void write_record_body(Record const& record, Writer& out) {
    out.id(record.id);
    out.blob(record.key);
    out.number(record.incarnation);
    out.number(static_cast<std::uint8_t>(record.intent));
    out.address(record.address);
    out.text(record.name);
    out.blob(record.meta);
}

// Exactly as many bytes as the array has.
template <std::size_t size>
std::array<std::byte, size> read_array(Reader& in) {
    std::array<std::byte, size> value{};
    base::ByteView const bytes = in.blob(size);
    if (bytes.size() != size) {
        in.fail();
        return {};
    }
    std::ranges::copy(bytes, value.begin());
    return value;
}

// A later version may say more, which must not make it a stranger to this one.
Intent read_intent(Reader& in) {
    std::uint64_t const known = in.number() & intent_mask;
    return known <= intent_last ? static_cast<Intent>(known) : Intent::running;
}

Record read_record(Reader& in) {
    Record record;
    base::ByteView const body = in.blob(record_body_max);
    record.body.assign(body.begin(), body.end());
    record.signature = read_array<std::tuple_size_v<Signature>>(in);
    Reader said(body);
    record.id = said.id();
    record.key = read_array<std::tuple_size_v<PublicKey>>(said);
    record.incarnation = said.number(incarnation_max);
    record.intent = read_intent(said);
    record.address = said.address();
    record.name = said.text(name_max);
    base::ByteView const meta = said.blob(meta_max);
    record.meta.assign(meta.begin(), meta.end());
    if (said.failed()) {
        in.fail();
    }
    return record;
}

Exchange read_exchange(Reader& in) {
    Exchange exchange;
    std::uint64_t const phase = in.number();
    if (phase > phase_last) {
        // What comes with it is news all the same; what it asks for we cannot know.
        return {.phase = Exchange::Phase::take, .digests = {}, .bucket_count = 1, .buckets = 0};
    }
    exchange.phase = static_cast<Exchange::Phase>(phase);
    if (exchange.phase != Exchange::Phase::compare) {
        exchange.bucket_count = static_cast<std::uint8_t>(in.number(buckets_max));
        if (exchange.bucket_count == 0) {
            in.fail();
            return exchange;
        }
        exchange.buckets = in.number(UINT64_MAX >> (buckets_max - exchange.bucket_count));
        return exchange;
    }
    base::ByteView const digests = in.blob(buckets_max * digest_size);
    if (digests.empty() || digests.size() % digest_size != 0) {
        in.fail();
    }
    for (base::ByteReader each(digests); each.remaining() >= digest_size;) {
        exchange.digests.push_back(each.u64());
    }
    return exchange;
}

std::optional<Accusation> read_accusation(Reader& in) {
    std::uint64_t const kind = in.number();
    if (kind > accusation_last) {
        return std::nullopt;
    }
    // In braces the reads happen in the order they are written.
    return Accusation{static_cast<Accusation::Kind>(kind), in.id(), in.number(incarnation_max),
                      in.id()};
}

// Nothing: a message to skip. In braces the reads happen in the order they are written.
std::optional<Message> read_body(Kind kind, Reader& in, std::size_t encoded_size) {
    switch (kind) {
        case Kind::ping:
            return Ping{in.number()};
        case Kind::ping_request: {
            constexpr auto most = std::chrono::floor<base::milliseconds>(patience_max).count();
            return PingRequest{in.number(), in.id(), in.address(),
                               base::milliseconds(in.number(most))};
        }
        case Kind::ack:
            return Ack{in.number(), in.id(), read_coordinate(in.blob(in.remaining()))};
        case Kind::nack:
            return Nack{in.number()};
        case Kind::record:
            return read_record(in);
        case Kind::accusation:
            return read_accusation(in);
        case Kind::exchange:
            return read_exchange(in);
        case Kind::broadcast: {
            base::ByteView const bytes = in.blob(payload_max);
            return Broadcast{{bytes.begin(), bytes.end()}};
        }
        case Kind::padding:
            if (encoded_size < padding_min) {
                in.fail();
            }
            return Padding{encoded_size};
    }
    std::unreachable();
}

std::optional<std::vector<Message>> read_packet(base::ByteView packet) {
    Reader in(packet);
    if (in.number() != wire_version) {
        return std::nullopt;
    }
    std::vector<Message> messages;
    while (!in.failed() && !in.at_end()) {
        std::size_t const before = in.remaining();
        std::uint64_t const kind = in.number();
        Reader body(in.blob(packet.size()));
        if (in.failed() || messages.size() == messages_max) {
            return std::nullopt;
        }
        if (kind > kind_last) {
            continue;
        }
        auto message = read_body(static_cast<Kind>(kind), body, before - in.remaining());
        if (body.failed()) {
            return std::nullopt;
        }
        if (message) {
            messages.push_back(*std::move(message));
        }
    }
    return in.failed() ? std::nullopt : std::optional(std::move(messages));
}

}  // namespace

Record make_record(Record fields, Keys const& keys) {
    CHECK(fields.name.size() <= name_max && fields.meta.size() <= meta_max);
    CHECK(fields.incarnation <= incarnation_max);
    fields.key = keys.public_key();
    Writer body;
    write_record_body(fields, body);
    fields.body = body.take();
    fields.signature = keys.sign(signed_bytes(fields));
    return fields;
}

bool verify(Record const& record, Keys const& keys) {
    return keys.verify(record.id, record.key, signed_bytes(record), record.signature);
}

base::Bytes encode(Message const& message) {
    Body body;
    std::visit(body, message);
    Writer out;
    out.number(static_cast<std::uint8_t>(body.kind));
    if (auto const* const padding = std::get_if<Padding>(&message)) {
        CHECK(padding->size >= padding_min);
        out.zeros(padding->size - padding_overhead);
    } else {
        out.blob(body.out.take());
    }
    return out.take();
}

PacketWriter::PacketWriter(std::size_t size_max) : size_max_(size_max) {
    Writer version;
    version.number(wire_version);
    bytes_ = version.take();
}

bool PacketWriter::add(base::ByteView message) {
    if (message.size() > room()) {
        return false;
    }
    bytes_.insert(bytes_.end(), message.begin(), message.end());
    ++count_;
    return true;
}

std::optional<std::vector<Message>> decode(base::ByteView packet) {
    try {
        return read_packet(packet);
    } catch (msgpack::unpack_error const&) {
        return std::nullopt;
    }
}

}  // namespace gossip
