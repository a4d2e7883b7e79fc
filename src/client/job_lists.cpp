#include "client/job_lists.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "client/glob.hpp"
#include "model/job.hpp"
#include "model/text.hpp"

namespace hanse::client {
namespace {

constexpr std::size_t kMaxEnvBytes = 32 * 1024;
constexpr std::size_t kMaxListItems = 256;
constexpr std::string_view kWorkspace = "/workspace";

bool is_variable(std::string_view name) {
  const auto begins = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && begins(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return begins(c) || (c >= '0' && c <= '9'); });
}

/// Takes one variable after the other, whichever way it is written.
struct EnvReader {
  const Environment& environment;
  std::vector<std::string> out;

  Result<> item(const YAML::Node& node) {
    if (node.IsMap() && node.size() == 1) return entry(node.begin()->first, node.begin()->second);
    if (!node.IsScalar()) return yaml::refuse(node, "each item of env must be NAME, NAME=value or NAME: value");
    const std::string& text = node.Scalar();
    const auto equals = text.find('=');
    if (equals == text.npos) return add(node, text, environment_value(text));
    return add(node, text.substr(0, equals), text.substr(equals + 1));
  }

  Result<> entry(const YAML::Node& name, const YAML::Node& value) {
    if (!name.IsScalar()) return yaml::refuse(name, "env: a name must be plain text");
    if (value.IsNull()) return add(name, name.Scalar(), environment_value(name.Scalar()));
    if (value.IsScalar()) return add(name, name.Scalar(), value.Scalar());
    return yaml::refuse(value, "env: the value of " + model::quoted(name.Scalar()) +
                                   " must be text: put what has brackets or several lines in quotes");
  }

 private:
  [[nodiscard]] std::optional<std::string> environment_value(const std::string& name) const {
    return is_variable(name) ? environment(name) : std::nullopt;
  }

  Result<> add(const YAML::Node& at, const std::string& name, const std::optional<std::string>& value) {
    if (!is_variable(name)) {
      return yaml::refuse(at, model::quoted(name) + " is no name of a variable: write NAME or NAME=value");
    }
    if (model::is_machines_variable(name)) {
      return yaml::refuse(at, name + " is set by the machine and cannot be given: leave it out");
    }
    if (!value) {
      return yaml::refuse(at, name + " is not set in your environment: export it, or write " + name + "=value",
                          ErrorCode::not_found);
    }
    const auto text = name + "=" + *value;
    if (text.size() > kMaxEnvBytes || text.find('\0') != text.npos) {
      return yaml::refuse(at, name + " is longer than 32 KiB or holds a zero byte", ErrorCode::too_large);
    }
    const bool twice = std::any_of(
        out.begin(), out.end(), [&](const auto& known) { return known.starts_with(text.substr(0, name.size() + 1)); });
    if (twice) return yaml::refuse(at, "the variable " + name + " stands twice: keep one");
    out.push_back(text);
    return {};
  }
};

/// As a path below /workspace, normal; "" if it is none.
std::string below_workspace(const std::string& text) {
  auto path = std::filesystem::path(text).lexically_normal();
  if (path.is_absolute()) path = path.lexically_relative(kWorkspace);
  // An escape makes no step up of two dots.
  for (const auto& part : {path, std::filesystem::path(without_escapes(path.string())).lexically_normal()}) {
    if (part.empty() || part.is_absolute() || *part.begin() == "..") return "";
  }
  std::string out = path.string();
  if (is_pattern(out) && out.ends_with('/')) out.pop_back();
  return out;
}

/// Why what it names could not come back; "" where it could.
std::string why_no_output(const std::string& text, const std::string& path) {
  if (text.size() > model::kMaxOutputBytes || text.find('\0') != text.npos)
    return "is no path: it has at most 4096 characters";
  if (text.starts_with("~")) return "begins with a shell's ~: write a path inside /workspace, like out.png";
  if (path.empty()) {
    return "lies outside of /workspace, which is all that comes back: let the job copy it there, and write a path "
           "inside "
           "/workspace, like out.png";
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '$')
      return "names a variable, and none is filled in here: write the name, a pattern like *.png, or \\$";
    if (text[i] == '\\') ++i;
  }
  if (!is_pattern(path)) return "";
  const auto glob = Glob::parse(path);
  return glob ? "" : "matches nothing: " + glob.error().message;
}

}  // namespace

Result<std::vector<std::string>> parse_env(const yaml::Map& job, const Environment& environment) {
  const auto node = job.find("env");
  if (!node) return std::vector<std::string>{};
  if (!node->IsScalar() && node->size() > kMaxListItems) {
    return yaml::refuse(*node, "env has more than 256 items", ErrorCode::too_large);
  }
  EnvReader reader{environment, {}};
  if (node->IsScalar()) {
    if (auto read = reader.item(*node); !read) return fail(read);
  } else if (node->IsMap()) {
    for (const auto& entry : *node) {
      if (auto read = reader.entry(entry.first, entry.second); !read) return fail(read);
    }
  } else {
    for (const auto& item : *node) {
      if (auto read = reader.item(item); !read) return fail(read);
    }
  }
  return std::move(reader.out);
}

Result<std::vector<std::uint16_t>> parse_ports(const yaml::Map& job) {
  const auto items = job.list("ports", kMaxListItems);
  if (!items) return fail(items);
  std::vector<std::uint16_t> out;
  for (const auto& item : *items) {
    const std::string& text = item.Scalar();
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || port == 0 || text.starts_with('0')) {
      return yaml::refuse(item,
                          model::quoted(text) +
                              " is not a port: write a number from 1 to 65535; it is the same here and there, and "
                              "'hanse forward' leads to others");
    }
    if (std::find(out.begin(), out.end(), port) != out.end()) {
      return yaml::refuse(item, "the port " + text + " stands twice: keep one");
    }
    out.push_back(port);
  }
  return out;
}

Result<std::vector<std::string>> parse_outputs(const yaml::Map& job) {
  const auto items = job.list("outputs", model::kMaxOutputs);
  if (!items) return fail(items);
  std::vector<std::string> out;
  for (const auto& item : *items) {
    const auto path = below_workspace(item.Scalar());
    if (const auto why = why_no_output(item.Scalar(), path); !why.empty()) {
      return yaml::refuse(item, "outputs: " + model::quoted(item.Scalar()) + " " + why);
    }
    out.push_back(path);
  }
  return out;
}

}  // namespace hanse::client
