#include "agent/settings.h"

#include "base/text.h"

namespace agent {

namespace {
constexpr base::Duration mass_loss_hold_max = base::seconds(3600);
}  // namespace

std::expected<void, std::string> check(Settings const& settings) {
    if (auto fine = gossip::check(settings.gossip); !fine) {
        return fine;
    }
    base::Duration const hold = settings.mass_loss_hold;
    if (hold < base::Duration{} || hold > mass_loss_hold_max) {
        return std::unexpected(base::concat("mass_loss_hold is ",
                                            std::chrono::duration_cast<base::seconds>(hold).count(),
                                            "s: give 0s to 1h"));
    }
    return {};
}

}  // namespace agent
