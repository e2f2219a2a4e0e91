#include <poll.h>

#include "base/time.h"
#include "cmd/commands.h"
#include "cmd/log_view.h"
#include "cmd/output.h"
#include "net/admin/admin_client.h"

namespace cmd {
namespace {

constexpr auto follow_interval = base::milliseconds(300);

}  // namespace

ExitCode execute(DaemonOptions const& options, LogsCommand const& command) {
    net::AdminClient const client(socket_path(options));
    LogSource source{
        [&](std::string_view service) { return client.instances(service); },
        [&](std::string_view target, std::uint64_t from, bool from_end) {
            return client.read_log(target, from, from_end);
        },
    };
    LogView view(std::move(source), command.target, command.tail);
    while (true) {
        net::Answer<std::string> const text = view.poll();
        if (!text) {
            return complain(text.error());
        }
        print(*text);
        if (!command.follow) {
            print(view.rest());
            return ExitCode::done;
        }
        ::poll(nullptr, 0, static_cast<int>(follow_interval.count()));
    }
}

}  // namespace cmd
