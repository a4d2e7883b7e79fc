#include "provider/device_trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "provider/device_probe.hpp"
#include "provider/process.hpp"

namespace hanse::provider {

namespace {

constexpr unsigned kProbeSeconds = 30;

std::string remedy_for(const std::string& cuda_error) {
  if (cuda_error.find("libcuda") != std::string::npos) {
    return "install the driver's libraries for computing (Debian: libcuda1, Ubuntu: libnvidia-compute-…)";
  }
  if (cuda_error.find("SYSTEM_NOT_READY") != std::string::npos) {
    return "start nvidia-fabricmanager: cards on NVSwitch wait for it";
  }
  if (cuda_error.find("NO_DEVICE") != std::string::npos) {
    return "see what 'nvidia-smi' and the kernel's log ('dmesg | grep -i xid') say of the card";
  }
  if (cuda_error.find("DRIVER_MISMATCH") != std::string::npos) {
    return "the kernel's driver is older than its libraries: restart the machine";
  }
  return "reset the card ('nvidia-smi --gpu-reset') or restart the machine; 'dmesg | grep -i xid' says more";
}

Trial judge(const Device& device, const SeenDevices& seen) {
  if (!seen.closed.empty()) {
    return {"a container cannot open " + seen.closed.front(), "let the container engine run as root", ""};
  }
  if (device.maker != Maker::nvidia) return {};
  if (!seen.cuda_error.empty()) return {"CUDA in a container: " + seen.cuda_error, remedy_for(seen.cuda_error), ""};
  const bool is_there =
      std::any_of(seen.uuids.begin(), seen.uuids.end(), [&](const auto& uuid) { return device.id.ends_with(uuid); });
  if (!is_there) {
    return {fmt::format("CUDA in a container sees {} devices, and not this one", seen.uuids.size()),
            "write the CDI file anew ('nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml') or remove it", ""};
  }
  if (seen.uuids.size() > 1) {
    return {fmt::format("a container with this device sees {}", seen.uuids.size()),
            "write the CDI file anew, or remove it: a lease would get devices that are not its own", ""};
  }
  if (seen.opencl_gpus == 0) {
    return {"", "for OpenCL in leases install the driver's library for it (nvidia-opencl-icd)",
            "OpenCL does not find it in a container"};
  }
  return {};
}

/// A trial that an ill device holds for ever is in no other's way.
std::string name_part(const std::string& id) {
  std::string out;
  for (const char c : id) out += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  return out;
}

Result<SeenDevices> look_inside(const TrialPlace& place, const Device& device, const DeviceAccess& access,
                                const std::string& container) {
  const auto state = place.engine.inspect(container);
  if (!state) return fail(state);
  if (!state->running) return fail(ErrorCode::io, "the container ended at once: the image needs /bin/sh and sleep");
  const auto cuda = device.maker != Maker::nvidia ? std::string(kNoCuda)
                    : access.libraries.empty()    ? std::string(kLinkersPlaces)
                                                  : access.libraries;
  // Nothing of the agent's own environment: not a choice of cards, and no secret.
  std::vector<std::string> command{"env", "-i", place.helper, "namespace-helper", "devices", std::to_string(state->pid),
                                   cuda};
  for (const auto& node : access.nodes) command.push_back(node.path);
  const auto ran = run_program(command, {}, kProbeSeconds);
  if (!ran) return fail(ran);
  return parse_seen(ran->text);
}

}  // namespace

Trial try_device(const TrialPlace& place, const Device& device) {
  if (!device.is_gpu()) return {};
  const auto access = device_access(place.host, {device});
  if (!access) {
    const auto& text = access.error().message;  // "what is missing: what brings it"
    const auto colon = text.find(": ");
    return {text.substr(0, colon), colon == std::string::npos ? "" : text.substr(colon + 2), ""};
  }
  ContainerSpec spec;
  spec.name = "hanse-device-trial-" + place.label.substr(place.label.find('=') + 1) + "-" + name_part(device.id);
  spec.image = place.image;
  spec.command = {"/bin/sh", "-c", "exec sleep 120"};
  spec.workdir = "/";
  spec.labels = {place.label};
  spec.env = {"NVIDIA_VISIBLE_DEVICES=" + (device.maker == Maker::nvidia ? device.id : std::string("void"))};
  spec.devices = *access;
  static_cast<void>(place.engine.remove(spec.name));
  const auto id = place.engine.create(spec);
  const auto started = id ? place.engine.start(*id) : Result<>(fail(id));
  const auto seen = started ? look_inside(place, device, *access, *id) : Result<SeenDevices>(fail(started));
  static_cast<void>(place.engine.remove(spec.name));
  if (seen) return judge(device, *seen);
  return {"a container with it does not start: " + seen.error().message,
          access->cdi.empty() ? "mend what the container engine says" : "write the CDI file anew, or remove it", ""};
}

}  // namespace hanse::provider
