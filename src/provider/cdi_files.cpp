#include "provider/cdi_files.hpp"

#include <spdlog/spdlog.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

namespace hanse::provider {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxFileBytes = 4U << 20;
constexpr const char* kKind = "nvidia.com/gpu";

struct CdiFile {
  std::set<std::string> names;
  std::vector<std::string> host_paths;
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
    for (const auto& device : root["devices"]) {
      out.names.insert(device["name"].as<std::string>());
    }
    take_paths(root["containerEdits"], "mounts", out);
    take_paths(root["containerEdits"], "deviceNodes", out);
    return out;
  } catch (const YAML::Exception& bad) {
    spdlog::warn("{} is not read: {}", file.string(), bad.what());
    return std::nullopt;
  }
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
    const auto found = std::find_if(names.begin(), names.end(), [&](const auto& n) { return file.names.contains(n); });
    if (found == names.end()) return std::nullopt;
    out.push_back(std::string(kKind) + "=" + *found);
  }
  return out;
}

}  // namespace

std::optional<std::vector<std::string>> cdi_names(const fs::path& root, const std::vector<Device>& devices) {
  for (const char* folder : {"etc/cdi", "var/run/cdi"}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root / folder, error)) {
      const auto kind = entry.path().extension();
      const auto file = kind == ".yaml" || kind == ".json" ? read_file(entry.path()) : std::nullopt;
      auto names = file ? names_in(*file, devices) : std::nullopt;
      if (!names) continue;
      const auto gone = std::find_if(file->host_paths.begin(), file->host_paths.end(), [&](const auto& path) {
        return !fs::exists(root / fs::path(path).relative_path(), error);
      });
      if (gone == file->host_paths.end()) return names;
      spdlog::warn("{} is not used: it names {}, which is gone. 'nvidia-ctk cdi generate' writes it anew",
                   entry.path().string(), *gone);
    }
  }
  return std::nullopt;
}

}  // namespace hanse::provider
