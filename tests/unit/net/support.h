#pragma once

#include <chrono>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "base/bytes.h"
#include "net/fleet.h"
#include "net/identity.h"
#include "net/sealing.h"
#include "tests/support/temp_dir.h"

namespace support {

inline void write_file(std::string const& path, std::string_view content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

// Runs the loop until the condition holds; false after ten seconds.
inline bool run_until(boost::asio::io_context& io, std::function<bool()> const& condition) {
    auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        io.restart();
        io.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
}

// Runs the loop for a while, to see that something does not happen.
inline void run_for(boost::asio::io_context& io, std::chrono::milliseconds span) {
    io.restart();
    io.run_for(span);
}

inline net::KeyRing one_key() {
    return net::make_fleet("test").keys;
}

inline net::Sealer sealer_of(net::Identity const& identity, net::KeyRing const& keys,
                             std::uint64_t boot = 1) {
    return net::Sealer(keys, identity.id(), net::first_counter(boot));
}

inline base::Bytes text(std::string_view value) {
    return base::to_bytes(value);
}

}  // namespace support
