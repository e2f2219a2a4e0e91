#include "reading.h"

#include <cstring>
#include <map>

#include <catch2/catch.hpp>

#include "base/address.h"
#include "base/text.h"

namespace dns {

namespace {

std::map<std::string, std::uint16_t> const types{
    {"A", 1},      {"NS", 2},     {"SOA", 6},    {"PTR", 12}, {"HINFO", 13},
    {"MX", 15},    {"TXT", 16},   {"AAAA", 28},  {"SRV", 33}, {"OPT", 41},
    {"HTTPS", 65}, {"IXFR", 251}, {"AXFR", 252}, {"ANY", 255}};

std::string type_text(std::uint16_t type) {
    for (auto const& [text, number] : types) {
        if (number == type) {
            return text;
        }
    }
    return std::to_string(type);
}

class Parser {
public:
    explicit Parser(base::ByteView message) : message_(message), reader_(message) {}

    std::uint16_t u16() { return reader_.u16(); }

    std::uint32_t u32() { return reader_.u32(); }

    base::ByteReader& reader() { return reader_; }

    // With pointers followed, backwards only.
    std::string name() {
        std::string text;
        std::size_t end = message_.size() - reader_.remaining();
        name_at(reader_, end, text);
        return text.empty() ? "." : text;
    }

    std::string data(std::uint16_t type, std::uint16_t size) {
        if (type == 1 || type == 28) {
            base::ByteView const raw = reader_.raw(size);
            base::IpAddress ip = base::IpAddress::v4(0);
            REQUIRE(raw.size() == (type == 1 ? 4 : 16));
            std::memcpy(ip.bytes.data() + 16 - raw.size(), raw.data(), raw.size());
            return to_string(ip);
        }
        std::size_t const before = reader_.remaining();
        std::string text;
        if (type == 2 || type == 12) {
            text = name();
        } else if (type == 6) {
            text = name();
            text += " " + name();
            for (int number = 0; number < 5; ++number) {
                text += base::concat(' ', u32());
            }
        } else if (type == 33) {
            for (int number = 0; number < 3; ++number) {
                text += base::concat(u16(), ' ');
            }
            text += name();
        } else {
            text = std::string(base::as_text(reader_.raw(size)));
        }
        CHECK(before - reader_.remaining() == size);
        return text;
    }

private:
    void name_at(base::ByteReader& reader, std::size_t before, std::string& text) {
        for (;;) {
            std::uint8_t const size = reader.u8();
            REQUIRE_FALSE(reader.failed());
            if (size == 0) {
                return;
            }
            if ((size & 0xc0) == 0xc0) {
                std::size_t const target =
                    static_cast<std::size_t>((size & 0x3f) << 8) + reader.u8();
                REQUIRE(target < before);
                base::ByteReader jumped(message_.subspan(target));
                name_at(jumped, target, text);
                return;
            }
            text += std::string(base::as_text(reader.raw(size))) + ".";
        }
    }

    base::ByteView message_;
    base::ByteReader reader_;
};

}  // namespace

base::Bytes ask(Asking const& asking) {
    base::ByteWriter writer;
    writer.u16(asking.id);
    writer.u16(asking.flags);
    writer.u16(1);
    writer.u32(0);
    writer.u16(asking.payload ? 1 : 0);
    if (asking.name != ".") {
        for (std::string_view const label : base::split(asking.name, '.')) {
            writer.u8(static_cast<std::uint8_t>(label.size()));
            writer.raw(base::as_bytes(label));
        }
    }
    writer.u8(0);
    auto const type = types.find(asking.type);
    writer.u16(type != types.end() ? type->second
                                   : base::parse_integer<std::uint16_t>(asking.type).value());
    writer.u16(asking.klass);
    if (asking.payload) {
        writer.u8(0);
        writer.u16(41);
        writer.u16(*asking.payload);
        writer.u8(0);
        writer.u8(asking.version);
        writer.u16(asking.dnssec_ok ? 0x8000 : 0);
        writer.u16(0);
    }
    return writer.take();
}

Reading read(base::ByteView message) {
    Parser parser(message);
    Reading reading;
    reading.id = parser.u16();
    reading.flags = parser.u16();
    reading.rcode = reading.flags & 15;
    std::uint16_t const questions = parser.u16();
    std::uint16_t counts[3];
    for (auto& count : counts) {
        count = parser.u16();
    }
    REQUIRE(questions <= 1);
    if (questions == 1) {
        reading.question = parser.name();
        reading.question += " " + type_text(parser.u16());
        (void)parser.u16();
    }
    std::vector<std::string>* const sections[3] = {&reading.answers, &reading.authorities,
                                                   &reading.additionals};
    for (std::size_t section = 0; section < 3; ++section) {
        for (int count = counts[section]; count > 0; --count) {
            std::string const owner = parser.name();
            std::uint16_t const type = parser.u16();
            std::uint16_t const klass = parser.u16();
            std::uint32_t const ttl = parser.u32();
            std::uint16_t const size = parser.u16();
            std::string const data = parser.data(type, size);
            if (type == 41) {
                CHECK(owner == ".");
                reading.edns =
                    Edns{klass, static_cast<std::uint8_t>(ttl >> 16), (ttl & 0x8000) != 0};
                reading.rcode |= static_cast<int>((ttl >> 24) << 4);
                continue;
            }
            CHECK(klass == class_in);
            sections[section]->push_back(owner + " " + type_text(type) + " " + data);
            reading.ttls.push_back(ttl);
        }
    }
    REQUIRE(parser.reader().complete());
    return reading;
}

}  // namespace dns
