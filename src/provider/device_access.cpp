#include "provider/device_access.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "provider/nvidia_access.hpp"

namespace hanse::provider {

namespace {

namespace fs = std::filesystem;

void add_group(const fs::path& node, std::vector<std::uint32_t>& groups) {
  struct stat what{};
  constexpr mode_t kAll = S_IROTH | S_IWOTH;
  if (::stat(node.c_str(), &what) != 0 || what.st_gid == 0 || (what.st_mode & kAll) == kAll) return;
  if (std::find(groups.begin(), groups.end(), what.st_gid) == groups.end()) groups.push_back(what.st_gid);
}

}  // namespace

Result<> add_node(const DeviceHost& host, const std::string& path, const std::string& remedy, DeviceAccess& out) {
  const auto at = host.root / fs::path(path).relative_path();
  std::error_code error;
  if (!fs::is_character_file(at, error)) return fail(ErrorCode::unavailable, path + " is missing: " + remedy);
  const HostFile node{at, path};
  if (std::find(out.nodes.begin(), out.nodes.end(), node) == out.nodes.end()) out.nodes.push_back(node);
  add_group(at, out.groups);
  return {};
}

std::string access_text(const std::vector<Device>& devices, const DeviceAccess& access) {
  std::string out;
  for (const auto& device : devices) out += fmt::format("{}#{} ", device.id, device.number);
  for (const auto& node : access.nodes) {
    struct stat what{};
    if (::stat(node.host.c_str(), &what) != 0) continue;
    out += fmt::format("{}#{}:{} ", node.path, major(what.st_rdev), minor(what.st_rdev));
  }
  return out;
}

Result<DeviceAccess> device_access(const DeviceHost& host, const std::vector<Device>& devices) {
  DeviceAccess out;
  std::vector<Device> nvidia;
  for (const auto& device : devices) {
    if (device.maker == Maker::nvidia) nvidia.push_back(device);
    if (device.maker != Maker::amd && device.maker != Maker::intel) continue;
    const auto node = fmt::format("/dev/dri/renderD{}", device.number);
    const char* driver = device.maker == Maker::amd ? "load its kernel driver (modprobe amdgpu)"
                                                    : "load its kernel driver (modprobe i915, or xe)";
    if (auto added = add_node(host, node, driver, out); !added) return fail(added);
    if (device.maker != Maker::amd) continue;
    auto compute = add_node(host, "/dev/kfd", "the amdgpu driver makes it, of a kernel with CONFIG_HSA_AMD", out);
    if (!compute) return fail(compute);
  }
  if (nvidia.empty()) return out;
  return nvidia_access(host, nvidia);  // one machine of the market has devices of one model, so of one maker
}

}  // namespace hanse::provider
