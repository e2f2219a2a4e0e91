#include "runtime/oci/records.h"

#include <boost/json.hpp>

#include "base/text.h"
#include "runtime/system/file.h"

namespace runtime {
namespace {

namespace json = boost::json;

constexpr std::size_t record_size_max = 1 << 20;

base::Result<void> write_json(std::string const& path, json::value const& value) {
    return replace_file(path, json::serialize(value) + "\n");
}

json::object of_process(ProcessId const& process) {
    return {{"pid", process.pid}, {"start_time", process.start_time}};
}

ProcessId to_process(json::value const& value) {
    return {value.at("pid").to_number<pid_t>(), value.at("start_time").to_number<std::uint64_t>()};
}

std::string to_text(json::value const& value) {
    json::string const& text = value.as_string();
    return {text.data(), text.size()};
}

json::array of_hooks(std::vector<Hook> const& hooks) {
    json::array result;
    for (Hook const& hook : hooks) {
        result.push_back(json::object{{"command", json::value_from(hook.command)},
                                      {"user", hook.user},
                                      {"working_dir", hook.working_dir},
                                      {"environment", json::value_from(hook.environment)},
                                      {"privileged", hook.privileged}});
    }
    return result;
}

std::vector<Hook> to_hooks(json::value const& value) {
    std::vector<Hook> hooks;
    for (json::value const& each : value.as_array()) {
        hooks.push_back({.command = json::value_to<std::vector<std::string>>(each.at("command")),
                         .user = to_text(each.at("user")),
                         .working_dir = to_text(each.at("working_dir")),
                         .environment = json::value_to<std::map<std::string, std::string>>(
                             each.at("environment")),
                         .privileged = each.at("privileged").as_bool()});
    }
    return hooks;
}

// Boost.JSON reports what is missing or mistyped by exceptions; they end here.
template <class Record, class Read>
base::Result<Record> read_json(std::string const& path, Read read) {
    std::string const text = TRY(read_file(path, record_size_max));
    try {
        return read(json::parse(text));
    } catch (std::exception const& error) {
        return base::fail(base::concat(path, " is damaged: ", error.what()));
    }
}

}  // namespace

base::Result<void> write_record(std::string const& path, MetaRecord const& record) {
    return write_json(path, {{"service", record.assignment.service},
                             {"slot", record.assignment.slot},
                             {"revision", record.assignment.revision},
                             {"address", to_string(record.address)},
                             {"boot_id", record.boot_id},
                             {"stop_signal", record.stop_signal},
                             {"runtime", record.runtime},
                             {"notice", record.notice},
                             {"awaits_hooks", record.awaits_hooks},
                             {"pre_stop", of_hooks(record.pre_stop)}});
}

base::Result<void> write_record(std::string const& path, ShimRecord const& record) {
    return write_json(
        path, {{"shim", of_process(record.shim)}, {"container", of_process(record.container)}});
}

base::Result<void> write_record(std::string const& path, ExitStatus const& record) {
    return write_json(path, {{"code", record.code},
                             {"signal", record.signal},
                             {"out_of_memory", record.out_of_memory}});
}

base::Result<MetaRecord> read_meta(std::string const& path) {
    return read_json<MetaRecord>(path, [](json::value const& value) {
        MetaRecord record;
        record.assignment = {to_text(value.at("service")),
                             value.at("slot").to_number<std::uint32_t>(),
                             to_text(value.at("revision"))};
        record.address = base::parse_ip(to_text(value.at("address"))).value_or(base::IpAddress{});
        record.boot_id = to_text(value.at("boot_id"));
        record.stop_signal = value.at("stop_signal").to_number<int>();
        record.runtime = to_text(value.at("runtime"));
        // Those that an agent of before has written lack the rest.
        if (value.as_object().contains("pre_stop")) {
            record.notice = to_text(value.at("notice"));
            record.awaits_hooks = value.at("awaits_hooks").as_bool();
            record.pre_stop = to_hooks(value.at("pre_stop"));
        }
        return record;
    });
}

base::Result<ShimRecord> read_shim(std::string const& path) {
    return read_json<ShimRecord>(path, [](json::value const& value) {
        return ShimRecord{to_process(value.at("shim")), to_process(value.at("container"))};
    });
}

base::Result<ExitStatus> read_exit(std::string const& path) {
    return read_json<ExitStatus>(path, [](json::value const& value) {
        return ExitStatus{value.at("code").to_number<int>(), value.at("signal").to_number<int>(),
                          value.at("out_of_memory").as_bool()};
    });
}

}  // namespace runtime
