#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "dns/message.h"
#include "dns/zone.h"

namespace dns {

struct Asking {
    std::string name;
    std::string type = "A";
    std::optional<std::uint16_t> payload = {};  // EDNS
    std::uint8_t version = 0;
    bool dnssec_ok = false;
    std::uint16_t id = 0x1234;
    std::uint16_t flags = flag::recursion_desired;
    std::uint16_t klass = class_in;
};

// The bytes of a query, letter case kept.
base::Bytes ask(Asking const& asking);

// A response as dig shows it. A record reads "owner type data"; an unknown type is its number.
struct Reading {
    std::uint16_t id{};
    std::uint16_t flags{};
    int rcode{};  // with EDNS's upper bits
    std::string question;
    std::vector<std::string> answers;
    std::vector<std::string> authorities;
    std::vector<std::string> additionals;  // without OPT
    std::optional<Edns> edns;
    std::vector<std::uint32_t> ttls;
};

// Fails the test if the message is malformed or has bytes left over.
Reading read(base::ByteView message);

}  // namespace dns
