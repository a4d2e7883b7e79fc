#include "cli/settings.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

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
  std::ifstream in(file, std::ios::binary);
  if (!in || std::filesystem::is_directory(file)) {
    if (errno == 0) errno = EISDIR;
    return std::unexpected(io_error(file, "read"));
  }
  std::string text(kMaxTextBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxTextBytes) return fail(ErrorCode::too_large, file.string() + ": is larger than 1 MiB");
  return text;
}

void make_private_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (folder.empty() || std::filesystem::exists(folder, error)) return;
  make_private_folder(folder.parent_path());
  ::mkdir(folder.c_str(), S_IRWXU);  // whoever needs the folder will say that it is not there
}

Result<> write_file(const std::filesystem::path& file, std::string_view text, unsigned mode) {
  if (file.has_parent_path()) make_private_folder(file.parent_path());
  // Another command may write it in this very moment: each has a draft of its own, and the last one counts.
  static std::atomic<unsigned> count = 0;
  const std::string draft = file.string() + "." + std::to_string(::getpid()) + "-" + std::to_string(++count) + ".new";
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, static_cast<mode_t>(mode));
  if (fd < 0) return std::unexpected(io_error(file, "write"));
  bool good = true;
  while (good && !text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    good = n >= 0;
    if (good) text.remove_prefix(static_cast<std::size_t>(n));
  }
  good = ::fsync(fd) == 0 && good;
  ::close(fd);
  if (good && ::rename(draft.c_str(), file.c_str()) == 0) return {};
  const auto error = io_error(file, "write");
  ::unlink(draft.c_str());
  return std::unexpected(error);
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
  return write_file(file, std::string(out.c_str()) + "\n");
}

}  // namespace hanse::cli
