#include "provider/engine_json.hpp"

#include <arpa/inet.h>
#include <sys/resource.h>

#include <fmt/format.h>
#include <algorithm>
#include <nlohmann/json.hpp>

namespace hanse::provider {

using nlohmann::json;

namespace {

std::uint64_t hard_limit(decltype(RLIMIT_NOFILE) which, std::uint64_t most) {
  rlimit limit{};
  if (::getrlimit(which, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return most;
  return std::min<std::uint64_t>(limit.rlim_max, most);
}

/// A number at a path of keys, or zero: engines leave fields out and write null.
std::uint64_t number_at(const json& from, std::initializer_list<const char*> path) {
  const json* at = &from;
  for (const char* key : path) {
    if (!at->is_object()) return 0;
    const auto found = at->find(key);
    if (found == at->end()) return 0;
    at = &*found;
  }
  if (at->is_number_unsigned()) return at->get<std::uint64_t>();
  if (at->is_number_integer()) return static_cast<std::uint64_t>(std::max<std::int64_t>(0, at->get<std::int64_t>()));
  return 0;
}

std::string text_at(const json& from, const char* key) {
  if (!from.is_object()) return {};
  const auto found = from.find(key);
  return found != from.end() && found->is_string() ? found->get<std::string>() : std::string();
}

json object_at(const json& from, const char* key) {
  if (!from.is_object()) return json::object();
  const auto found = from.find(key);
  return found != from.end() && found->is_object() ? *found : json::object();
}

bool flag_at(const json& from, const char* key) {
  if (!from.is_object()) return false;
  const auto found = from.find(key);
  return found != from.end() && found->is_boolean() && found->get<bool>();
}

json capability_names(std::string_view prefix) {
  json out = json::array();
  for (const char* name : kCapabilities) out.push_back(std::string(prefix) + name);
  return out;
}

std::vector<std::string> tail(const std::vector<std::string>& command) {
  return command.empty() ? command : std::vector<std::string>(command.begin() + 1, command.end());
}

/// By number: the image need not know them.
json group_names(const DeviceAccess& devices) {
  json out = json::array();
  for (const auto group : devices.groups) out.push_back(std::to_string(group));
  return out;
}

json env_object(const std::vector<std::string>& env) {
  json out = json::object();
  for (const auto& entry : env) {
    const auto equals = entry.find('=');
    out[entry.substr(0, equals)] = equals == std::string::npos ? "" : entry.substr(equals + 1);
  }
  return out;
}

}  // namespace

ProcessLimits process_limits() {
  return {hard_limit(RLIMIT_NOFILE, 1U << 20), hard_limit(RLIMIT_NPROC, 1U << 15)};
}

json label_object(const std::vector<std::string>& labels) {
  return env_object(labels);
}

json docker_create_json(const ContainerSpec& spec, const ProcessLimits& limits, bool with_init) {
  json host = {
      {"NetworkMode", spec.network.empty() ? "none" : spec.network},
      {"CapDrop", {"ALL"}},
      {"CapAdd", capability_names("")},
      {"SecurityOpt", {"no-new-privileges"}},
      {"PidsLimit", spec.pids_limit},
      {"Init", with_init},
      {"RestartPolicy", {{"Name", "no"}}},
      {"IpcMode", "private"},
      {"LogConfig",
       {{"Type", "json-file"}, {"Config", {{"max-size", std::to_string(kMaxLogBytes)}, {"max-file", "1"}}}}},
      {"Ulimits",
       {{{"Name", "nofile"}, {"Soft", limits.open_files}, {"Hard", limits.open_files}},
        {{"Name", "nproc"}, {"Soft", limits.processes}, {"Hard", limits.processes}},
        {{"Name", "core"}, {"Soft", 0}, {"Hard", 0}}}},
  };
  if (spec.memory_bytes > 0) {
    host["Memory"] = spec.memory_bytes;
    host["MemorySwap"] = spec.memory_bytes;  // equal to Memory: no swap
  }
  if (spec.shm_bytes > 0) host["ShmSize"] = spec.shm_bytes;
  if (spec.nano_cpus > 0) host["NanoCpus"] = spec.nano_cpus;
  if (!spec.dns.empty() && host["NetworkMode"] != "none") host["Dns"] = spec.dns;
  json mounts = json::array();
  const auto bind = [&](const std::string& source, const char* target, bool read_only) {
    if (source.empty()) return;
    mounts.push_back({{"Type", "bind"}, {"Source", source}, {"Target", target}, {"ReadOnly", read_only}});
  };
  bind(spec.workspace_host_path, "/workspace", false);
  bind(spec.control_host_path, "/run/hanse", false);
  bind(spec.hosts_host_path, "/etc/hosts", true);
  for (const auto& file : spec.devices.files) bind(file.host, file.path.c_str(), true);
  host["Mounts"] = mounts;
  if (!spec.devices.nodes.empty()) {
    json devices = json::array();
    for (const auto& node : spec.devices.nodes) {
      devices.push_back({{"PathOnHost", node.host}, {"PathInContainer", node.path}, {"CgroupPermissions", "rw"}});
    }
    host["Devices"] = devices;
  }
  if (!spec.devices.groups.empty()) host["GroupAdd"] = group_names(spec.devices);
  json out = {
      {"Image", spec.image}, {"Env", spec.env},   {"WorkingDir", spec.workdir}, {"Labels", label_object(spec.labels)},
      {"User", "0:0"},       {"HostConfig", host}};
  if (!spec.hostname.empty()) out["Hostname"] = spec.hostname;
  if (!spec.command.empty()) {
    out["Entrypoint"] = {spec.command.front()};
    out["Cmd"] = tail(spec.command);
  }
  return out;
}

json podman_create_json(const ContainerSpec& spec, const ProcessLimits& limits, bool with_init) {
  json resources = {{"pids", {{"limit", spec.pids_limit}}}};
  if (spec.memory_bytes > 0) resources["memory"] = {{"limit", spec.memory_bytes}, {"swap", spec.memory_bytes}};
  if (spec.nano_cpus > 0) resources["cpu"] = {{"quota", spec.nano_cpus / 10'000}, {"period", 100'000}};
  json out = {
      {"name", spec.name},
      {"image", spec.image},
      {"env", env_object(spec.env)},
      {"work_dir", spec.workdir},
      {"user", "0:0"},
      {"labels", label_object(spec.labels)},
      {"cap_drop", {"all"}},
      {"cap_add", capability_names("CAP_")},
      {"no_new_privileges", true},
      {"init", with_init},
      {"restart_policy", "no"},
      {"resource_limits", resources},
      {"log_configuration", {{"driver", "k8s-file"}, {"size", kMaxLogBytes}}},
      {"r_limits",
       {{{"type", "nofile"}, {"soft", limits.open_files}, {"hard", limits.open_files}},
        {{"type", "nproc"}, {"soft", limits.processes}, {"hard", limits.processes}},
        {{"type", "core"}, {"soft", 0}, {"hard", 0}}}},
  };
  if (spec.network.empty() || spec.network == "none") {
    out["netns"] = {{"nsmode", "none"}};
  } else {
    out["netns"] = {{"nsmode", "bridge"}};
    out["networks"] = {{spec.network, json::object()}};
    if (!spec.dns.empty()) out["dns_server"] = spec.dns;
  }
  if (!spec.hostname.empty()) out["hostname"] = spec.hostname;
  if (spec.shm_bytes > 0) out["shm_size"] = spec.shm_bytes;
  json mounts = json::array();
  const auto bind = [&](const std::string& source, const char* target, const char* access) {
    if (source.empty()) return;
    mounts.push_back({{"type", "bind"},
                      {"source", source},
                      {"destination", target},
                      {"options", {"rbind", access, "nosuid", "nodev"}}});
  };
  bind(spec.workspace_host_path, "/workspace", "rw");
  bind(spec.control_host_path, "/run/hanse", "rw");
  bind(spec.hosts_host_path, "/etc/hosts", "ro");
  for (const auto& file : spec.devices.files) bind(file.host, file.path.c_str(), "ro");
  out["mounts"] = mounts;
  json devices = json::array();
  for (const auto& name : spec.devices.cdi) devices.push_back({{"path", name}});
  for (const auto& node : spec.devices.nodes) devices.push_back({{"path", node.host + ":" + node.path + ":rw"}});
  out["devices"] = devices;
  if (!spec.devices.groups.empty()) out["groups"] = group_names(spec.devices);
  if (!spec.command.empty()) {
    out["entrypoint"] = {spec.command.front()};
    out["command"] = tail(spec.command);
  }
  return out;
}

ContainerState parse_state(const json& from) {
  ContainerState out;
  out.id = text_at(from, "Id");
  out.name = text_at(from, "Name");
  if (out.name.starts_with('/')) out.name.erase(0, 1);
  const json state = object_at(from, "State");
  out.running = flag_at(state, "Running");
  out.out_of_memory = flag_at(state, "OOMKilled");
  out.exit_code = static_cast<int>(number_at(state, {"ExitCode"}));
  out.pid = out.running ? static_cast<std::int64_t>(number_at(state, {"Pid"})) : 0;
  const json config = object_at(from, "Config");
  if (const auto labels = config.find("Labels"); labels != config.end() && labels->is_object()) {
    for (const auto& [key, value] : labels->items()) {
      if (value.is_string()) out.labels.push_back(key + "=" + value.get<std::string>());
    }
  }
  return out;
}

ContainerStats parse_stats(const json& from) {
  ContainerStats out;
  out.cpu_ns = number_at(from, {"cpu_stats", "cpu_usage", "total_usage"});
  out.memory_limit_bytes = number_at(from, {"memory_stats", "limit"});
  out.pids = number_at(from, {"pids_stats", "current"});
  const auto usage = number_at(from, {"memory_stats", "usage"});
  // The page cache that the kernel can take back at any time is not the container's use (cgroup v1 and v2 names).
  auto cache = number_at(from, {"memory_stats", "stats", "total_inactive_file"});
  if (cache == 0) cache = number_at(from, {"memory_stats", "stats", "inactive_file"});
  out.memory_bytes = usage > cache ? usage - cache : usage;
  return out;
}

std::vector<std::string> parse_image_env(const json& from) {
  const json config = object_at(from, "Config");
  const auto env = config.find("Env");
  std::vector<std::string> out;
  if (env == config.end() || !env->is_array()) return out;
  for (const auto& entry : *env) {
    if (entry.is_string()) out.push_back(entry.get<std::string>());
  }
  return out;
}

ImageName split_image(const std::string& image) {
  if (image.find('@') != std::string::npos) return {image, ""};
  const auto slash = image.rfind('/');
  const auto colon = image.rfind(':');
  if (colon == std::string::npos || (slash != std::string::npos && colon < slash)) return {image, "latest"};
  return {image.substr(0, colon), image.substr(colon + 1)};
}

Result<std::string> network_interface_of(const std::string& subnet) {
  in_addr address{};
  const auto slash = subnet.find('/');
  if (slash == std::string::npos || ::inet_pton(AF_INET, subnet.substr(0, slash).c_str(), &address) != 1) {
    return fail(ErrorCode::malformed, "'" + subnet + "' is not an IPv4 subnet such as 10.213.0.8/29");
  }
  return fmt::format("hanse{:08x}", ntohl(address.s_addr));
}

}  // namespace hanse::provider
