#pragma once

// What `image:` names, as container engines read it. Pure.

#include <string>

#include "base/error.hpp"

namespace hanse::client {

inline const std::string kDefaultRegistry = "docker.io";

struct ImageReference {
  std::string registry;    ///< "docker.io", "ghcr.io", "registry.lan:5000"
  std::string repository;  ///< "docker.io/library/debian": without a tag or digest.
  std::string full;        ///< With the registry spelt out, so that the engine pulls from there and nowhere else.
};

/// "debian", "ghcr.io/me/tool:1.2", "me/tool@sha256:…". malformed shows an example.
Result<ImageReference> parse_image(const std::string& text);

}  // namespace hanse::client
