#include "net/service_files.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/hash.h"
#include "base/text.h"

namespace net {

bool is_service_file(std::string_view name) {
    bool const yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    return yaml && !name.starts_with('.') && !name.starts_with('#') && !name.starts_with('~') &&
           name.size() <= 255;
}

void ServiceFiles::on_settling(base::Instant now, std::string const& name) {
    if (admits(name)) {
        due_.insert_or_assign(name, now + settle);
    }
}

void ServiceFiles::on_writing(base::Instant now, std::string const& name) {
    if (admits(name)) {
        due_.insert_or_assign(name, now + quiet);
    }
}

void ServiceFiles::on_input_changed(std::string const& name) {
    if (reported_.contains(name)) {
        outdated_.insert(name);
    }
}

void ServiceFiles::on_listing(base::Instant now, std::span<ListedFile const> files,
                              std::vector<FileEvent>& out) {
    std::set<std::string_view> present;
    bool too_many = false;
    for (ListedFile const& file : files) {
        if (!is_service_file(file.name)) {
            continue;
        }
        if (present.size() >= service_files_max) {
            too_many = true;
            break;
        }
        present.insert(file.name);
        auto const known = reported_.find(file.name);
        if (known == reported_.end() || known->second.stamp != file.stamp) {
            due_.try_emplace(file.name, now + settle);
        }
    }
    set_directory_problem(too_many ? base::concat("more than ", service_files_max,
                                                  " service files: those beyond are not read")
                                   : "",
                          out);
    // With a listing cut short, what is not in it may well exist.
    for (auto const& [name, reported] : reported_) {
        if (!too_many && !present.contains(name)) {
            due_.try_emplace(name, now + settle);
        }
    }
    listed_ = true;
    report_scanned(out);
}

void ServiceFiles::on_directory_lost(std::string const& text, std::vector<FileEvent>& out) {
    due_.clear();
    set_directory_problem(text, out);
}

void ServiceFiles::set_directory_problem(std::string const& text, std::vector<FileEvent>& out) {
    if (directory_problem_ != text) {
        directory_problem_ = text;
        out.emplace_back(FileProblem{.name = {}, .text = text});
    }
}

// The next listing finds what is not admitted, once there is room.
bool ServiceFiles::admits(std::string const& name) const {
    return is_service_file(name) && (due_.contains(name) || reported_.contains(name) ||
                                     due_.size() + reported_.size() < service_files_max);
}

std::vector<std::string> ServiceFiles::due(base::Instant now) const {
    std::vector<std::string> names;
    for (auto const& [name, at] : due_) {
        if (at <= now) {
            names.push_back(name);
        }
    }
    return names;
}

void ServiceFiles::on_read(base::Instant now, std::string const& name, ReadOutcome outcome,
                           std::vector<FileEvent>& out) {
    due_.erase(name);
    if (std::holds_alternative<ReadUnstable>(outcome)) {
        due_.insert_or_assign(name, now + settle);
    } else if (std::holds_alternative<ReadAbsent>(outcome)) {
        outdated_.erase(name);
        if (reported_.erase(name) > 0) {
            out.emplace_back(FileRemoved{name});
        }
    } else if (auto* const problem = std::get_if<ReadProblem>(&outcome)) {
        report(name, {.stamp = problem->stamp, .content = {}, .problem = problem->text},
               FileProblem{.name = name, .text = problem->text}, out);
    } else if (auto* const read = std::get_if<ReadContent>(&outcome)) {
        auto const content = base::stable_hash128(base::as_bytes(read->content));
        report(name, {.stamp = read->stamp, .content = content, .problem = {}},
               FileChanged{.name = name, .content = std::move(read->content)}, out);
    }
    report_scanned(out);
}

void ServiceFiles::report(std::string const& name, Reported found, FileEvent event,
                          std::vector<FileEvent>& out) {
    auto const known = reported_.find(name);
    bool const same = outdated_.erase(name) == 0 && known != reported_.end() &&
                      known->second.content == found.content &&
                      known->second.problem == found.problem;
    reported_.insert_or_assign(name, std::move(found));
    if (!same) {
        out.push_back(std::move(event));
    }
}

void ServiceFiles::report_scanned(std::vector<FileEvent>& out) {
    if (listed_ && due_.empty() && !scanned_) {
        scanned_ = true;
        out.emplace_back(FilesScanned{});
    }
}

base::Instant ServiceFiles::next_deadline() const {
    base::Instant earliest = base::instant_max;
    for (auto const& [name, at] : due_) {
        earliest = std::min(earliest, at);
    }
    return earliest;
}

}  // namespace net
