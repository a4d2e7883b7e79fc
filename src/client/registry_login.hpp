#pragma once

// Who logs in to a container registry, as Docker's config.json and podman's auth.json hold it. A machine is sent such a
// file with the one entry that it needs, over the lease's own connection (the gateway's hanse-registry).

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client/image_reference.hpp"

namespace hanse::client {

inline constexpr std::size_t kMaxLoginsBytes = 1U << 20;  ///< Of a file of them.
inline constexpr std::size_t kMaxLoginBytes = 64U << 10;  ///< Of one that is sent.

/// What it holds is secret, and overwritten when it is destroyed.
struct RegistryLogin {
  std::string place;                  ///< What it is for: "ghcr.io", or a part of it, as "ghcr.io/me".
  std::string user, password, token;  ///< A user and a password, or a token alone (an OAuth 2 refresh token).

  RegistryLogin() = default;
  RegistryLogin(std::string of, std::string name, std::string word, std::string identity);
  RegistryLogin(const RegistryLogin&) = default;
  RegistryLogin& operator=(const RegistryLogin&) = default;
  ~RegistryLogin();
  bool operator==(const RegistryLogin&) const = default;
};

struct RegistryLogins {
  std::vector<RegistryLogin> logins;
  std::map<std::string, std::string> helpers;  ///< By place, the program that knows the login (credHelpers) ...
  std::string store;                           ///< ... and the one that knows all others (credsStore).
};

/// malformed: no JSON, or not of this form; it quotes no secret.
Result<RegistryLogins> parse_registry_logins(std::string_view json);

/// A file with one login.
std::string format_registry_login(const RegistryLogin& login);

/// "https://index.docker.io/v1/" and other spellings, as an ImageReference has it: "docker.io".
std::string registry_place(std::string_view key);

/// Is it for that image?
[[nodiscard]] bool is_for(std::string_view place, const ImageReference& image);

/// The login for that image, of several the most particular; null: there is none.
[[nodiscard]] const RegistryLogin* login_for(const RegistryLogins& logins, const ImageReference& image);

}  // namespace hanse::client
