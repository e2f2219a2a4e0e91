#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "base/time.h"

namespace sim {

// What happens next: ordered by time, then by the order of scheduling, so that a run depends on
// nothing but its seed.
class Events {
public:
    using Action = std::function<void()>;

    void at(base::Instant when, Action action) {
        heap_.push({when, sequence_++, std::move(action)});
    }

    [[nodiscard]] bool empty() const { return heap_.empty(); }

    [[nodiscard]] base::Instant next() const { return heap_.top().when; }

    Action pop() {
        Action action = std::move(const_cast<Event&>(heap_.top()).action);
        heap_.pop();
        return action;
    }

private:
    struct Event {
        base::Instant when;
        std::uint64_t sequence;
        Action action;

        bool operator<(Event const& other) const {
            return std::pair(other.when, other.sequence) < std::pair(when, sequence);
        }
    };

    std::priority_queue<Event> heap_;
    std::uint64_t sequence_ = 0;
};

}  // namespace sim
