#include "base/log.h"
#include "base/text.h"
#include "net/clock.h"
#include "net/host_loop.h"

namespace net {

void Host::Loop::await_hangup() {
    hangup_.async_wait([this](auto const& error, int) {
        if (error) {
            return;
        }
        if (auto const changes = reload(); !changes) {
            base::log(base::LogLevel::error, "host",
                      base::concat("the configuration stays as it was: ", changes.error().text));
        }
        await_hangup();
    });
}

agent::Outcome<std::vector<std::string>> Host::Loop::reload() {
    base::Result<GossipReload> read = ports_.reload(agent_->settings());
    if (!read) {
        return std::unexpected(agent::Refusal{std::move(read).error().message});
    }
    auto const set = tell([&](agent::Agent& agent, agent::Effects& out) {
        return agent.set_settings(now(), read->settings, out);
    });
    if (!set) {
        return std::unexpected(agent::Refusal{set.error()});
    }
    config_.profile = std::move(read->summary);
    for (std::string const& change : read->changes) {
        base::log(base::LogLevel::info, "host", base::concat("configuration: ", change));
    }
    return std::move(read->changes);
}

}  // namespace net
