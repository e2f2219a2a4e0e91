#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace net {

inline constexpr std::size_t service_file_max = 1 << 20;  // bytes; a longer one is a FileProblem
inline constexpr std::size_t service_files_max = 4096;    // those beyond are not read

struct FileChanged {
    std::string name;
    std::string content;
    friend bool operator==(FileChanged const&, FileChanged const&) = default;
};

struct FileRemoved {
    std::string name;
    friend bool operator==(FileRemoved const&, FileRemoved const&) = default;
};

// The file cannot be used; what it last held stays in force. An empty name means the directory
// itself, and then an empty text that it is well again.
struct FileProblem {
    std::string name;
    std::string text;
    friend bool operator==(FileProblem const&, FileProblem const&) = default;
};

// Every file that the directory held at the start was reported. Once.
struct FilesScanned {
    friend bool operator==(FilesScanned const&, FilesScanned const&) = default;
};

using FileEvent = std::variant<FileChanged, FileRemoved, FileProblem, FilesScanned>;

// What tells two versions of a file apart without reading it.
struct FileStamp {
    std::uint64_t device{}, inode{}, size{};
    std::int64_t modified_ns{}, changed_ns{};
    friend bool operator==(FileStamp const&, FileStamp const&) = default;
};

struct ListedFile {
    std::string name;
    FileStamp stamp;
};

// What an attempt to read a file found.
struct ReadContent {
    FileStamp stamp;
    std::string content;
};

struct ReadAbsent {};

struct ReadUnstable {};  // it changed while it was read

struct ReadProblem {
    FileStamp stamp;
    std::string text;
};

using ReadOutcome = std::variant<ReadContent, ReadAbsent, ReadUnstable, ReadProblem>;

// "web.yml" and "web.yaml", but none of the names editors and copy programs use on the way.
[[nodiscard]] bool is_service_file(std::string_view name);

// Decides which files of the services directory to read, when, and what is news: a pure machine
// that services_dir.h feeds with events, listings and what it read. A file counts only when nobody
// writes it any more.
//
// Duties of the caller: at next_deadline(), read the files that due() names and hand each outcome
// to on_read().
class ServiceFiles {
public:
    static constexpr base::Duration settle = base::milliseconds(100);
    // A file somebody holds open for writing is read after this long without a write.
    static constexpr base::Duration quiet = base::seconds(10);

    // Closed after writing, moved in or out, deleted.
    void on_settling(base::Instant now, std::string const& name);
    // Written to, and still open.
    void on_writing(base::Instant now, std::string const& name);
    // Something else that the file was made from has changed: when it is read next, it is news even
    // if it is the same. Settling or writing says when.
    void on_input_changed(std::string const& name);
    // Everything the directory holds now. What differs from what was read last is read again; what
    // is missing is looked for once more and then reported as removed.
    void on_listing(base::Instant now, std::span<ListedFile const> files,
                    std::vector<FileEvent>& out);
    // The directory cannot be listed. Its files are not taken for removed, and none is due until
    // it can be listed again.
    void on_directory_lost(std::string const& text, std::vector<FileEvent>& out);

    [[nodiscard]] std::vector<std::string> due(base::Instant now) const;
    void on_read(base::Instant now, std::string const& name, ReadOutcome outcome,
                 std::vector<FileEvent>& out);
    [[nodiscard]] base::Instant next_deadline() const;

private:
    // What was reported last, so that nothing is reported twice.
    struct Reported {
        FileStamp stamp;
        std::array<std::uint64_t, 2> content{};
        std::string problem;
    };

    [[nodiscard]] bool admits(std::string const& name) const;
    void set_directory_problem(std::string const& text, std::vector<FileEvent>& out);
    void report_scanned(std::vector<FileEvent>& out);
    void report(std::string const& name, Reported found, FileEvent event,
                std::vector<FileEvent>& out);

    std::map<std::string, base::Instant> due_;
    std::map<std::string, Reported> reported_;
    std::set<std::string> outdated_;  // an input has changed
    std::string directory_problem_;
    bool listed_ = false;
    bool scanned_ = false;
};

}  // namespace net
