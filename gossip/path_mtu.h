#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace gossip {

// How large a datagram to one peer may be, found without ICMP (datagram packetization layer path
// MTU discovery, RFC 8899): pings are padded now and then to the next larger size, and what is
// answered is used. Pings that stay unanswered while their bare repeat is answered show a black
// hole: the size falls by one step (RFC 8899, 4.3). Datagrams must not be fragmented on their way:
// a fragmented one proves nothing.
//
// Sizes are of this library's bytes. The steps are 560, 900, 1,380 and, for jumbo frames, 8,000,
// and `base` (Config::datagram_max) among them, which is where it begins.
class PathMtu {
public:
    // What may be sent now.
    [[nodiscard]] std::size_t size(std::size_t base) const { return size_ == 0 ? base : size_; }

    // The size to which the next ping should be padded, or 0. A search is due at first, every 10
    // minutes and after a change of the size, and has ended when a size was lost 3 times.
    [[nodiscard]] std::size_t probe_size(base::Instant now, std::size_t base) const;

    // A datagram of this size was answered.
    void on_delivered(base::Instant now, std::size_t size, std::size_t base);
    // One of this size was not, but a bare one sent later was. Three in a row that the next lower
    // step would have carried lower the size; ones that are small anyway say nothing about it.
    void on_lost(base::Instant now, std::size_t size, std::size_t base);

private:
    void change(base::Instant now, std::size_t size, std::size_t base);

    base::Instant search_at_{};        // a search is due from here on
    std::uint16_t size_ = 0;           // 0: whatever base is
    std::uint16_t smallest_lost_ = 0;  // of those in `lost_`
    std::uint8_t lost_ = 0;            // in a row, of sizes in use
    std::uint8_t searches_lost_ = 0;
};

}  // namespace gossip
