#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/service_files.h"

namespace boost::asio {
class io_context;
}  // namespace boost::asio

namespace net {

// Watches a directory for service files by inotify, and lists it at the start, after lost events
// and every 30 seconds (for files behind symbolic links and file systems without inotify). It may
// be missing, appear later, or be replaced as a whole: while it is missing its files stay in
// force, and a FileProblem says so.
class ServicesDir {
public:
    // Called from io_context::run(); it may not destroy this object.
    using OnEvent = std::function<void(FileEvent const&)>;

    ServicesDir(boost::asio::io_context& io, std::string directory, OnEvent on_event);
    ~ServicesDir();

private:
    class Watch;
    std::shared_ptr<Watch> watch_;  // shared with handlers that are still to be called
};

}  // namespace net
