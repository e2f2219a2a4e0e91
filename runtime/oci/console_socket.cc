#include "runtime/oci/console_socket.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"

namespace runtime {
namespace {

constexpr winsize window{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};

}  // namespace

base::Result<ConsoleSocket> ConsoleSocket::create(std::string const& bundle_dir) {
    if (chdir(bundle_dir.c_str()) != 0) {
        return base::fail_errno(errno, base::concat("enter ", bundle_dir));
    }
    // Nobody may be waited for by accept(): who has something to send has done so.
    base::Descriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, name);
    unlink(name);
    if (!listener ||
        bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener.get(), 1) != 0) {
        return base::fail_errno(errno, "make a socket for the terminal");
    }
    return ConsoleSocket(std::move(listener));
}

base::Result<base::Descriptor> ConsoleSocket::receive() const {
    base::Descriptor const connection(
        accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection) {
        return base::fail_errno(errno, "the OCI runtime has sent no terminal");
    }
    char text[256];
    iovec part{text, sizeof text};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (recvmsg(connection.get(), &message, MSG_CMSG_CLOEXEC) < 0) {
        return base::fail_errno(errno, "receive the terminal");
    }
    cmsghdr const* const header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len != CMSG_LEN(sizeof(int))) {
        return base::fail("the OCI runtime has sent no terminal");
    }
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    base::Descriptor terminal(fd);
    ioctl(terminal.get(), TIOCSWINSZ, &window);
    return terminal;
}

}  // namespace runtime
