#include "provider/cdi_files.hpp"

#include <spdlog/spdlog.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "provider/folder_entries.hpp"

namespace hanse::provider {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxFileBytes = 4U << 20;
constexpr const char* kKind = "nvidia.com/gpu";

struct CdiFile {
  std::map<std::string, std::vector<std::string>> nodes;  ///< Of each device, as they are called in a container.
  std::vector<std::string> host_paths;                    ///< Of all, what of the host they take.
};

void take_paths(const YAML::Node& edits, const char* list, CdiFile& out) {
  if (!edits || !edits[list]) return;
  for (const auto& entry : edits[list]) {
    const auto host = entry["hostPath"] ? entry["hostPath"] : entry["path"];
    if (host) out.host_paths.push_back(host.as<std::string>());
  }
}

/// JSON is YAML too. nullopt: none of NVIDIA's, or not to be read.
std::optional<CdiFile> read_file(const fs::path& file) {
  std::error_code error;
  if (fs::file_size(file, error) > kMaxFileBytes || error) return std::nullopt;
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  try {
    const auto root = YAML::Load(text.str());
    if (!root.IsMap() || !root["kind"] || root["kind"].as<std::string>() != kKind) return std::nullopt;
    CdiFile out;
    take_paths(root["containerEdits"], "mounts", out);
    take_paths(root["containerEdits"], "deviceNodes", out);
    for (const auto& device : root["devices"]) {
      const auto edits = device["containerEdits"];
      auto& nodes = out.nodes[device["name"].as<std::string>()];
      if (!edits || !edits["deviceNodes"]) continue;
      for (const auto& node : edits["deviceNodes"]) nodes.push_back(node["path"].as<std::string>());
    }
    return out;
  } catch (const YAML::Exception& bad) {
    spdlog::warn("{} is not read: {}", file.string(), bad.what());
    return std::nullopt;
  }
}

/// Numbers move when a card goes: what counts is that the entry opens this card, and no other.
bool opens_only(const Device& device, const std::vector<std::string>& nodes) {
  const auto own = "/dev/nvidia" + std::to_string(device.number);
  const auto is_card = [](const std::string& node) {
    constexpr std::string_view kCard = "/dev/nvidia";
    return node.starts_with(kCard) && node.size() > kCard.size() &&
           node.find_first_not_of("0123456789", kCard.size()) == node.npos;
  };
  return std::find(nodes.begin(), nodes.end(), own) != nodes.end() &&
         std::all_of(nodes.begin(), nodes.end(), [&](const auto& node) { return node == own || !is_card(node); });
}

/// As nvidia-ctk may call it: by UUID, by number, by type and number. A slice's number is that of its card and its own.
std::vector<std::string> names_for(const Device& device) {
  const auto card = std::to_string(device.index);
  if (!device.slice) return {device.id, card, "gpu" + card};
  const auto slice = card + ":" + std::to_string(device.slice->index);
  return {device.id, slice, "mig" + slice};
}

std::optional<std::vector<std::string>> names_in(const CdiFile& file, const std::vector<Device>& devices) {
  std::vector<std::string> out;
  for (const auto& device : devices) {
    const auto names = names_for(device);
    const auto found = std::find_if(names.begin(), names.end(), [&](const auto& name) {
      const auto at = file.nodes.find(name);
      return at != file.nodes.end() && opens_only(device, at->second);
    });
    if (found == names.end()) return std::nullopt;
    out.push_back(std::string(kKind) + "=" + *found);
  }
  return out;
}

}  // namespace

std::optional<std::vector<std::string>> cdi_names(const fs::path& root, const std::vector<Device>& devices) {
  std::error_code error;
  for (const char* folder :
       {"var/run/cdi", "etc/cdi"}) {  // of two that name a device the former is the engine's choice
    for (const auto& entry : folder_entries(root / folder)) {
      const auto kind = entry.extension();
      const auto file = kind == ".yaml" || kind == ".json" ? read_file(entry) : std::nullopt;
      auto names = file ? names_in(*file, devices) : std::nullopt;
      if (!names) continue;
      const auto gone = std::find_if(file->host_paths.begin(), file->host_paths.end(), [&](const auto& path) {
        return !fs::exists(root / fs::path(path).relative_path(), error);
      });
      if (gone == file->host_paths.end()) return names;
      spdlog::warn("{} is not used: it names {}, which is gone. 'nvidia-ctk cdi generate' writes it anew",
                   entry.string(), *gone);
    }
  }
  return std::nullopt;
}

}  // namespace hanse::provider
