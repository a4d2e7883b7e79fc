#pragma once

// What a renter's `image:` names, and whether this machine goes there for it: the engine pulls from the host, outside
// the firewall around the leases, so a registry is held to what that firewall lets a lease reach.

#include <string>
#include <vector>

#include "base/error.hpp"

namespace hanse::provider {

struct ImageReference {
  std::string registry;  ///< "docker.io", "ghcr.io", "registry.lan:5000"
  std::string full;      ///< With the registry spelt out, so that the engine pulls from there and nowhere else.
};

/// "debian", "ghcr.io/me/tool:1.2", "me/tool@sha256:…". malformed shows an example.
Result<ImageReference> parse_image(const std::string& text);

/// denied unless every address of the registry's host is public, or `allowed` names it as the reference does. Looks
/// names up: blocks. Says the same of a name that leads inside and of one that leads nowhere, so that a renter cannot
/// ask which names there are here.
Result<> check_registry(const ImageReference& image, const std::vector<std::string>& allowed);

}  // namespace hanse::provider
