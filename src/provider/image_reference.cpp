#include "provider/image_reference.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <regex>

#include "provider/network.hpp"

namespace hanse::provider {

namespace {

const std::string kDefaultRegistry = "docker.io";
constexpr std::size_t kMaxImageBytes = 512;

/// The first part names a registry if it cannot be part of a path; the rule of every engine.
bool names_registry(const std::string& first) {
  return first == "localhost" ||
         std::any_of(first.begin(), first.end(), [](char c) { return c == '.' || c == ':' || (c >= 'A' && c <= 'Z'); });
}

bool leads_to_public_addresses_only(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return false;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0 ||
        !is_public_address(text.data())) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<ImageReference> parse_image(const std::string& text) {
  static const std::regex host(
      R"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]{1,5})?)");
  static const std::regex rest(R"([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*)"
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
  if (!std::regex_match(registry, host) || !std::regex_match(path, rest)) return refuse();
  if (registry == kDefaultRegistry && path.find('/') == std::string::npos) path = "library/" + path;
  return ImageReference{registry, registry + "/" + path};
}

Result<> check_registry(const ImageReference& image, const std::vector<std::string>& allowed) {
  // The engine's own default, perhaps through a mirror of the owner's, says nothing of what is inside.
  if (image.registry == kDefaultRegistry) return {};
  if (std::find(allowed.begin(), allowed.end(), image.registry) != allowed.end()) return {};
  if (leads_to_public_addresses_only(image.registry.substr(0, image.registry.find(':')))) return {};
  return fail(ErrorCode::denied, "image " + image.full +
                                     " is not on this machine, which pulls from public registries " + "only, and " +
                                     image.registry + " is none: push the image to one");
}

}  // namespace hanse::provider
