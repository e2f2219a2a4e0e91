#include "tests/sim/shrink.h"

#include <algorithm>
#include <array>

namespace sim {

namespace {

// Smaller fleets are tried from the smallest on, in all about this many.
constexpr std::size_t fleets_tried_max = 12;
constexpr std::array fault_seconds{1, 2, 5, 10, 15, 20, 25};

class Search {
public:
    Search(Result failed, std::function<void(Result const&)> const& tell)
        : best_(std::move(failed)), tell_(tell) {}

    Result run() {
        fewer_hosts();
        if (!best_.settings.calm) {
            fewer_faults();
            shorter();
        }
        return best_;
    }

private:
    void fewer_hosts() {
        std::size_t const now = best_.settings.hosts;
        std::size_t const step = std::max<std::size_t>(1, (now - 3) / fleets_tried_max);
        for (std::size_t hosts = 3; hosts < now; hosts += step) {
            Settings fewer = best_.settings;
            fewer.hosts = hosts;
            if (fails(fewer)) {
                return;
            }
        }
    }

    void fewer_faults() {
        for (std::size_t kind = 0; kind < fault_kinds; ++kind) {
            auto const fault = static_cast<Fault>(kind);
            if (std::ranges::find(best_.settings.without, fault) == best_.settings.without.end()) {
                Settings fewer = best_.settings;
                fewer.without.push_back(fault);
                static_cast<void>(fails(fewer));
            }
        }
    }

    void shorter() {
        for (int const seconds : fault_seconds) {
            Settings shorter = best_.settings;
            shorter.fault_phase = base::seconds(seconds);
            if (shorter.fault_phase < best_.settings.fault_phase && fails(shorter)) {
                return;
            }
        }
    }

    // Of the same property: another bug is another search.
    bool fails(Settings const& settings) {
        Result result = run_alone(settings);
        if (!result.failed() || result.outcome.property != best_.outcome.property) {
            return false;
        }
        best_ = std::move(result);
        tell_(best_);
        return true;
    }

    Result best_;
    std::function<void(Result const&)> const& tell_;
};

}  // namespace

Result shrink(Result failed, std::function<void(Result const&)> const& tell) {
    return Search(std::move(failed), tell).run();
}

}  // namespace sim
