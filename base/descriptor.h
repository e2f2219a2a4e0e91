#pragma once

#include <utility>

#include <unistd.h>

namespace base {

// Owns one open file descriptor and closes it; -1 when it owns none.
class Descriptor {
public:
    Descriptor() = default;

    explicit Descriptor(int fd) : fd_(fd) {}

    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    Descriptor& operator=(Descriptor&& other) noexcept {
        Descriptor taken(std::move(other));
        std::swap(fd_, taken.fd_);
        return *this;
    }

    ~Descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }

    [[nodiscard]] int get() const { return fd_; }

    [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }

    [[nodiscard]] int release() { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

}  // namespace base
