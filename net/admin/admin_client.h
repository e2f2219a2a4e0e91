#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "net/admin/admin_port.h"

namespace net {

enum class AdminErrc : std::uint8_t {
    unreachable,  // no agent answers on the socket, or this user may not ask
    refused,      // an agent answered: no
};

struct AdminError {
    AdminErrc code{};
    std::string message;  // for a person: what, where, what to do
};

template <class T>
using Answer = std::expected<T, AdminError>;

// Asks the agent of this host through its admin socket, blocking, one connection a request.
class AdminClient {
public:
    static constexpr base::Duration usual_timeout = base::seconds(30);
    // For what waits for containers to end, or for an archive to be unpacked.
    static constexpr base::Duration long_timeout = base::seconds(600);

    explicit AdminClient(std::string socket_path) : path_(std::move(socket_path)) {}

    [[nodiscard]] Answer<InfoReport> info() const;
    [[nodiscard]] Answer<agent::StatusReport> status() const;
    [[nodiscard]] Answer<std::vector<agent::NodeReport>> nodes() const;
    [[nodiscard]] Answer<std::vector<agent::ServiceReport>> services() const;
    [[nodiscard]] Answer<std::vector<spec::ServiceSpec>> specs() const;
    [[nodiscard]] Answer<std::vector<agent::ChangeReport>> preview(
        std::vector<spec::ServiceSpec> services) const;
    // `service` empty: all.
    [[nodiscard]] Answer<std::vector<agent::InstanceReport>> instances(
        std::string_view service) const;
    [[nodiscard]] Answer<std::vector<agent::ConflictReport>> conflicts() const;
    [[nodiscard]] Answer<std::vector<ImageReport>> images() const;
    [[nodiscard]] Answer<std::vector<std::string>> doctor() const;

    // Changes are waited for as long as `terms` say, and usual_timeout besides.
    [[nodiscard]] Answer<ChangeReport> apply(std::vector<spec::ServiceSpec> services,
                                             agent::AckTerms const& terms) const;
    [[nodiscard]] Answer<ChangeReport> remove(std::string service,
                                              agent::AckTerms const& terms) const;
    [[nodiscard]] Answer<ChangeReport> scale(std::string service, std::uint32_t replicas,
                                             agent::AckTerms const& terms) const;
    [[nodiscard]] Answer<ChangeReport> evict(std::string host, bool undo,
                                             agent::AckTerms const& terms) const;
    [[nodiscard]] Answer<ChangeReport> settle_conflict(std::string id, agent::Settling how,
                                                       agent::AckTerms const& terms) const;
    [[nodiscard]] Answer<std::string> create_token(std::uint64_t ttl_seconds,
                                                   std::uint32_t uses) const;
    [[nodiscard]] Answer<runtime::LogPart> read_log(std::string_view target, std::uint64_t from,
                                                    bool from_end) const;
    [[nodiscard]] Answer<std::vector<std::string>> reload() const;
    [[nodiscard]] Answer<void> leave() const;
    [[nodiscard]] Answer<std::vector<std::string>> load_image(std::string path) const;

private:
    std::string path_;
};

}  // namespace net
