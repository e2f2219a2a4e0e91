#include "gossip/codec.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <msgpack.hpp>

namespace gossip {

namespace {

enum class Kind : std::uint8_t {
    ping = 0,
    ping_request = 1,
    ack = 2,
    exchange = 3,
    member = 4,
    broadcast = 5,
};

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

    [[nodiscard]] bool failed() const { return failed_; }

    [[nodiscard]] bool at_end() const { return rest_.empty(); }

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
    }

    void operator()(Ack const& ack) {
        kind = Kind::ack;
        out.number(ack.sequence);
        out.id(ack.subject);
    }

    void operator()(Exchange exchange) {
        kind = Kind::exchange;
        out.number(static_cast<std::uint8_t>(exchange));
    }

    void operator()(Member const& member) {
        kind = Kind::member;
        out.number(static_cast<std::uint8_t>(member.state));
        out.id(member.id);
        out.number(member.incarnation);
        out.address(member.address);
        out.text(member.name);
        out.blob(member.meta);
    }

    void operator()(Broadcast const& broadcast) {
        kind = Kind::broadcast;
        out.blob(broadcast.bytes);
    }
};

// In braces the reads happen in the order they are written.
Message read_body(Kind kind, Reader& in) {
    switch (kind) {
        case Kind::ping:
            return Ping{in.number()};
        case Kind::ping_request:
            return PingRequest{in.number(), in.id(), in.address()};
        case Kind::ack:
            return Ack{in.number(), in.id()};
        case Kind::exchange:
            return static_cast<Exchange>(in.number(1));
        case Kind::member: {
            Member member;
            member.state = static_cast<State>(in.number(3));
            member.id = in.id();
            member.incarnation = in.number(incarnation_max);
            member.address = in.address();
            member.name = in.text(name_max);
            base::ByteView const meta = in.blob(meta_max);
            member.meta.assign(meta.begin(), meta.end());
            return member;
        }
        case Kind::broadcast: {
            base::ByteView const bytes = in.blob(payload_max);
            return Broadcast{{bytes.begin(), bytes.end()}};
        }
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
        std::uint64_t const kind = in.number();
        Reader body(in.blob(packet.size()));
        if (in.failed() || messages.size() == messages_max) {
            return std::nullopt;
        }
        if (kind > static_cast<std::uint8_t>(Kind::broadcast)) {
            continue;
        }
        messages.push_back(read_body(static_cast<Kind>(kind), body));
        if (body.failed()) {
            return std::nullopt;
        }
    }
    return in.failed() ? std::nullopt : std::optional(std::move(messages));
}

}  // namespace

base::Bytes encode(Message const& message) {
    Body body;
    std::visit(body, message);
    Writer out;
    out.number(static_cast<std::uint8_t>(body.kind));
    out.blob(body.out.take());
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
