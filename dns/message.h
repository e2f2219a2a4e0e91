#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace dns {

enum class Type : std::uint16_t {
    a = 1,
    ns = 2,
    soa = 6,
    ptr = 12,
    hinfo = 13,
    aaaa = 28,
    srv = 33,
    opt = 41,
    ixfr = 251,
    axfr = 252,
    any = 255,
};

enum class Rcode : std::uint16_t {
    no_error = 0,
    format_error = 1,
    server_failure = 2,
    name_error = 3,
    not_implemented = 4,
    refused = 5,
    bad_version = 16,  // needs EDNS
};

inline constexpr std::uint16_t class_in = 1;
inline constexpr std::size_t header_size = 12;
inline constexpr std::size_t message_max = 65535;
inline constexpr std::size_t udp_payload_min = 512;  // without EDNS

namespace flag {
inline constexpr std::uint16_t response = 0x8000;
inline constexpr std::uint16_t opcode = 0x7800;
inline constexpr std::uint16_t authoritative = 0x0400;
inline constexpr std::uint16_t truncated = 0x0200;
inline constexpr std::uint16_t recursion_desired = 0x0100;
inline constexpr std::uint16_t recursion_available = 0x0080;
inline constexpr std::uint16_t checking_disabled = 0x0010;
inline constexpr std::uint16_t rcode = 0x000f;
}  // namespace flag

// The sender's OPT record (RFC 6891).
struct Edns {
    std::uint16_t payload{};
    std::uint8_t version{};
    bool dnssec_ok{};
};

struct Query {
    std::uint16_t id{};
    std::uint16_t flags{};
    std::string name;         // wire form, lower case
    base::ByteView question;  // name, type and class as asked, letter case included
    std::uint16_t type{};
    std::uint16_t klass{};
    std::optional<Edns> edns;
};

enum class Fault : std::uint8_t {
    not_a_query,     // a response, or no whole header: to answer could feed a loop
    unknown_opcode,  // anything but QUERY
    malformed,       // not exactly one question, or a record that does not parse
};

// `query.question` points into `message`. Compression pointers are skipped, never followed, so
// there is no loop to fall into; the question cannot hold one, as nothing precedes it.
[[nodiscard]] std::expected<Query, Fault> parse_query(base::ByteView message);

// Whether `message` is a response to a query with this id and question (in any letter case).
[[nodiscard]] bool is_response_to(base::ByteView message, std::uint16_t id,
                                  base::ByteView question);

// The flags of a message of at least header_size bytes.
[[nodiscard]] std::uint16_t flags_of(base::ByteView message);

// The bare header of an error, for a message whose question cannot be echoed; at least header_size
// bytes are given.
[[nodiscard]] base::Bytes bare_error(base::ByteView message, Rcode rcode);

// Builds the response to a query. The question is echoed byte for byte, an OPT record answers an
// OPT record, and records are added section by section, in the order of the wire.
class Reply {
public:
    Reply(Query const& query, std::size_t size_max);

    enum class Section : std::uint8_t { answer, authority, additional };

    // Owned by the question's name, less its first `skip` bytes. False, and nothing is added, if
    // the record does not fit.
    [[nodiscard]] bool add(Section section, std::size_t skip, Type type, std::uint32_t ttl,
                           base::ByteView data);
    // Owned by any name in wire form.
    [[nodiscard]] bool add(Section section, std::string_view owner, Type type, std::uint32_t ttl,
                           base::ByteView data);

    void set(std::uint16_t flags) { flags_ |= flags; }

    [[nodiscard]] base::Bytes finish(Rcode rcode);

private:
    bool add_record(Section section, base::ByteView owner, Type type, std::uint32_t ttl,
                    base::ByteView data);

    std::optional<Edns> edns_;
    std::size_t size_max_;
    std::uint16_t flags_;
    std::uint16_t counts_[3] = {};  // by Section
    base::ByteWriter writer_;
};

}  // namespace dns
