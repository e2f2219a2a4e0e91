#include "net/service_inputs.h"

#include <utility>

namespace net {

void ServiceInputs::note(std::string const& path, FileStamp const& stamp) {
    noted_.insert_or_assign(path, stamp);
}

void ServiceInputs::set(std::string const& name, std::vector<std::string> const& paths) {
    forget(name);
    auto const noted = std::exchange(noted_, {});
    for (std::string const& path : paths) {
        auto const found = noted.find(path);
        inputs_[name][path] = found == noted.end() ? FileStamp{} : found->second;
        readers_[path].insert(name);
    }
}

void ServiceInputs::forget(std::string const& name) {
    auto const found = inputs_.find(name);
    if (found == inputs_.end()) {
        return;
    }
    for (auto const& [path, stamp] : found->second) {
        auto const readers = readers_.find(path);
        readers->second.erase(name);
        if (readers->second.empty()) {
            readers_.erase(readers);
        }
    }
    inputs_.erase(found);
}

std::vector<std::string> ServiceInputs::readers(std::string_view path) const {
    auto const found = readers_.find(path);
    return found == readers_.end()
               ? std::vector<std::string>()
               : std::vector<std::string>(found->second.begin(), found->second.end());
}

std::vector<std::string> ServiceInputs::outdated(
    std::function<FileStamp(std::string const&)> const& stamp_now) const {
    std::map<std::string, FileStamp> now;
    for (auto const& [path, readers] : readers_) {
        now.emplace(path, stamp_now(path));
    }
    std::vector<std::string> names;
    for (auto const& [name, inputs] : inputs_) {
        bool outdated = false;
        for (auto const& [path, stamp] : inputs) {
            outdated = outdated || now.at(path) != stamp;
        }
        if (outdated) {
            names.push_back(name);
        }
    }
    return names;
}

bool ServiceInputs::is_outdated(std::string const& name, std::string const& path,
                                FileStamp const& stamp_now) const {
    auto const found = inputs_.find(name);
    return found != inputs_.end() && found->second.contains(path) &&
           found->second.at(path) != stamp_now;
}

std::set<std::string> ServiceInputs::folders() const {
    std::set<std::string> folders;
    for (auto const& [path, readers] : readers_) {
        if (folders.size() == folders_max) {
            break;
        }
        folders.insert(path.substr(0, path.rfind('/')));
    }
    return folders;
}

}  // namespace net
