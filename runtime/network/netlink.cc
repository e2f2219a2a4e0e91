#include "runtime/network/netlink.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/text.h"

namespace runtime::netlink {

namespace {

constexpr std::size_t header_size = NLMSG_ALIGN(sizeof(nlmsghdr));
constexpr std::size_t attribute_header_size = NLA_ALIGN(sizeof(nlattr));
// The kernel cuts dumps into datagrams of at most 32 KiB.
constexpr std::size_t receive_size = 64 * 1024;
constexpr timeval answer_timeout{.tv_sec = 5, .tv_usec = 0};

constexpr std::size_t aligned(std::size_t size) {
    return (size + 3) & ~std::size_t{3};
}

struct Message {
    std::uint16_t type{};
    std::uint16_t flags{};
    std::uint32_t sequence{};
    base::ByteView payload;

    // What an NLMSG_ERROR or NLMSG_DONE says.
    [[nodiscard]] Errno error() const {
        int value = 0;
        if (payload.size() >= sizeof value) {
            std::memcpy(&value, payload.data(), sizeof value);
        }
        return -value;
    }
};

// Takes the first message off `bytes`; nothing at their end.
std::optional<Message> take_message(base::ByteView& bytes) {
    nlmsghdr head;
    if (bytes.size() < header_size) {
        return std::nullopt;
    }
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.nlmsg_len < header_size || head.nlmsg_len > bytes.size()) {
        return std::nullopt;
    }
    Message const message{head.nlmsg_type, head.nlmsg_flags, head.nlmsg_seq,
                          bytes.subspan(header_size, head.nlmsg_len - header_size)};
    bytes = bytes.subspan(std::min(aligned(head.nlmsg_len), bytes.size()));
    return message;
}

Request batch_mark(std::uint16_t type, std::uint16_t subsystem) {
    Request mark(type, NLM_F_REQUEST);
    mark.header(
        nfgenmsg{.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(subsystem)});
    return mark;
}

}  // namespace

Request::Request(std::uint16_t type, std::uint16_t flags) {
    nlmsghdr const head{
        .nlmsg_len = 0, .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = 0, .nlmsg_pid = 0};
    append(&head, sizeof head);
}

void Request::append(void const* data, std::size_t size) {
    auto const* const bytes = static_cast<std::byte const*>(data);
    buffer_.insert(buffer_.end(), bytes, bytes + size);
    buffer_.resize(aligned(buffer_.size()));
}

void Request::put(std::uint16_t type, base::ByteView value) {
    nlattr const head{.nla_len = static_cast<std::uint16_t>(attribute_header_size + value.size()),
                      .nla_type = type};
    append(&head, sizeof head);
    append(value.data(), value.size());
}

void Request::put_text(std::uint16_t type, std::string_view text) {
    std::string const terminated(text);
    put(type, std::as_bytes(std::span(terminated.c_str(), terminated.size() + 1)));
}

void Request::put_u32(std::uint16_t type, std::uint32_t value) {
    put(type, std::as_bytes(std::span(&value, 1)));
}

void Request::put_be32(std::uint16_t type, std::uint32_t value) {
    put_u32(type, htonl(value));
}

std::size_t Request::open(std::uint16_t type) {
    std::size_t const opened = buffer_.size();
    put(static_cast<std::uint16_t>(type | NLA_F_NESTED), {});
    return opened;
}

void Request::close(std::size_t opened) {
    auto const size = static_cast<std::uint16_t>(buffer_.size() - opened);
    std::memcpy(buffer_.data() + opened, &size, sizeof size);
}

base::ByteView Request::finish(std::uint32_t sequence) {
    nlmsghdr head;
    std::memcpy(&head, buffer_.data(), sizeof head);
    head.nlmsg_len = static_cast<std::uint32_t>(buffer_.size());
    head.nlmsg_seq = sequence;
    std::memcpy(buffer_.data(), &head, sizeof head);
    return buffer_;
}

base::ByteView attribute(base::ByteView area, std::uint16_t type) {
    while (area.size() >= attribute_header_size) {
        nlattr head;
        std::memcpy(&head, area.data(), sizeof head);
        if (head.nla_len < attribute_header_size || head.nla_len > area.size()) {
            return {};
        }
        if ((head.nla_type & NLA_TYPE_MASK) == type) {
            return area.subspan(attribute_header_size, head.nla_len - attribute_header_size);
        }
        area = area.subspan(std::min(aligned(head.nla_len), area.size()));
    }
    return {};
}

std::uint32_t attribute_u32(base::ByteView area, std::uint16_t type) {
    base::ByteView const value = attribute(area, type);
    std::uint32_t number = 0;
    if (value.size() == sizeof number) {
        std::memcpy(&number, value.data(), sizeof number);
    }
    return number;
}

std::string_view attribute_text(base::ByteView area, std::uint16_t type) {
    std::string_view const text = base::as_text(attribute(area, type));
    return text.substr(0, text.find('\0'));
}

base::Result<Socket> Socket::open(int protocol) {
    base::Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    if (!socket) {
        return base::fail_errno(errno, "open a netlink socket");
    }
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &answer_timeout, sizeof answer_timeout);
    return Socket(std::move(socket));
}

Errno Socket::send(base::ByteView bytes) {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    auto const sent = ::sendto(socket_.get(), bytes.data(), bytes.size(), 0,
                               reinterpret_cast<sockaddr const*>(&kernel), sizeof kernel);
    return sent < 0 ? errno : 0;
}

Errno Socket::receive(base::ByteView& bytes) {
    buffer_.resize(receive_size);
    for (;;) {
        auto const size = ::recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return errno == EAGAIN ? ETIMEDOUT : errno;
        }
        if (static_cast<std::size_t>(size) > buffer_.size()) {
            return EMSGSIZE;
        }
        bytes = base::ByteView(buffer_).first(static_cast<std::size_t>(size));
        return 0;
    }
}

Errno Socket::change(Request& request) {
    std::uint32_t const sequence = ++sequence_;
    if (Errno const error = send(request.finish(sequence)); error != 0) {
        return error;
    }
    for (;;) {
        base::ByteView bytes;
        if (Errno const error = receive(bytes); error != 0) {
            return error;
        }
        while (auto const message = take_message(bytes)) {
            if (message->sequence == sequence && message->type == NLMSG_ERROR) {
                return message->error();
            }
        }
    }
}

Errno Socket::get(Request& request, Each const& each) {
    std::uint32_t const sequence = ++sequence_;
    if (Errno const error = send(request.finish(sequence)); error != 0) {
        return error;
    }
    for (;;) {
        base::ByteView bytes;
        if (Errno const error = receive(bytes); error != 0) {
            return error;
        }
        while (auto const message = take_message(bytes)) {
            if (message->sequence != sequence) {
                continue;
            }
            if (message->type == NLMSG_ERROR) {
                return message->error();
            }
            each(message->type, message->payload);
            return 0;
        }
    }
}

Errno Socket::dump(Request& request, Each const& each) {
    std::uint32_t const sequence = ++sequence_;
    if (Errno const error = send(request.finish(sequence)); error != 0) {
        return error;
    }
    bool interrupted = false;
    for (;;) {
        base::ByteView bytes;
        if (Errno const error = receive(bytes); error != 0) {
            return error;
        }
        while (auto const message = take_message(bytes)) {
            if (message->sequence != sequence) {
                continue;
            }
            interrupted |= (message->flags & NLM_F_DUMP_INTR) != 0;
            if (message->type == NLMSG_ERROR || message->type == NLMSG_DONE) {
                Errno const error = message->error();
                return error == 0 && interrupted ? EINTR : error;
            }
            each(message->type, message->payload);
        }
    }
}

Errno Socket::batch(std::uint16_t subsystem, std::vector<Request>& requests) {
    base::Bytes bytes;
    auto const add = [&](Request& request) {
        base::ByteView const view = request.finish(++sequence_);
        bytes.insert(bytes.end(), view.begin(), view.end());
    };
    Request begin = batch_mark(NFNL_MSG_BATCH_BEGIN, subsystem);
    Request end = batch_mark(NFNL_MSG_BATCH_END, subsystem);
    add(begin);
    std::ranges::for_each(requests, add);
    std::uint32_t const last = sequence_;
    add(end);
    if (Errno const error = send(bytes); error != 0) {
        return error;
    }
    // Only the last request asks for an acknowledgement; errors of the others, and of the batch as
    // a whole, come before it.
    for (;;) {
        base::ByteView answer;
        if (Errno const error = receive(answer); error != 0) {
            return error;
        }
        while (auto const message = take_message(answer)) {
            if (message->type != NLMSG_ERROR) {
                continue;
            }
            Errno const error = message->error();
            if (error != 0 || message->sequence == last) {
                return error;
            }
        }
    }
}

}  // namespace runtime::netlink
