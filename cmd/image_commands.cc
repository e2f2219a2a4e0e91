#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/output.h"
#include "net/admin/admin_client.h"

namespace cmd {
namespace {

// Standard input as a file that the agent can open; removed with this object.
class SpooledInput {
public:
    static base::Result<SpooledInput> read() {
        std::string path = "/var/tmp/covey-image.XXXXXX";
        int const file = ::mkostemp(path.data(), O_CLOEXEC);
        if (file < 0) {
            return base::fail_errno(errno, "make a file in /var/tmp for standard input");
        }
        SpooledInput spooled(path);
        int const error = copy(STDIN_FILENO, file);
        ::close(file);
        if (error != 0) {
            return base::fail_errno(error, base::concat("copy standard input to ", path));
        }
        return spooled;
    }

    SpooledInput(SpooledInput&& other) noexcept : path_(std::exchange(other.path_, {})) {}

    SpooledInput& operator=(SpooledInput&&) = delete;

    ~SpooledInput() {
        if (!path_.empty()) {
            ::unlink(path_.c_str());
        }
    }

    [[nodiscard]] std::string const& path() const { return path_; }

private:
    explicit SpooledInput(std::string path) : path_(std::move(path)) {}

    // 0 or errno.
    static int copy(int from, int to) {
        std::array<char, 65536> buffer;
        while (true) {
            ssize_t const size = ::read(from, buffer.data(), buffer.size());
            if (size <= 0) {
                return size == 0 ? 0 : errno;
            }
            for (ssize_t done = 0; done < size;) {
                ssize_t const part =
                    ::write(to, buffer.data() + done, static_cast<std::size_t>(size - done));
                if (part < 0) {
                    return errno;
                }
                done += part;
            }
        }
    }

    std::string path_;
};

ExitCode load(DaemonOptions const& options, std::string const& path) {
    std::error_code error;
    std::filesystem::path const absolute = std::filesystem::canonical(path, error);
    if (error) {
        return complain(base::concat(path, ": ", error.message()));
    }
    auto const loaded = net::AdminClient(socket_path(options)).load_image(absolute.string());
    if (!loaded) {
        return complain(loaded.error());
    }
    for (std::string const& image : *loaded) {
        print(base::concat(image, "\n"));
    }
    return ExitCode::done;
}

}  // namespace

ExitCode execute(DaemonOptions const& options, ImageLoadCommand const& command) {
    if (command.file != "-") {
        return load(options, command.file);
    }
    base::Result<SpooledInput> const spooled = SpooledInput::read();
    return spooled ? load(options, spooled->path()) : complain(spooled.error().message);
}

}  // namespace cmd
