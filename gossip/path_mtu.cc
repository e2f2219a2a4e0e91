#include "gossip/path_mtu.h"

#include <algorithm>
#include <array>

namespace gossip {

namespace {

constexpr std::array<std::size_t, 4> steps{560, 900, 1380, 8000};
constexpr base::Duration search_interval = std::chrono::minutes(10);
constexpr int losses_max = 3;

// The next step above or below a size, or 0 when there is none.
std::size_t step_above(std::size_t size, std::size_t base) {
    auto const step = std::ranges::upper_bound(steps, size);
    if (base > size && (step == steps.end() || base < *step)) {
        return base;
    }
    return step == steps.end() ? 0 : *step;
}

std::size_t step_below(std::size_t size, std::size_t base) {
    auto const above = std::ranges::lower_bound(steps, size);
    std::size_t const step = above == steps.begin() ? 0 : *std::prev(above);
    return base < size ? std::max(base, step) : step;
}

}  // namespace

std::size_t PathMtu::probe_size(base::Instant now, std::size_t base) const {
    return now >= search_at_ ? step_above(size(base), base) : 0;
}

void PathMtu::on_delivered(base::Instant now, std::size_t size, std::size_t base) {
    if (lost_ > 0 && size >= smallest_lost_) {
        lost_ = 0;
    }
    std::size_t const next = step_above(this->size(base), base);
    if (next != 0 && size >= next) {
        change(now, next, base);
    }
}

void PathMtu::on_lost(base::Instant now, std::size_t size, std::size_t base) {
    if (size > this->size(base)) {
        if (++searches_lost_ >= losses_max) {
            searches_lost_ = 0;
            search_at_ = now + search_interval;
        }
        return;
    }
    std::size_t const lower = step_below(this->size(base), base);
    if (lower == 0 || size <= lower) {
        return;
    }
    auto const lost_size = static_cast<std::uint16_t>(size);
    smallest_lost_ = lost_ == 0 ? lost_size : std::min(smallest_lost_, lost_size);
    if (++lost_ >= losses_max) {
        change(now, lower, base);
    }
}

void PathMtu::change(base::Instant now, std::size_t size, std::size_t base) {
    size_ = size == base ? std::uint16_t{0} : static_cast<std::uint16_t>(size);
    lost_ = 0;
    searches_lost_ = 0;
    search_at_ = now;
}

}  // namespace gossip
