#pragma once

#include <optional>
#include <vector>

#include "lb/proxy/proxy_context.h"
#include "lb/proxy/pump.h"
#include "lb/proxy/tcp_frontend.h"

namespace lb {

// A client's connection: it waits while the frontend has no backends, then attempts are raced
// against each other in the order that the flow gives, then bytes are carried.
class TcpConnection final : public Handler {
public:
    TcpConnection(ProxyContext& context, TcpFrontend& owner, base::Descriptor client);

    // Once, right after its owner keeps it. May end it, as any of the functions below.
    void begin();
    // The owner's frontend changed.
    void follow();

    void on_ready(int fd, std::uint32_t events) override;
    void on_deadline() override;

private:
    enum class Phase : std::uint8_t { waiting, racing, carrying, ended };
    enum class Ending : std::uint8_t { ordered, reset };

    struct Attempt {
        base::Descriptor socket;
        base::SocketAddress backend;
    };

    void enter(Phase phase);
    void wait_or_race();
    // Begins the next attempt; false when every backend has been tried.
    bool race_another();
    void attempt_ready(int fd);
    void arm();
    void carry(Attempt winner);
    void advance();
    void heed_backend_state();
    void end(Ending ending);

    ProxyContext& context_;
    TcpFrontend& owner_;
    base::Descriptor client_;
    std::uint64_t flow_;
    Phase phase_ = Phase::racing;
    base::Instant give_up_{};
    base::Instant next_attempt_ = base::instant_max;
    std::vector<base::SocketAddress> tried_;
    std::vector<Attempt> attempts_;  // under way
    Attempt backend_;                // carrying
    std::optional<Pump> pump_;
};

}  // namespace lb
