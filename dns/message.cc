#include "dns/message.h"

#include <algorithm>

#include "base/check.h"
#include "dns/name.h"
#include "dns/zone.h"

namespace dns {

namespace {

constexpr std::size_t opt_size = 11;
constexpr std::uint16_t dnssec_ok_bit = 0x8000;
constexpr std::uint8_t pointer_bits = 0xc0;

// A name without compression, in lower case; nothing if it is malformed.
std::optional<std::string> read_name(base::ByteReader& reader) {
    std::string name;
    for (;;) {
        std::uint8_t const size = reader.u8();
        base::ByteView const label = reader.raw(size);
        if (reader.failed() || size > label_max || name.size() + 1 + size > name_max) {
            return std::nullopt;
        }
        name += static_cast<char>(size);
        if (size == 0) {
            return name;
        }
        std::ranges::transform(base::as_text(label), std::back_inserter(name), lower);
    }
}

// Whether the name was the root.
bool skip_name(base::ByteReader& reader, bool& malformed) {
    for (bool root = true;; root = false) {
        std::uint8_t const size = reader.u8();
        if (size == 0 || reader.failed()) {
            return root;
        }
        if ((size & pointer_bits) == pointer_bits) {
            (void)reader.u8();
            return false;
        }
        malformed = malformed || size > label_max;
        (void)reader.raw(size);
    }
}

// Skips the records behind the question and keeps the OPT record among them; false if malformed.
bool read_records(base::ByteReader& reader, unsigned count, unsigned additional_from,
                  std::optional<Edns>& edns) {
    bool malformed = false;
    for (unsigned at = 0; at < count && !malformed && !reader.failed(); ++at) {
        bool const root = skip_name(reader, malformed);
        std::uint16_t const type = reader.u16();
        std::uint16_t const klass = reader.u16();
        std::uint32_t const ttl = reader.u32();
        (void)reader.raw(reader.u16());
        if (type == static_cast<std::uint16_t>(Type::opt)) {
            malformed = malformed || !root || edns.has_value() || at < additional_from;
            edns = Edns{klass, static_cast<std::uint8_t>(ttl >> 16), (ttl & dnssec_ok_bit) != 0};
        }
    }
    return !malformed && !reader.failed();
}

std::uint16_t response_flags(std::uint16_t query_flags) {
    return static_cast<std::uint16_t>(
        flag::response | flag::recursion_available |
        (query_flags & (flag::opcode | flag::recursion_desired | flag::checking_disabled)));
}

}  // namespace

std::expected<Query, Fault> parse_query(base::ByteView message) {
    base::ByteReader reader(message);
    Query query;
    query.id = reader.u16();
    query.flags = reader.u16();
    std::uint16_t const questions = reader.u16();
    std::uint16_t const answers = reader.u16();
    std::uint16_t const authorities = reader.u16();
    std::uint16_t const additionals = reader.u16();
    if (reader.failed() || (query.flags & flag::response) != 0) {
        return std::unexpected(Fault::not_a_query);
    }
    if ((query.flags & flag::opcode) != 0) {
        return std::unexpected(Fault::unknown_opcode);
    }
    if (questions != 1) {
        return std::unexpected(Fault::malformed);
    }
    auto name = read_name(reader);
    query.type = reader.u16();
    query.klass = reader.u16();
    if (!name || reader.failed()) {
        return std::unexpected(Fault::malformed);
    }
    query.name = *std::move(name);
    query.question = message.subspan(header_size, query.name.size() + 4);
    unsigned const before_additional = unsigned{answers} + authorities;
    if (!read_records(reader, before_additional + additionals, before_additional, query.edns)) {
        return std::unexpected(Fault::malformed);
    }
    return query;
}

bool is_response_to(base::ByteView message, std::uint16_t id, base::ByteView question) {
    base::ByteReader reader(message);
    std::uint16_t const got_id = reader.u16();
    std::uint16_t const flags = reader.u16();
    std::uint16_t const questions = reader.u16();
    (void)reader.raw(6);
    base::ByteView const echoed = reader.raw(question.size());
    return !reader.failed() && got_id == id && (flags & flag::response) != 0 && questions == 1 &&
           std::ranges::equal(base::as_text(echoed), base::as_text(question), {}, lower, lower);
}

std::uint16_t flags_of(base::ByteView message) {
    CHECK(message.size() >= header_size);
    base::ByteReader reader(message.subspan(2));
    return reader.u16();
}

base::Bytes bare_error(base::ByteView message, Rcode rcode) {
    CHECK(message.size() >= header_size);
    base::ByteWriter writer;
    writer.raw(message.first(2));
    writer.u16(static_cast<std::uint16_t>(response_flags(flags_of(message)) |
                                          static_cast<std::uint16_t>(rcode)));
    writer.u64(0);
    return writer.take();
}

Reply::Reply(Query const& query, std::size_t size_max)
    : edns_(query.edns),
      size_max_(size_max - (query.edns ? opt_size : 0)),
      flags_(response_flags(query.flags)) {
    writer_.u16(query.id);
    writer_.u16(0);
    writer_.u16(1);
    writer_.u16(0);
    writer_.u32(0);
    writer_.raw(query.question);
}

bool Reply::add(Section section, std::size_t skip, Type type, std::uint32_t ttl,
                base::ByteView data) {
    base::ByteWriter pointer;
    pointer.u16(static_cast<std::uint16_t>((pointer_bits << 8) | (header_size + skip)));
    return add_record(section, pointer.view(), type, ttl, data);
}

bool Reply::add(Section section, std::string_view owner, Type type, std::uint32_t ttl,
                base::ByteView data) {
    return add_record(section, base::as_bytes(owner), type, ttl, data);
}

bool Reply::add_record(Section section, base::ByteView owner, Type type, std::uint32_t ttl,
                       base::ByteView data) {
    constexpr std::size_t fixed_size = 10;
    if (writer_.size() + owner.size() + fixed_size + data.size() > size_max_) {
        return false;
    }
    writer_.raw(owner);
    writer_.u16(static_cast<std::uint16_t>(type));
    writer_.u16(class_in);
    writer_.u32(ttl);
    writer_.u16(static_cast<std::uint16_t>(data.size()));
    writer_.raw(data);
    ++counts_[static_cast<std::size_t>(section)];
    return true;
}

base::Bytes Reply::finish(Rcode rcode) {
    auto const code = static_cast<std::uint16_t>(rcode);
    if (edns_) {
        writer_.u8(0);
        writer_.u16(static_cast<std::uint16_t>(Type::opt));
        writer_.u16(udp_payload_max);
        writer_.u8(static_cast<std::uint8_t>(code >> 4));
        writer_.u8(0);
        writer_.u16(edns_->dnssec_ok ? dnssec_ok_bit : 0);
        writer_.u16(0);
        ++counts_[static_cast<std::size_t>(Section::additional)];
    }
    writer_.patch_u16(2, static_cast<std::uint16_t>(flags_ | (code & flag::rcode)));
    for (std::size_t section = 0; section < std::size(counts_); ++section) {
        writer_.patch_u16(6 + 2 * section, counts_[section]);
    }
    return writer_.take();
}

}  // namespace dns
