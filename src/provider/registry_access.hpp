#pragma once

// Which registries this machine goes to for a renter's image: the engine pulls from the host, outside the firewall
// around the leases, so a registry is held to what that firewall lets a lease reach.

#include <functional>
#include <string>
#include <vector>

#include "client/image_reference.hpp"

namespace hanse::provider {

using client::ImageReference;

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
