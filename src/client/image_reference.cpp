#include "client/image_reference.hpp"

#include <algorithm>
#include <regex>

namespace hanse::client {
namespace {

constexpr std::size_t kMaxImageBytes = 512;

/// The first part names a registry if it cannot be part of a path; the rule of every engine.
bool names_registry(const std::string& first) {
  return first == "localhost" ||
         std::any_of(first.begin(), first.end(), [](char c) { return c == '.' || c == ':' || (c >= 'A' && c <= 'Z'); });
}

}  // namespace

Result<ImageReference> parse_image(const std::string& text) {
  static const std::regex host(
      R"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]{1,5})?)");
  static const std::regex rest(R"(([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*))"
                               R"((:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?)");
  const auto refuse = [&] {
    return fail(ErrorCode::malformed, "\"" + text.substr(0, 100) +
                                          "\" is no image: write it like debian:bookworm-slim or "
                                          "ghcr.io/owner/name:tag");
  };
  if (text.size() > kMaxImageBytes) return refuse();
  const auto slash = text.find('/');
  const bool named = slash != std::string::npos && names_registry(text.substr(0, slash));
  const std::string registry = named ? text.substr(0, slash) : kDefaultRegistry;
  std::string path = named ? text.substr(slash + 1) : text;
  if (registry == kDefaultRegistry && path.find('/') == std::string::npos) path = "library/" + path;
  std::smatch parts;
  if (!std::regex_match(registry, host) || !std::regex_match(path, parts, rest)) return refuse();
  return ImageReference{registry, registry + "/" + parts[1].str(), registry + "/" + path};
}

}  // namespace hanse::client
