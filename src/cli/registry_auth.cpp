#include "cli/registry_auth.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/context.hpp"
#include "provider/process.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

using client::RegistryLogin;

constexpr unsigned kHelperPatienceS = 60;  ///< It may ask its user.

/// The name under which Docker's helpers keep a registry.
std::string server_of(const std::string& place) {
  return place == client::kDefaultRegistry ? "https://index.docker.io/v1/" : place;
}

bool is_program_name(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

/// Docker's protocol: the server goes in, {"Username", "Secret"} comes out.
Result<RegistryLogin> ask_helper(const std::string& helper, const std::string& place) {
  if (!is_program_name(helper)) return fail(ErrorCode::malformed, "\"" + helper + "\" names no credential helper");
  const std::string program = "docker-credential-" + helper;
  auto ran = provider::run_program({program, "get"}, server_of(place), kHelperPatienceS, provider::Take::output);
  if (!ran) return fail(ran.error().code, "the logins are kept by another program: " + ran.error().message);
  const auto said = wire::parse_json(ran->text);
  const auto text = [&](const char* key) {
    return said->contains(key) && (*said)[key].is_string() ? (*said)[key].get<std::string>() : std::string();
  };
  if (ran->exit_code != 0 || !said || !said->is_object() || text("Secret").empty()) {
    return fail(ErrorCode::not_found, program + " has no login for " + server_of(place) + ": 'docker login " +
                                          (place == client::kDefaultRegistry ? "" : place) + "' makes one");
  }
  const bool is_token = text("Username") == "<token>";
  return RegistryLogin(place, is_token ? "" : text("Username"), is_token ? "" : text("Secret"),
                       is_token ? text("Secret") : "");
}

}  // namespace

Result<RegistryLogin> read_registry_login(const std::string& file, const std::string& image) {
  const auto reference = client::parse_image(image);
  if (!reference) return fail(reference);
  const auto text = read_text(file);
  if (!text) return fail(text);
  const auto logins = client::parse_registry_logins(*text);
  if (!logins) return fail(logins.error().code, file + ": " + logins.error().message);
  const auto named = std::find_if(logins->helpers.begin(), logins->helpers.end(),
                                  [&](const auto& helper) { return client::is_for(helper.first, *reference); });
  if (named != logins->helpers.end()) return ask_helper(named->second, named->first);
  if (const auto* login = client::login_for(*logins, *reference)) return *login;
  if (!logins->store.empty()) return ask_helper(logins->store, reference->registry);
  std::string known;
  for (const auto& login : logins->logins) known += (known.empty() ? "" : ", ") + login.place;
  return fail(ErrorCode::not_found, file + " has no login for " + reference->registry +
                                        (known.empty() ? std::string() : ", but for " + known) + ": 'podman login " +
                                        "--authfile " + file + " " + reference->registry + "' makes one");
}

Facts registry_facts(const RegistryLogin& login) {
  const std::string whose = login.user.empty() ? "a token" : "the login of " + login.user;
  return {{"registry", whose + " for " + login.place +
                           " goes to the machine, whose owner could keep it: best one that "
                           "may only pull"}};
}

}  // namespace hanse::cli
