#include "runtime/oci/log_ring.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

namespace runtime {
namespace {

constexpr std::string_view name_prefix = "log.";

struct Part {
    std::uint64_t base{};
    std::uint64_t size{};
    std::string path;
};

std::vector<Part> parts_of(std::string const& directory) {
    std::vector<Part> parts;
    for (std::string const& name : list_directory(directory)) {
        auto const base = name.starts_with(name_prefix)
                              ? base::parse_integer<std::uint64_t>(
                                    std::string_view(name).substr(name_prefix.size()))
                              : std::nullopt;
        std::string path = base::concat(directory, "/", name);
        struct stat status{};
        if (base && stat(path.c_str(), &status) == 0) {
            parts.push_back({*base, static_cast<std::uint64_t>(status.st_size), std::move(path)});
        }
    }
    std::ranges::sort(parts, {}, &Part::base);
    return parts;
}

}  // namespace

LogRing::LogRing(std::string directory, std::uint64_t size_max)
    : directory_(std::move(directory)), size_max_(size_max) {}

void LogRing::write(std::string_view text) {
    if (dropped_ > 0) {
        std::string const note =
            base::concat("[", dropped_, " bytes of output lost: the disk was full]\n");
        if (append(note)) {
            dropped_ = 0;
        }
    }
    if (dropped_ > 0 || !append(text)) {
        dropped_ += text.size();
    }
}

bool LogRing::open_next() {
    base_ += size_;
    size_ = 0;
    std::string const path = base::concat(directory_, "/", name_prefix, base_);
    auto opened = open_file(path, O_WRONLY | O_CREAT | O_APPEND, 0640);
    if (!opened) {
        return false;
    }
    file_ = std::move(*opened);
    std::vector<Part> const parts = parts_of(directory_);
    for (std::size_t index = 0; index + 2 < parts.size(); ++index) {
        unlink(parts[index].path.c_str());
    }
    return true;
}

// All of the text or nothing of it.
bool LogRing::append(std::string_view text) {
    if ((!file_ || size_ >= size_max_) && !open_next()) {
        return false;
    }
    if (!write_all(file_.get(), text)) {
        // A part may have been written; readers must not see half of it now and the rest never.
        if (ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) {
            file_ = {};
        }
        return false;
    }
    size_ += text.size();
    return true;
}

base::Result<LogPart> read_log_ring(std::string const& directory, std::uint64_t from, bool from_end,
                                    std::size_t size_max) {
    std::vector<Part> const parts = parts_of(directory);
    LogPart result;
    if (parts.empty()) {
        return result;
    }
    result.end = parts.back().base + parts.back().size;
    std::uint64_t const start = from_end ? result.end - std::min(result.end, from) : from;
    result.from = std::clamp(start, parts.front().base, result.end);
    for (Part const& part : parts) {
        std::uint64_t const at = result.from + result.text.size();
        if (at < part.base || at >= part.base + part.size || result.text.size() >= size_max) {
            continue;
        }
        auto const file = open_file(part.path, O_RDONLY);
        if (!file) {
            continue;  // rotated away meanwhile
        }
        std::size_t const wanted =
            std::min<std::uint64_t>(size_max - result.text.size(), part.base + part.size - at);
        std::string text(wanted, '\0');
        ssize_t const size =
            pread(file->get(), text.data(), wanted, static_cast<off_t>(at - part.base));
        if (size < 0) {
            return base::fail_errno(errno, base::concat("read ", part.path));
        }
        result.text.append(text, 0, static_cast<std::size_t>(size));
    }
    return result;
}

}  // namespace runtime
