#include "api/origins.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "model/text.hpp"

namespace hanse::api {
namespace {

constexpr std::string_view kSchemeLetters = "abcdefghijklmnopqrstuvwxyz0123456789+-.";
constexpr std::string_view kHostLetters = "abcdefghijklmnopqrstuvwxyz0123456789-._";
constexpr std::string_view kIpv6Letters = "abcdef0123456789:.";

bool is_made_of(std::string_view text, std::string_view letters) {
  return !text.empty() && text.find_first_not_of(letters) == text.npos;
}

bool is_host_name(std::string_view host) {
  if (!host.starts_with('[')) return is_made_of(host, kHostLetters);
  return host.ends_with(']') && is_made_of(host.substr(1, host.size() - 2), kIpv6Letters);
}

/// Is it the port that browsers leave out? nullopt: it is no port.
std::optional<bool> is_usual_port(std::string_view scheme, std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 || text[0] == '0') return std::nullopt;
  return (scheme == "http" && port == 80) || (scheme == "https" && port == 443);
}

/// As browsers write it: in lower case, without a port that goes without saying. nullopt: it is no origin.
std::optional<std::string> serialised(std::string text) {
  for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const auto slashes = text.find("://");
  if (slashes == text.npos || !is_made_of(text.substr(0, slashes), kSchemeLetters)) return std::nullopt;
  const auto authority = text.substr(slashes + 3);
  const auto colon = authority.find(':', authority.starts_with('[') ? authority.find(']') : 0);
  if (!is_host_name(authority.substr(0, colon))) return std::nullopt;
  if (colon == authority.npos) return text;
  const auto is_usual = is_usual_port(text.substr(0, slashes), authority.substr(colon + 1));
  if (!is_usual) return std::nullopt;
  return *is_usual ? text.substr(0, slashes + 3 + colon) : text;
}

}  // namespace

Result<Origins> Origins::parse(const std::vector<std::string>& origins) {
  if (origins.size() > kMaxOrigins) {
    return fail(ErrorCode::too_large,
                "there are over " + std::to_string(kMaxOrigins) + " origins: name fewer, or * for any");
  }
  Origins out;
  for (const auto& text : origins) {
    if (text == kAnyOrigin) {
      out.any_ = true;
      continue;
    }
    auto origin = serialised(text);
    if (!origin) {
      return fail(ErrorCode::invalid_argument,
                  model::quoted(text) +
                      " is no origin: write scheme://host or scheme://host:port and nothing behind it, such as "
                      "https://app.example.org, or * for any");
    }
    out.named_.push_back(std::move(*origin));
  }
  return out;
}

OriginGrant Origins::grant(bool is_public, std::string_view origin) const {
  if (is_public || any_) return {std::string(kAnyOrigin), false};
  const bool is_named = std::find(named_.begin(), named_.end(), origin) != named_.end();
  return {is_named ? std::string(origin) : std::string(), !named_.empty()};
}

}  // namespace hanse::api
