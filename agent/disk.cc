#include "agent/disk.h"

#include <utility>

namespace agent {

bool DiskWatch::on_state(base::Instant now, DiskState state) {
    if (state == DiskState::full) {
        works_since_.reset();
        return std::exchange(accepts_, false);
    }
    if (accepts_) {
        return false;
    }
    works_since_ = works_since_.value_or(now);
    accepts_ = now - *works_since_ >= works_for;
    return accepts_;
}

}  // namespace agent
