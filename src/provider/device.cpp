#include "provider/device.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "provider/gpu_models.hpp"
#include "provider/render_nodes.hpp"

namespace hanse::provider {

namespace {

namespace fs = std::filesystem;

void add_note(FoundDevices& out, const std::string& text) {
  out.note += (out.note.empty() ? "" : "; ") + text;
}

void add_nvidia(Nvml& nvml, FoundDevices& out) {
  const auto driver = nvml.driver_version();
  out.cuda_version = nvml.cuda_version();
  const auto found = nvml.devices();
  for (const auto& device : found) {
    out.devices.push_back({Maker::nvidia, canonical_gpu_model(device.name), device.uuid, driver, device.memory_bytes,
                           device.minor, device.index, device.slice});
  }
  add_note(out, fmt::format("NVIDIA's driver {}: {} GPU{}", driver, found.size(), found.size() == 1 ? "" : "s"));
}

/// The OpenCL device of a node: by its PCI address; where the driver does not say that, the next one, if all that its
/// maker has here are alike: then it does not matter which is which.
const OpenClDevice* match(const RenderNode& node, const std::vector<OpenClDevice>& all, std::size_t place) {
  std::vector<const OpenClDevice*> unplaced;
  for (const auto& device : all) {
    if (!device.is_gpu || device.vendor != node.vendor) continue;
    if (device.pci == node.pci) return &device;
    if (device.pci.empty()) unplaced.push_back(&device);
  }
  const bool alike = std::all_of(unplaced.begin(), unplaced.end(),
                                 [&](const auto* device) { return device->name == unplaced.front()->name; });
  return alike && place < unplaced.size() ? unplaced[place] : nullptr;
}

void add_rendering(Maker maker, std::uint32_t vendor, const std::vector<RenderNode>& nodes,
                   const std::vector<OpenClDevice>& opencl, FoundDevices& out) {
  std::size_t place = 0, added = 0;
  for (const auto& node : nodes) {
    if (node.vendor != vendor) continue;
    const auto* device = match(node, opencl, place++);
    const auto name = device != nullptr ? device->name : node.product;
    const auto memory = node.memory_bytes != 0 ? node.memory_bytes : device != nullptr ? device->memory_bytes : 0;
    if (name.empty() || memory == 0) {
      add_note(out, fmt::format("the {} GPU at {} says neither its name nor its memory: install its OpenCL driver",
                                name_of(maker), node.pci));
      continue;
    }
    const auto driver = device != nullptr ? device->driver : node.driver;
    out.devices.push_back({maker, canonical_gpu_model(name), node.pci, driver, memory, node.number, 0, {}});
    ++added;
  }
  const bool is_known = std::any_of(opencl.begin(), opencl.end(),
                                    [&](const auto& device) { return device.is_gpu && device.vendor == vendor; });
  if (added != 0) add_note(out, fmt::format("{}: {} GPU{}", name_of(maker), added, added == 1 ? "" : "s"));
  if (place == 0 && is_known) {
    add_note(out, fmt::format("OpenCL finds a GPU of {}, but no lease could use it: it has no /dev/dri/renderD*, "
                              "which its kernel driver makes",
                              name_of(maker)));
  }
}

void add_cpu(const std::vector<OpenClDevice>& opencl, FoundDevices& out) {
  const auto cpu = std::find_if(opencl.begin(), opencl.end(), [](const auto& device) { return !device.is_gpu; });
  if (cpu == opencl.end()) {
    return add_note(out, "no OpenCL device (install a driver, or pocl-opencl-icd for the CPU)");
  }
  out.devices.push_back({Maker::cpu, "CPU", "", cpu->driver, cpu->memory_bytes, 0, 0, {}});
  add_note(out, "OpenCL: the CPU, no GPU");
}

}  // namespace

std::string_view name_of(Maker maker) {
  switch (maker) {
    case Maker::nvidia:
      return "NVIDIA";
    case Maker::amd:
      return "AMD";
    case Maker::intel:
      return "Intel";
    case Maker::cpu:
      return "CPU";
  }
  return "";
}

FoundDevices find_devices(const fs::path& root, Nvml* nvml, const std::vector<OpenClDevice>& opencl) {
  FoundDevices out;
  if (nvml != nullptr)
    add_nvidia(*nvml, out);
  else
    add_note(out, "no NVIDIA driver (libnvidia-ml.so.1)");
  const auto nodes = render_nodes(root);
  add_rendering(Maker::amd, kAmdVendor, nodes, opencl, out);
  add_rendering(Maker::intel, kIntelVendor, nodes, opencl, out);
  if (out.devices.empty()) add_cpu(opencl, out);
  return out;
}

FoundDevices find_devices(const fs::path& root) {
  const auto nvml = Nvml::open(root);
  const bool is_nvidia = nvml && !nvml->devices().empty();
  return find_devices(root, nvml.get(), is_nvidia ? std::vector<OpenClDevice>() : opencl_devices());
}

bool is_of(const Device& device, const std::string& model, std::uint64_t memory_bytes) {
  // ECC takes a sixteenth of some cards; the memory of a CPU is the machine's, and not all is offered.
  return device.model == model && (!device.is_gpu() || device.memory_bytes >= memory_bytes / 10 * 9);
}

std::vector<Device> devices_of(const std::vector<Device>& all, const std::string& model, std::uint64_t memory_bytes) {
  std::vector<Device> out;
  std::copy_if(all.begin(), all.end(), std::back_inserter(out),
               [&](const auto& device) { return is_of(device, model, memory_bytes); });
  return out;
}

}  // namespace hanse::provider
