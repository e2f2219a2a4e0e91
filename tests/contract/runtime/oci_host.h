#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/network/network.h"
#include "runtime/oci/oci_driver.h"

namespace contract {

// Network namespaces with nothing in them, each bound to a file: enough for a driver.
class StubNetwork final : public runtime::Network {
public:
    explicit StubNetwork(std::string directory) : directory_(std::move(directory)) {}

    base::Result<void> set_subnet(base::Prefix, base::Prefix) override { return {}; }

    base::Result<void> set_routes(std::span<runtime::Route const>) override { return {}; }

    base::Result<void> set_virtual_range(base::Prefix) override { return {}; }

    base::IpAddress gateway() override { return gateway_address; }

    base::Result<runtime::Attachment> attach(std::string const& id,
                                             std::string const& mac_address) override;
    base::Result<void> detach(std::string const& id) override;
    base::Result<std::vector<runtime::Attachment>> attachments() override;
    base::Result<void> clear() override;

private:
    base::IpAddress const gateway_address = base::IpAddress::v4(0x0a800901);

    [[nodiscard]] runtime::Attachment attachment_of(std::string const& id) const;

    std::string directory_;
};

// The directories of one host below `directory`, and what a driver needs.
struct OciHost {
    OciHost(std::string directory, std::string cgroup_parent, std::string agent_path);

    // A driver of a new agent's life.
    void start_driver();

    std::string directory;
    std::string cgroup_parent;
    std::string agent_path;
    std::vector<std::string> runtimes{"crun", "runc"};
    std::unique_ptr<runtime::ImageStore> images;
    std::unique_ptr<StubNetwork> network;
    std::unique_ptr<runtime::OciDriver> driver;
};

}  // namespace contract
