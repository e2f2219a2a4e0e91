#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace runtime {

// SHA-256 of bytes that come in parts.
class Sha256 {
public:
    Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    ~Sha256();
    void add(std::string_view bytes);
    // 64 hexadecimal digits; nothing may be added afterwards.
    [[nodiscard]] std::string finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

[[nodiscard]] std::string sha256_hex(std::string_view bytes);

}  // namespace runtime
