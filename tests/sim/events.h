#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/time.h"

namespace sim {

// What happens next: ordered by time, then by the order of scheduling, so that a run depends on
// nothing but its seed. Only small records move in the heap; the events stand still in slots that
// are used again.
template <class Event>
class Events {
public:
    void at(base::Instant when, Event event) {
        std::uint32_t slot = 0;
        if (free_.empty()) {
            slot = static_cast<std::uint32_t>(slots_.size());
            slots_.push_back(std::move(event));
        } else {
            slot = free_.back();
            free_.pop_back();
            slots_[slot] = std::move(event);
        }
        heap_.push_back({when, sequence_++, slot});
        std::ranges::push_heap(heap_, std::greater());
    }

    [[nodiscard]] bool empty() const { return heap_.empty(); }

    [[nodiscard]] std::size_t size() const { return heap_.size(); }

    [[nodiscard]] base::Instant next() const { return heap_.front().when; }

    Event pop() {
        std::ranges::pop_heap(heap_, std::greater());
        std::uint32_t const slot = heap_.back().slot;
        heap_.pop_back();
        free_.push_back(slot);
        return std::exchange(slots_[slot], Event());
    }

private:
    struct Entry {
        base::Instant when;
        std::uint64_t sequence;
        std::uint32_t slot;

        friend auto operator<=>(Entry const& a, Entry const& b) {
            return std::tie(a.when, a.sequence) <=> std::tie(b.when, b.sequence);
        }

        friend bool operator==(Entry const& a, Entry const& b) { return a.sequence == b.sequence; }
    };

    std::vector<Entry> heap_;
    std::vector<Event> slots_;
    std::vector<std::uint32_t> free_;
    std::uint64_t sequence_ = 0;
};

}  // namespace sim
