#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/service_files.h"
#include "spec/compose.h"

namespace boost::asio {
class io_context;
}  // namespace boost::asio

namespace net {

// Watches a directory for service files by inotify, and lists it at the start, after lost events
// and every 30 seconds (for files behind symbolic links and file systems without inotify). It may
// be missing, appear later, or be replaced as a whole: while it is missing its files stay in
// force, and a FileProblem says so.
//
// What a file was made from beside itself is told by set_inputs(); when one of those files changes,
// appears or goes, the file is reported as changed again.
class ServicesDir {
public:
    // Called from io_context::run(); it may not destroy this object.
    using OnEvent = std::function<void(FileEvent const&)>;

    ServicesDir(boost::asio::io_context& io, std::string directory, OnEvent on_event);
    ~ServicesDir();

    // Reads another file for the one that OnEvent was called with; relative paths start in the
    // directory. While somebody writes to it, it cannot be read.
    [[nodiscard]] std::expected<spec::SourceFile, spec::SourceProblem> read_input(
        std::string const& path);
    // The paths of all that was read, or looked for, since OnEvent was called for the file `name`.
    void set_inputs(std::string const& name, std::vector<std::string> const& paths);

private:
    class Watch;
    std::shared_ptr<Watch> watch_;  // shared with handlers that are still to be called
};

}  // namespace net
