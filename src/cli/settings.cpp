#include "cli/settings.hpp"

#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

#include "client/private_file.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

constexpr std::size_t kMaxTextBytes = 1 << 20;

Error io_error(const std::filesystem::path& file, std::string_view doing) {
  return {ErrorCode::io, file.string() + ": cannot " + std::string(doing) + ": " + std::strerror(errno)};
}

}  // namespace

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<Home> find_home(const std::string& given) {
  std::string root = given.empty() ? environment("HANSE_HOME") : given;
  if (root.empty() && !environment("HOME").empty()) root = environment("HOME") + "/.hanse";
  if (root.empty()) {
    return fail(ErrorCode::invalid_argument, "no home folder: set HANSE_HOME or give --home FOLDER");
  }
  std::error_code error;
  const auto absolute = std::filesystem::absolute(root, error);
  return Home{error ? std::filesystem::path(root) : absolute.lexically_normal()};
}

Result<std::string> read_text(const std::filesystem::path& file) {
  std::error_code unknown;
  if (std::filesystem::is_directory(file, unknown)) {
    return fail(ErrorCode::io, file.string() + ": is a folder: name a file in it");
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::unexpected(io_error(file, "read"));
  std::string text(kMaxTextBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxTextBytes) return fail(ErrorCode::too_large, file.string() + ": is larger than 1 MiB");
  return text;
}

Result<Config> read_config(const std::filesystem::path& file) {
  Config config;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return config;
  const auto text = read_text(file);
  if (!text) return fail(text);
  const auto refuse = [&](const std::string& what) { return fail(ErrorCode::malformed, file.string() + ": " + what); };
  try {
    const YAML::Node root = YAML::Load(*text);
    if (root.IsNull()) return config;
    if (!root.IsMap()) return refuse("expected `key: value` lines");
    for (const auto& entry : root) {
      const auto key = entry.first.as<std::string>();
      std::string* target = key == "node"              ? &config.node
                            : key == "ca_file"         ? &config.ca_file
                            : key == "passphrase_file" ? &config.passphrase_file
                                                       : nullptr;
      if (target == nullptr) {
        const auto near = model::nearest(key, {"node", "ca_file", "passphrase_file"});
        return refuse("unknown key \"" + key + "\"" +
                      (near.empty() ? "" : "; did you mean " + std::string(near) + "?"));
      }
      if (!entry.second.IsScalar()) return refuse(key + " takes one text");
      *target = entry.second.as<std::string>();
    }
  } catch (const YAML::Exception& e) {
    return refuse(e.what());
  }
  return config;
}

Result<> write_config(const std::filesystem::path& file, const Config& config) {
  YAML::Emitter out;
  out << YAML::Comment("What the hanse command uses when neither an option nor the environment says otherwise.");
  out << YAML::BeginMap;
  if (!config.node.empty()) out << YAML::Key << "node" << YAML::Value << config.node;
  if (!config.ca_file.empty()) out << YAML::Key << "ca_file" << YAML::Value << config.ca_file;
  if (!config.passphrase_file.empty()) {
    out << YAML::Key << "passphrase_file" << YAML::Value << config.passphrase_file;
  }
  out << YAML::EndMap;
  return client::replace_private_file(file, std::string(out.c_str()) + "\n");
}

}  // namespace hanse::cli
