#include "tests/contract/runtime/oci_host.h"

#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/check.h"
#include "base/text.h"
#include "runtime/system/file.h"

namespace contract {

base::Result<runtime::Attachment> StubNetwork::attach(std::string const& id, std::string const&) {
    TRY_VOID(runtime::make_directories(directory_));
    runtime::Attachment attachment = attachment_of(id);
    int error = 0;
    // A thread of its own, because unsharing moves the thread that does it.
    std::thread([&] {
        auto const file = runtime::open_file(attachment.netns_path, O_RDONLY | O_CREAT, 0600);
        if (!file || unshare(CLONE_NEWNET) != 0 ||
            mount("/proc/thread-self/ns/net", attachment.netns_path.c_str(), nullptr, MS_BIND,
                  nullptr) != 0) {
            error = errno;
        }
    }).join();
    if (error != 0) {
        return base::fail_errno(error, base::concat("make namespace ", attachment.netns_path));
    }
    return attachment;
}

base::Result<void> StubNetwork::detach(std::string const& id) {
    std::string const path = attachment_of(id).netns_path;
    umount2(path.c_str(), MNT_DETACH);
    return runtime::remove_tree(path);
}

base::Result<std::vector<runtime::Attachment>> StubNetwork::attachments() {
    std::vector<runtime::Attachment> result;
    for (std::string const& id : runtime::list_directory(directory_)) {
        result.push_back(attachment_of(id));
    }
    return result;
}

base::Result<void> StubNetwork::clear() {
    for (std::string const& id : runtime::list_directory(directory_)) {
        TRY_VOID(detach(id));
    }
    return {};
}

runtime::Attachment StubNetwork::attachment_of(std::string const& id) const {
    return {.id = id,
            .netns_path = directory_ + "/" + id,
            .address = base::IpAddress::v4(0x0a800902),
            .gateway = gateway_address};
}

OciHost::OciHost(std::string its_directory, std::string its_cgroup_parent,
                 std::string its_agent_path)
    : directory(std::move(its_directory)),
      cgroup_parent(std::move(its_cgroup_parent)),
      agent_path(std::move(its_agent_path)) {}

void OciHost::start_driver() {
    driver.reset();
    auto opened = runtime::ImageStore::open(directory + "/state");
    CHECK(opened.has_value());
    images = std::move(*opened);
    network = std::make_unique<StubNetwork>(directory + "/netns");
    auto created = runtime::OciDriver::create({.state_dir = directory + "/state",
                                               .run_dir = directory + "/run",
                                               .cgroup_parent = cgroup_parent,
                                               .agent_path = agent_path,
                                               .runtimes = runtimes},
                                              *images, *network);
    CHECK(created.has_value());
    driver = std::move(*created);
}

}  // namespace contract
