#include "net/services_dir.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <expected>
#include <filesystem>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "net/clock.h"
#include "net/service_inputs.h"

namespace net {

namespace {
namespace asio = boost::asio;

constexpr auto rescan_interval = base::seconds(30);
constexpr std::size_t batch_max = 64;  // files read before other work has its turn
constexpr std::uint32_t file_events =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_MODIFY | IN_ATTRIB;
constexpr std::uint32_t directory_events = IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t parent_events =
    IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;

FileStamp stamp_of(struct stat const& status) {
    auto const nanoseconds = [](timespec const& time) {
        return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
    };
    return {.device = status.st_dev,
            .inode = status.st_ino,
            .size = static_cast<std::uint64_t>(status.st_size),
            .modified_ns = nanoseconds(status.st_mtim),
            .changed_ns = nanoseconds(status.st_ctim)};
}

std::string error_text(int error) {
    return std::strerror(error);
}

// The content, or the errno of the read that failed.
std::expected<std::string, int> read_up_to(int descriptor, std::size_t size_max) {
    std::string content(size_max, '\0');
    std::size_t size = 0;
    while (size < size_max) {
        ssize_t const got = ::read(descriptor, content.data() + size, size_max - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return std::unexpected(errno);
        }
        if (got == 0) {
            break;
        }
        size += static_cast<std::size_t>(got);
    }
    content.resize(size);
    return content;
}

// Whether somebody has the file open for writing: a read lease (fcntl(2)) is refused then. File
// systems without leases cannot tell.
bool is_being_written(int descriptor) {
    // The signal for a writer that comes while we hold the lease; by default it does nothing.
    ::fcntl(descriptor, F_SETSIG, SIGURG);
    if (::fcntl(descriptor, F_SETLEASE, F_RDLCK) == 0) {
        ::fcntl(descriptor, F_SETLEASE, F_UNLCK);
        return false;
    }
    return errno == EAGAIN;
}

ReadOutcome read_open_file(int descriptor) {
    struct stat before{};
    if (::fstat(descriptor, &before) != 0) {
        return ReadProblem{.stamp = {}, .text = "cannot be read: " + error_text(errno)};
    }
    FileStamp const stamp = stamp_of(before);
    if (!S_ISREG(before.st_mode)) {
        return ReadProblem{.stamp = stamp, .text = "is not a regular file"};
    }
    if (is_being_written(descriptor)) {
        return ReadUnstable{};
    }
    if (stamp.size > service_file_max) {
        return ReadProblem{.stamp = stamp,
                           .text = base::concat("is longer than ", service_file_max, " bytes")};
    }
    auto content = read_up_to(descriptor, static_cast<std::size_t>(stamp.size) + 1);
    if (!content) {
        return ReadProblem{.stamp = stamp,
                           .text = "cannot be read: " + error_text(content.error())};
    }
    struct stat after{};
    if (::fstat(descriptor, &after) != 0 || stamp_of(after) != stamp ||
        content->size() != stamp.size) {
        return ReadUnstable{};
    }
    return ReadContent{.stamp = stamp, .content = std::move(*content)};
}

ReadOutcome read_file(std::string const& path) {
    // O_NONBLOCK: a FIFO must not stop the agent.
    int const descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) {
        if (errno == ENOENT) {
            return ReadAbsent{};
        }
        int const error = errno;
        struct stat status{};
        FileStamp const stamp = ::stat(path.c_str(), &status) == 0 ? stamp_of(status) : FileStamp{};
        return ReadProblem{.stamp = stamp, .text = "cannot be read: " + error_text(error)};
    }
    ReadOutcome outcome = read_open_file(descriptor);
    ::close(descriptor);
    return outcome;
}

FileStamp stamp_at(std::string const& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? stamp_of(status) : FileStamp{};
}

bool others_may_read(std::string const& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

// The files of a directory, or the errno why it cannot be listed.
std::expected<std::vector<ListedFile>, int> list(std::string const& directory) {
    DIR* const stream = ::opendir(directory.c_str());
    if (stream == nullptr) {
        return std::unexpected(errno);
    }
    std::vector<ListedFile> files;
    while (dirent const* const entry = ::readdir(stream)) {
        struct stat status{};
        if (is_service_file(entry->d_name) &&
            ::fstatat(::dirfd(stream), entry->d_name, &status, 0) == 0 &&
            !S_ISDIR(status.st_mode)) {
            files.push_back({.name = entry->d_name, .stamp = stamp_of(status)});
        }
    }
    ::closedir(stream);
    std::ranges::sort(files, {}, &ListedFile::name);
    return files;
}

bool is_symlink(std::string const& path) {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}
}  // namespace

class ServicesDir::Watch : public std::enable_shared_from_this<Watch> {
public:
    Watch(asio::io_context& io, std::string directory, OnEvent on_event)
        : directory_(std::move(directory)),
          on_event_(std::move(on_event)),
          inotify_(io),
          timer_(io) {
        int const descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (descriptor >= 0) {
            inotify_.assign(descriptor);
        } else {
            base::log(base::LogLevel::warning, "services",
                      base::concat("no inotify (", error_text(errno),
                                   "): changes are noticed within 30 seconds"));
        }
    }

    void start() {
        look_around();
        wait_for_events();
        arm();
    }

    std::expected<spec::SourceFile, spec::SourceProblem> read_input(std::string const& path) {
        std::string const whole = whole_path(path);
        ReadOutcome outcome = read_file(whole);
        auto const refuse = [&](bool absent, FileStamp const& stamp, std::string reason) {
            inputs_.note(whole, stamp);
            return std::unexpected(spec::SourceProblem{absent, std::move(reason)});
        };
        if (auto* const content = std::get_if<ReadContent>(&outcome)) {
            inputs_.note(whole, content->stamp);
            return spec::SourceFile{std::move(content->content), others_may_read(whole)};
        }
        if (auto const* const problem = std::get_if<ReadProblem>(&outcome)) {
            return refuse(false, problem->stamp, problem->text);
        }
        return std::holds_alternative<ReadAbsent>(outcome)
                   ? refuse(true, {}, "does not exist")
                   : refuse(false, {}, "is being written; it is read when that has ended");
    }

    void set_inputs(std::string const& name, std::vector<std::string> const& paths) {
        std::vector<std::string> whole;
        for (std::string const& path : paths) {
            if (path != name) {
                whole.push_back(whole_path(path));
            }
        }
        inputs_.set(name, whole);
        for (std::string const& path : whole) {
            std::string const folder = path.substr(0, path.rfind('/'));
            auto const watched = [&](auto const& watch) { return watch.second == folder; };
            if (std::ranges::none_of(input_watches_, watched) &&
                input_watches_.size() < ServiceInputs::folders_max) {
                watch_input_folder(folder);
            }
        }
        // Something may have changed before it was watched.
        for (std::string const& path : whole) {
            FileStamp const stamp = stamp_at(path);
            if (!inputs_.is_outdated(name, path, stamp)) {
                continue;
            }
            machine_.on_input_changed(name);
            if (inputs_.is_outdated(name, path, {})) {
                machine_.on_settling(now(), name);
            } else {
                machine_.on_writing(now(), name);  // it was not there, or somebody wrote to it
            }
        }
    }

    void stop() {
        stopped_ = true;
        boost::system::error_code ignored;
        inotify_.close(ignored);
        timer_.cancel();
    }

private:
    // Watches the directory as it is now, and lists it. Its nearest existing parent is watched as
    // well: there it appears, or is replaced.
    void look_around() {
        next_scan_ = now() + rescan_interval;
        watch_parent();
        int const descriptor = inotify_.is_open() ? inotify_.native_handle() : -1;
        int const watched =
            ::inotify_add_watch(descriptor, directory_.c_str(), file_events | directory_events);
        if (watched != directory_watch_ && directory_watch_ >= 0) {
            ::inotify_rm_watch(descriptor, directory_watch_);
        }
        directory_watch_ = watched;
        std::vector<FileEvent> events;
        auto const files = list(directory_);
        present_ = files.has_value();
        if (files) {
            machine_.on_listing(now(), *files, events);
        } else {
            machine_.on_directory_lost(problem_text(files.error()), events);
        }
        for (std::string const& name : inputs_.outdated(stamp_at)) {
            machine_.on_input_changed(name);
            machine_.on_settling(now(), name);
        }
        watch_inputs();
        deliver(events);
    }

    std::string whole_path(std::string const& path) const {
        return path.starts_with('/') ? path : base::concat(directory_, '/', path);
    }

    // Watches where inputs are now, and no longer where they were.
    void watch_inputs() {
        std::set<std::string> const folders = inputs_.folders();
        std::map<int, std::string> const before = std::exchange(input_watches_, {});
        for (std::string const& folder : folders) {
            watch_input_folder(folder);
        }
        for (auto const& [watch, folder] : before) {
            if (!input_watches_.contains(watch) && watch != parent_watch_) {
                ::inotify_rm_watch(inotify_.native_handle(), watch);
            }
        }
    }

    void watch_input_folder(std::string const& folder) {
        if (folder == directory_ || !inotify_.is_open()) {
            return;
        }
        // IN_MASK_ADD: the folder may be watched already, as the parent of the directory.
        int const watch = ::inotify_add_watch(inotify_.native_handle(), folder.c_str(),
                                              file_events | directory_events | IN_MASK_ADD);
        if (watch >= 0) {
            input_watches_[watch] = folder;
        }
    }

    void watch_parent() {
        std::filesystem::path parent = std::filesystem::path(directory_).parent_path();
        std::error_code error;
        while (!parent.empty() && parent != parent.root_path() &&
               !std::filesystem::is_directory(parent, error)) {
            parent = parent.parent_path();
        }
        int const descriptor = inotify_.is_open() ? inotify_.native_handle() : -1;
        std::string const path = parent.empty() ? "." : parent.string();
        int const watched = ::inotify_add_watch(descriptor, path.c_str(), parent_events);
        if (watched != parent_watch_ && parent_watch_ >= 0) {
            ::inotify_rm_watch(descriptor, parent_watch_);
        }
        parent_watch_ = watched;
    }

    std::string problem_text(int error) const {
        if (error == ENOENT) {
            return base::concat("the services directory ", directory_,
                                " is missing: make it; what its files asked for stays until then");
        }
        return base::concat("cannot list the services directory ", directory_, ": ",
                            error_text(error));
    }

    void wait_for_events() {
        if (!inotify_.is_open()) {
            return;
        }
        inotify_.async_wait(asio::posix::stream_descriptor::wait_read,
                            [self = shared_from_this()](boost::system::error_code const& error) {
                                if (!error && !self->stopped_) {
                                    self->read_events();
                                    self->arm();
                                    self->wait_for_events();
                                }
                            });
    }

    void read_events() {
        alignas(inotify_event) std::array<char, 16 * 1024> buffer;
        bool look = false;
        for (;;) {
            ssize_t const size = ::read(inotify_.native_handle(), buffer.data(), buffer.size());
            if (size <= 0) {
                break;
            }
            for (char const* at = buffer.data(); at < buffer.data() + size;) {
                inotify_event event;
                std::memcpy(&event, at, sizeof event);
                // The kernel pads the name with zeros.
                std::string const name = event.len > 0 ? at + sizeof event : "";
                look = on_event(event, name) || look;
                at += sizeof event + event.len;
            }
        }
        if (look) {
            look_around();
        }
    }

    // True if the directory is to be looked at again as a whole.
    bool on_event(inotify_event const& event, std::string const& name) {
        if ((event.mask & IN_Q_OVERFLOW) != 0) {
            return true;
        }
        bool look = false;
        if (auto const watch = input_watches_.find(event.wd); watch != input_watches_.end()) {
            on_input_event(event, base::concat(watch->second, '/', name));
            if ((event.mask & IN_IGNORED) != 0) {
                input_watches_.erase(watch);
                look = true;
            }
        }
        if (event.wd != directory_watch_) {
            // Of the parent: only what happens to the directory's own path matters.
            return look || (event.wd == parent_watch_ && (event.mask & IN_IGNORED) == 0 &&
                            (!present_ || name.empty() ||
                             name == std::filesystem::path(directory_).filename()));
        }
        if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0) {
            return true;
        }
        std::string const path = directory_ + '/' + name;
        on_input_event(event, path);
        if ((event.mask & IN_MODIFY) != 0) {
            machine_.on_writing(now(), name);
        } else if ((event.mask & (IN_CREATE | IN_ATTRIB)) == 0 || is_symlink(path)) {
            machine_.on_settling(now(), name);
        } else if ((event.mask & IN_ATTRIB) != 0) {
            return true;  // perhaps readable now; the listing compares, and spares open files
        } else {
            machine_.on_writing(now(), name);
        }
        return false;
    }

    // Whoever was made from the file is read again once nobody writes it any more.
    void on_input_event(inotify_event const& event, std::string const& path) {
        for (std::string const& name : inputs_.readers(path)) {
            machine_.on_input_changed(name);
            if ((event.mask & (IN_MODIFY | IN_CREATE)) != 0 && !is_symlink(path)) {
                machine_.on_writing(now(), name);
            } else {
                machine_.on_settling(now(), name);
            }
        }
    }

    void arm() {
        base::Instant const at = std::min(next_scan_, machine_.next_deadline());
        timer_.expires_after(std::max(at - now(), base::Duration(0)));
        timer_.async_wait([self = shared_from_this()](boost::system::error_code const& error) {
            if (!error && !self->stopped_) {
                self->on_timer();
                self->arm();
            }
        });
    }

    void on_timer() {
        base::Instant const time = now();
        // Files that went with their directory are no wish to remove the services.
        if (next_scan_ <= time || !directory_exists()) {
            look_around();
        }
        std::vector<FileEvent> events;
        std::size_t read = 0;
        std::vector<std::string> absent;
        for (std::string const& name : machine_.due(time)) {
            ReadOutcome outcome = read_file(directory_ + '/' + name);
            if (std::holds_alternative<ReadAbsent>(outcome)) {
                absent.push_back(name);
                continue;
            }
            machine_.on_read(time, name, std::move(outcome), events);
            if (++read == batch_max) {
                break;
            }
        }
        // A file that was renamed is still held under its new name when the old one goes.
        for (std::string const& name : read < batch_max ? absent : std::vector<std::string>()) {
            machine_.on_read(time, name, ReadAbsent{}, events);
        }
        deliver(events);
    }

    bool directory_exists() const {
        struct stat status{};
        return ::stat(directory_.c_str(), &status) == 0;
    }

    void deliver(std::vector<FileEvent> const& events) {
        for (FileEvent const& event : events) {
            if (auto const* const removed = std::get_if<FileRemoved>(&event)) {
                inputs_.forget(removed->name);
            }
            on_event_(event);
        }
    }

    std::string directory_;
    OnEvent on_event_;
    asio::posix::stream_descriptor inotify_;
    asio::steady_timer timer_;
    ServiceFiles machine_;
    ServiceInputs inputs_;
    std::map<int, std::string> input_watches_;  // inotify's number -> folder
    base::Instant next_scan_{};
    int directory_watch_ = -1;
    int parent_watch_ = -1;
    bool present_ = false;
    bool stopped_ = false;
};

ServicesDir::ServicesDir(asio::io_context& io, std::string directory, OnEvent on_event) {
    while (directory.size() > 1 && directory.ends_with('/')) {
        directory.pop_back();
    }
    watch_ = std::make_shared<Watch>(io, std::move(directory), std::move(on_event));
    asio::post(io, [watch = watch_] { watch->start(); });
}

ServicesDir::~ServicesDir() {
    watch_->stop();
}

std::expected<spec::SourceFile, spec::SourceProblem> ServicesDir::read_input(
    std::string const& path) {
    return watch_->read_input(path);
}

void ServicesDir::set_inputs(std::string const& name, std::vector<std::string> const& paths) {
    watch_->set_inputs(name, paths);
}

}  // namespace net
