#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "provider/agent.hpp"
#include "provider/host_resources.hpp"

namespace hanse::provider {

namespace {

constexpr std::uint64_t kMiB = 1U << 20, kGiB = 1U << 30;

std::uint64_t free_disk(const std::filesystem::path& folder) {
  struct statvfs stat{};
  std::filesystem::path at = std::filesystem::absolute(folder);
  while (::statvfs(at.c_str(), &stat) != 0) {  // the folder may not be there yet: its nearest parent's disk then
    if (at == at.root_path()) return 0;
    at = at.parent_path();
  }
  return static_cast<std::uint64_t>(stat.f_bavail) * stat.f_frsize;
}

/// The most frequent model: one machine of the market has identical devices.
void choose_devices(Inventory& out) {
  const Device* best = nullptr;
  std::size_t most = 0;
  for (const auto& device : out.devices) {
    const auto same = devices_of(out.devices, device.model, device.memory_bytes).size();
    const bool is_better = same == most && best->model == device.model && best->memory_bytes > device.memory_bytes;
    if (same > most || is_better) {
      most = same;
      best = &device;
    }
  }
  if (best == nullptr) return;
  out.machine.gpu_model = best->model;
  out.machine.device_kind = best->is_gpu() ? model::DeviceKind::gpu : model::DeviceKind::cpu;
  out.machine.gpu_count = static_cast<std::uint32_t>(std::min<std::size_t>(most, model::kMaxDevicesPerMachine));
  out.machine.vram_bytes = best->memory_bytes;
  if (most > 1) out.machine.interconnect = model::Interconnect::pcie;  // more than that its owner knows
  out.machine.driver_version = best->driver.substr(0, 32);
  if (most < out.devices.size()) {
    out.note += "; several models: the " + best->model + " are offered, the others are not";
  }
}

}  // namespace

Inventory detect_inventory(const std::filesystem::path& data_folder, const std::filesystem::path& root) {
  Inventory out;
  const HostResources host = read_host();
  out.machine.cpu_threads = host.threads;
  // The agent, the engine and the kernel need some: a tenth, and at least 1 GiB where there is that much.
  const auto reserve = std::max(host.memory_bytes / 10, std::min<std::uint64_t>(kGiB, host.memory_bytes / 2));
  out.machine.memory_bytes = (host.memory_bytes - reserve) / kMiB * kMiB;
  out.machine.disk_bytes = free_disk(data_folder) / 10 * 7 / kGiB * kGiB;  // the rest is for images and layers
  char name[64] = {};
  if (::gethostname(name, sizeof name - 1) == 0) out.machine.name = name;
  auto found = find_devices(root);
  out.devices = std::move(found.devices);
  out.note = std::move(found.note);
  choose_devices(out);
  if (!out.devices.empty() && out.devices[0].maker == Maker::nvidia) out.machine.cuda_version = found.cuda_version;
  if (out.machine.device_kind == model::DeviceKind::cpu) {
    out.machine.vram_bytes = std::min(out.machine.vram_bytes, out.machine.memory_bytes);
  }
  return out;
}

}  // namespace hanse::provider
