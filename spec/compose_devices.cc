#include <algorithm>
#include <array>

#include "base/text.h"
#include "spec/compose_service.h"
#include "spec/compose_text.h"
#include "spec/rules.h"

namespace spec {

namespace {

// Letters of "rwm", each once, in that order.
std::optional<std::string> permissions_of(std::string_view text) {
    std::string sorted;
    for (char const letter : std::string_view("rwm")) {
        if (text.contains(letter)) {
            sorted += letter;
        }
    }
    if (sorted.empty() || text.find_first_not_of("rwm") != std::string_view::npos) {
        return std::nullopt;
    }
    return sorted;
}

struct DeviceText {
    std::string source;
    std::string target;
    std::string permissions = "rwm";
};

template <std::string DeviceText::* member>
void read_part(Report& report, Field const& field, DeviceText& device) {
    device.*member = read_filled_text(report, field).value_or("");
}

void add_device(Report& report, Field const& field, DeviceText const& text, Draft& draft) {
    auto permissions = permissions_of(text.permissions);
    if (!permissions) {
        report.error(field, base::concat("expected permissions of r, w and m, found ",
                                         quote(text.permissions)));
        return;
    }
    // A name such as vendor.com/gpu=0 says by itself where it goes.
    bool const by_name = !text.source.starts_with('/') && text.source.contains('=');
    std::string const& target = text.target.empty() ? text.source : text.target;
    if (!by_name && (!text.source.starts_with('/') || !target.starts_with('/'))) {
        report.error(field,
                     base::concat("expected paths such as /dev/fuse, found ", quote(text.source)));
        return;
    }
    draft.spec.storage.devices[target] = {text.source, *std::move(permissions)};
}

// SOURCE[:TARGET[:PERMISSIONS]]
std::optional<DeviceText> cut(Report& report, Field const& field) {
    std::optional<std::string> const text = read_filled_text(report, field);
    if (!text) {
        return std::nullopt;
    }
    auto const parts = base::split(*text, ':');
    DeviceText device{std::string(parts[0]), {}, "rwm"};
    bool const two_are_permissions = parts.size() == 2 && permissions_of(parts[1]).has_value();
    if (two_are_permissions) {
        device.permissions = parts[1];
    } else if (parts.size() > 1) {
        device.target = parts[1];
    }
    if (parts.size() > 2) {
        device.permissions = parts[2];
    }
    if (parts.size() > 3) {
        report.expected(field, "SOURCE[:TARGET[:PERMISSIONS]], such as /dev/ttyUSB0");
        return std::nullopt;
    }
    return device;
}

void read_count(Report& report, Field const& field, DeviceRequest& request) {
    request.count =
        field.value->text == "all" ? -1 : read_integer(report, field, -1, 1'000'000).value_or(0);
}

void read_ids(Report& report, Field const& field, DeviceRequest& request) {
    request.ids = read_text_set(report, field);
}

void read_capabilities(Report& report, Field const& field, DeviceRequest& request) {
    request.capabilities = read_text_set(report, field);
}

void read_driver(Report& report, Field const& field, DeviceRequest& request) {
    request.driver = read_text(report, field).value_or("");
}

void read_options(Report& report, Field const& field, DeviceRequest& request) {
    request.options = read_pairs(report, field, Unset::empty);
}

// A secret or a config in the service's list.
struct Use {
    std::string source;
    std::string target;
    FileMount file;
};

template <std::string Use::* member>
void read_end(Report& report, Field const& field, Use& use) {
    use.*member = read_filled_text(report, field).value_or("");
}

template <std::string FileMount::* member>
void read_owner(Report& report, Field const& field, Use& use) {
    std::string const id = read_text(report, field).value_or("");
    if (!base::parse_integer<std::uint32_t>(id)) {
        report.expected(field, "a number");
        return;
    }
    use.file.*member = id == "0" ? "" : id;
}

void read_mode(Report& report, Field const& field, Use& use) {
    use.file.mode = read_file_mode(report, field).value_or(use.file.mode);
}

}  // namespace

void read_devices(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<DeviceText>, 3> keys{{
        {"permissions", read_part<&DeviceText::permissions>},
        {"source", read_part<&DeviceText::source>},
        {"target", read_part<&DeviceText::target>},
    }};
    for (Field const& item : read_items(report, field, "a list of devices")) {
        if (item.value->kind == Node::Kind::map) {
            DeviceText device;
            read_keys<DeviceText>(report, item, device, "services.*.devices", keys);
            add_device(report, item, device, draft);
        } else if (auto const device = cut(report, item)) {
            add_device(report, item, *device, draft);
        }
    }
}

void read_device_requests(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<DeviceRequest>, 5> keys{{
        {"capabilities", read_capabilities},
        {"count", read_count},
        {"device_ids", read_ids},
        {"driver", read_driver},
        {"options", read_options},
    }};
    auto& requests = draft.spec.storage.device_requests;
    // "gpus: all" is what the list with one request for GPUs says.
    if (field.value->kind == Node::Kind::scalar) {
        if (field.value->text != "all") {
            report.expected(field, "all, or a list of devices");
            return;
        }
        DeviceRequest request;
        request.count = -1;
        request.capabilities = {"gpu"};
        requests.push_back(std::move(request));
        return;
    }
    for (Field const& item : read_items(report, field, "a list of devices")) {
        if (requests.size() == list_max) {
            report.error(item,
                         base::concat("expected at most ", list_max, " requests, found more"));
            return;
        }
        DeviceRequest request;
        read_keys<DeviceRequest>(report, item, request,
                                 "services.*.deploy.resources.reservations.devices", keys);
        if (request.count == 0 && request.ids.empty()) {
            request.count = -1;
        }
        if (field.key->text == "gpus") {
            request.capabilities.insert("gpu");
        }
        requests.push_back(std::move(request));
    }
}

void read_file_mounts(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Use>, 5> keys{{
        {"gid", read_owner<&FileMount::gid>},
        {"mode", read_mode},
        {"source", read_end<&Use::source>},
        {"target", read_end<&Use::target>},
        {"uid", read_owner<&FileMount::uid>},
    }};
    bool const secret = field.key->text == "secrets";
    auto const& known = secret ? draft.definitions->secrets : draft.definitions->configs;
    auto& files = secret ? draft.spec.storage.secrets : draft.spec.storage.configs;
    for (Field const& item : read_items(report, field, "a list")) {
        Use use;
        if (item.value->kind == Node::Kind::map) {
            read_keys<Use>(report, item, use, "services.*.secrets", keys);
        } else {
            read_end<&Use::source>(report, item, use);
        }
        auto const found = known.find(use.source);
        if (found == known.end()) {
            report.error(item,
                         base::concat("expected one of the top-level ", field.key->text, ", found ",
                                      use.source.empty() ? "none" : quote(use.source)));
            continue;
        }
        std::string target = use.target.empty() ? use.source : use.target;
        if (!target.starts_with('/')) {
            target.insert(0, secret ? "/run/secrets/" : "/");
        }
        std::optional<std::string> path = read_container_path(report, item, target);
        if (!path) {
            continue;
        }
        FileMount file = use.file;
        file.name = found->second.name;
        file.origin = found->second.origin;
        file.from = found->second.from;
        if (!files.try_emplace(*std::move(path), std::move(file)).second) {
            report.error(item, base::concat("something is shown at ", target, " already"));
        }
    }
}

}  // namespace spec
