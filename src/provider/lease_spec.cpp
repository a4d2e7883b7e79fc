#include "provider/lease_spec.hpp"

#include <algorithm>

#include "base/int128.hpp"
#include "model/text.hpp"
#include "provider/control.hpp"

namespace hanse::provider {

std::vector<std::uint32_t> leased_devices(const model::Lease& lease) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < model::kMaxDevicesPerMachine; ++i) {
    if ((lease.devices >> i) & 1U) out.push_back(i);
  }
  return out;
}

namespace {

/// The driver's libraries come last, after what the job, or else its image, searches.
void add_library_folder(const LeasePlace& place, std::vector<std::string>& env) {
  constexpr std::string_view kName = "LD_LIBRARY_PATH=";
  const auto sets = [&](const std::string& entry) { return entry.starts_with(kName); };
  const auto own = std::find_if(env.begin(), env.end(), sets);
  const auto images = std::find_if(place.image_env.begin(), place.image_env.end(), sets);
  std::string value = own != env.end() ? *own : images != place.image_env.end() ? *images : std::string(kName);
  if (value.size() > kName.size()) value += ':';
  value += place.access.libraries;
  own != env.end() ? * own = value : env.emplace_back(value);
}

}  // namespace

std::string image_of(const AgentConfig& config, const model::Job& job, const LeasePlace& place) {
  if (!place.image.empty()) return place.image;
  return job.image.empty() ? config.default_image : job.image;
}

ContainerSpec lease_spec(const AgentConfig& config, const model::Lease& lease, const model::Job& job,
                         const LeasePlace& place) {
  const auto& machine = config.machine;
  const auto share = [&](std::uint64_t whole) {
    return static_cast<std::uint64_t>(static_cast<UInt128>(whole) * lease.gpu_count / std::max(machine.gpu_count, 1U));
  };
  ContainerSpec spec;
  spec.name = place.container_name;
  spec.hostname = model::format_id(lease.id);
  spec.image = image_of(config, job, place);
  spec.command = supervisor_command();
  spec.workspace_host_path = place.paths.workspace;
  spec.control_host_path = place.paths.control;
  spec.hosts_host_path = place.paths.hosts;
  spec.network = place.network;
  spec.dns = config.dns;
  spec.labels = place.labels;
  spec.memory_bytes = share(machine.memory_bytes);
  if (spec.memory_bytes == 0) {
    spec.shm_bytes = job.shm_bytes == 0 ? kShmOfUnknownMemory : job.shm_bytes;
  } else {
    spec.shm_bytes = job.shm_bytes == 0 ? spec.memory_bytes / 2 : std::min(job.shm_bytes, spec.memory_bytes);
  }
  spec.nano_cpus = static_cast<std::int64_t>(share(std::uint64_t{machine.cpu_threads} * 1'000'000'000));
  spec.pids_limit = kPidsPerLease;

  spec.devices = place.access;
  // Some engines' NVIDIA hooks obey this variable, whoever sets it: a job must not be able to ask for all GPUs.
  std::string visible;
  for (const auto& device : place.devices) {
    if (device.maker == Maker::nvidia) visible += (visible.empty() ? "" : ",") + device.id;
  }
  std::vector<std::string> own{"NVIDIA_VISIBLE_DEVICES=" + (visible.empty() ? "void" : visible),
                               "HANSE_LEASE=" + model::format_id(lease.id),
                               "HANSE_RANK=" + std::to_string(lease.gang ? lease.id.value - lease.gang.value : 0),
                               "HANSE_WORLD_SIZE=" + std::to_string(place.machines),
                               "GPUS_PER_NODE=" + std::to_string(lease.gpu_count),
                               "HANSE_END_FILE=" + std::string(kEndFile)};
  for (const auto& entry : job.env) {
    if (!model::is_machines_variable(entry.substr(0, entry.find('=')))) spec.env.push_back(entry);
  }
  if (!place.access.libraries.empty()) add_library_folder(place, spec.env);
  spec.env.insert(spec.env.end(), own.begin(), own.end());
  return spec;
}

ContainerSpec keeper_spec(const AgentConfig& config, const model::Lease& lease, const model::Job& job,
                          LeasePlace place) {
  constexpr std::uint64_t kMemory = 128ULL << 20;
  place.network = "none";
  place.devices.clear();
  place.access = {};
  auto spec = lease_spec(config, lease, job, place);
  spec.memory_bytes = spec.memory_bytes == 0 ? kMemory : std::min(spec.memory_bytes, kMemory);
  spec.shm_bytes = std::min(spec.shm_bytes, spec.memory_bytes / 2);
  spec.nano_cpus = std::min<std::int64_t>(spec.nano_cpus, 1'000'000'000);
  spec.pids_limit = 256;
  return spec;
}

}  // namespace hanse::provider
