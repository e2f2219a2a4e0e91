#include "agent/files.h"

#include "base/hash.h"

namespace agent {

namespace {
constexpr std::size_t files_max = 10'000;
constexpr std::size_t name_max = 512;
}  // namespace

Files::Change Files::update(std::string const& name, std::vector<spec::ServiceSpec> services,
                            std::vector<std::string> messages) {
    changed_ = changed_ || !files_.contains(name);
    File& file = files_[name];
    file.messages = std::move(messages);
    file.usable = true;
    file.seen = true;
    std::map<std::string, std::uint64_t> const before = std::exchange(file.services, {});
    release(before);
    Change change;
    for (spec::ServiceSpec& service : services) {
        std::string const key = service_key(service);
        std::uint64_t const hash = base::stable_hash(spec::encode(service));
        auto const asked = before.find(key);
        if (held(key)) {
            file.messages.push_back(key + ": another file here names it too; the last edit counts");
        }
        file.services[key] = hash;
        ++holders_[key];
        if (asked == before.end() || asked->second != hash) {
            change.apply.push_back(std::move(service));
        }
    }
    for (auto const& [key, hash] : before) {
        if (!held(key)) {
            change.remove.push_back(key);
        }
    }
    changed_ = changed_ || before != file.services;
    return change;
}

void Files::reject(std::string const& name, std::vector<std::string> messages) {
    changed_ = changed_ || !files_.contains(name);
    File& file = files_[name];
    file.messages = std::move(messages);
    file.usable = false;
    file.seen = true;
}

void Files::refuse(std::string const& name, std::string message) {
    if (auto const found = files_.find(name); found != files_.end()) {
        found->second.usable = false;
        found->second.messages.push_back(std::move(message));
        for (auto& [key, hash] : found->second.services) {
            changed_ = changed_ || hash != 0;
            hash = 0;
        }
    }
}

Files::Change Files::remove(std::string const& name) {
    Change change;
    auto const found = files_.find(name);
    if (found == files_.end()) {
        return change;
    }
    std::map<std::string, std::uint64_t> const before = std::move(found->second.services);
    files_.erase(found);
    changed_ = true;
    release(before);
    for (auto const& [key, hash] : before) {
        if (!held(key)) {
            change.remove.push_back(key);
        }
    }
    return change;
}

std::vector<std::string> Files::unseen() const {
    std::vector<std::string> names;
    for (auto const& [name, file] : files_) {
        if (!file.seen) {
            names.push_back(name);
        }
    }
    return names;
}

bool Files::take_changed() {
    return std::exchange(changed_, false);
}

std::vector<FileReport> Files::reports(InFleet const& in_fleet) const {
    std::vector<FileReport> reports;
    for (auto const& [name, file] : files_) {
        FileReport report{
            .name = name, .usable = file.usable, .services = {}, .messages = file.messages};
        for (auto const& [key, hash] : file.services) {
            report.services.push_back(key);
            auto const current = in_fleet(key);
            if (!current && hash != 0) {
                report.messages.push_back(
                    key + ": removed from the fleet elsewhere; edit the file to bring it back");
            } else if (current && *current != hash && hash != 0) {
                report.messages.push_back(
                    key +
                    ": the fleet runs another version, written elsewhere later; the last edit "
                    "counts");
            }
        }
        reports.push_back(std::move(report));
    }
    return reports;
}

base::Bytes Files::encode() const {
    base::ByteWriter out;
    out.varint(files_.size());
    for (auto const& [name, file] : files_) {
        out.sized(name);
        out.varint(file.services.size());
        for (auto const& [key, hash] : file.services) {
            out.sized(key);
            out.u64(hash);
        }
    }
    return out.take();
}

void Files::restore(base::ByteView bytes) {
    base::ByteReader in(bytes);
    std::map<std::string, File> files;
    std::uint64_t const count = in.varint();
    for (std::uint64_t at = 0; at < count && at < files_max && !in.failed(); ++at) {
        File& file = files[in.text(name_max)];
        std::uint64_t const services = in.varint();
        for (std::uint64_t held = 0; held < services && !in.failed(); ++held) {
            std::string key = in.text(name_max);
            file.services[std::move(key)] = in.u64();
        }
    }
    if (in.complete()) {
        files_ = std::move(files);
        holders_.clear();
        for (auto const& [name, file] : files_) {
            for (auto const& [key, hash] : file.services) {
                ++holders_[key];
            }
        }
    }
}

bool Files::held(std::string_view service) const {
    return holders_.contains(service);
}

void Files::release(std::map<std::string, std::uint64_t> const& services) {
    for (auto const& [key, hash] : services) {
        if (auto const found = holders_.find(key); --found->second == 0) {
            holders_.erase(found);
        }
    }
}

}  // namespace agent
