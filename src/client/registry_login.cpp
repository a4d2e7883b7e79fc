#include "client/registry_login.hpp"

#include <sodium.h>

#include <nlohmann/json.hpp>

#include "crypto/base64.hpp"
#include "wire/json.hpp"

namespace hanse::client {
namespace {

std::unexpected<Error> no_logins(const std::string& what) {
  return fail(ErrorCode::malformed, what +
                                        ": it must be as Docker's config.json is, {\"auths\": {\"ghcr.io\": "
                                        "{\"auth\": \"...\"}}}");
}

/// "" where it is missing.
Result<std::string> login_text(const nlohmann::json& entry, const char* key, const std::string& where) {
  const auto found = entry.find(key);
  if (found == entry.end()) return std::string();
  if (!found->is_string()) return no_logins(where + ": " + key + " is no text");
  return found->get<std::string>();
}

/// An entry says USER:PASSWORD in base64, or both by name, or a token; one that a helper keeps says nothing.
Result<RegistryLogin> parse_entry(const std::string& place, const nlohmann::json& entry) {
  if (!entry.is_object()) return no_logins(place + " is no object");
  auto user = login_text(entry, "username", place);
  auto password = login_text(entry, "password", place);
  auto token = login_text(entry, "identitytoken", place);
  auto both = login_text(entry, "auth", place);
  for (const auto* text : {&user, &password, &token, &both}) {
    if (!*text) return fail(*text);
  }
  RegistryLogin out(place, std::move(*user), std::move(*password), std::move(*token));
  if (!both->empty()) {
    const auto plain = crypto::from_base64(*both);
    const auto colon = plain ? plain->find(':') : std::string::npos;
    if (colon == std::string::npos) return no_logins(place + ": auth is not \"user:password\" in base64");
    out.user = plain->substr(0, colon);
    out.password = plain->substr(colon + 1);
  }
  while (out.password.ends_with('\0')) out.password.pop_back();  // as Docker reads it
  if (out.user.find(':') != std::string::npos) return no_logins(place + ": a user's name has no colon");
  return out;
}

}  // namespace

RegistryLogin::RegistryLogin(std::string of, std::string name, std::string word, std::string identity)
    : place(std::move(of)), user(std::move(name)), password(std::move(word)), token(std::move(identity)) {}

RegistryLogin::~RegistryLogin() {
  sodium_memzero(password.data(), password.size());
  sodium_memzero(token.data(), token.size());
}

std::string registry_place(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  for (const std::string_view end : {"/", "/v1", "/v2"}) {
    if (key.ends_with(end)) key.remove_suffix(end.size());
  }
  const auto slash = std::min(key.find('/'), key.size());
  const auto host = key.substr(0, slash);
  const bool is_hub = host == "index.docker.io" || host == "registry-1.docker.io";
  return (is_hub ? kDefaultRegistry : std::string(host)) + std::string(key.substr(slash));
}

Result<RegistryLogins> parse_registry_logins(std::string_view text) {
  if (text.size() > kMaxLoginsBytes) return no_logins("this is too large for a file of logins");
  const auto root = wire::parse_json(text);
  if (!root) return no_logins("this is no JSON");
  if (!root->is_object()) return no_logins("this is no JSON object");
  RegistryLogins out;
  const auto auths = root->find("auths");
  if (auths != root->end() && !auths->is_object()) return no_logins("auths is no object");
  if (auths != root->end()) {
    for (const auto& item : auths->items()) {
      auto login = parse_entry(registry_place(item.key()), item.value());
      if (!login) return fail(login);
      if (!login->password.empty() || !login->token.empty()) out.logins.push_back(std::move(*login));
    }
  }
  const auto helpers = root->find("credHelpers");
  if (helpers != root->end() && !helpers->is_object()) return no_logins("credHelpers is no object");
  if (helpers != root->end()) {
    for (const auto& item : helpers->items()) {
      if (!item.value().is_string()) return no_logins("credHelpers: " + item.key() + " is no text");
      out.helpers[registry_place(item.key())] = item.value().get<std::string>();
    }
  }
  auto store = login_text(*root, "credsStore", "the file");
  if (!store) return fail(store);
  out.store = std::move(*store);
  return out;
}

std::string format_registry_login(const RegistryLogin& login) {
  nlohmann::json entry = nlohmann::json::object();
  if (!login.token.empty()) entry["identitytoken"] = login.token;
  if (!login.password.empty()) entry["auth"] = crypto::to_base64(login.user + ":" + login.password);
  return nlohmann::json{{"auths", {{login.place, std::move(entry)}}}}.dump(-1, ' ', false,
                                                                           nlohmann::json::error_handler_t::replace);
}

bool is_for(std::string_view place, const ImageReference& image) {
  const std::string_view repository = image.repository;
  return repository.starts_with(place) && (repository.size() == place.size() || repository[place.size()] == '/') &&
         place.size() >= image.registry.size();
}

const RegistryLogin* login_for(const RegistryLogins& logins, const ImageReference& image) {
  const RegistryLogin* best = nullptr;
  for (const auto& login : logins.logins) {
    if (is_for(login.place, image) && (best == nullptr || login.place.size() > best->place.size())) best = &login;
  }
  return best;
}

}  // namespace hanse::client
