#pragma once

// What a renter's `image:` names, and whether this machine goes there for it: the engine pulls from the host, outside
// the firewall around the leases, so a registry is held to what that firewall lets a lease reach.

#include <functional>
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

/// The addresses of a host, as text. not_found: there is no such name; unavailable: names cannot be looked up now.
using Resolver = std::function<Result<std::vector<std::string>>(const std::string& host)>;
Result<std::vector<std::string>> look_up(const std::string& host);  ///< By the system: blocks.

/// denied unless every address of the registry's host is public, or `allowed` names it as the reference does. Says the
/// same of a name that leads inside and of one that leads nowhere, so that a renter cannot ask which names there are
/// here. unavailable where the machine cannot look names up, which is its own trouble and no renter's.
Result<> check_registry(const ImageReference& image, const std::vector<std::string>& allowed,
                        const Resolver& resolve = look_up);

/// What a failed pull was about: unavailable in place of the engine's words where those are of a name that it could not
/// look up, and this machine cannot either.
Error why_not_pulled(const Error& error, const ImageReference& image, const Resolver& resolve = look_up);

}  // namespace hanse::provider
