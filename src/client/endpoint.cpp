#include "client/endpoint.hpp"

#include <algorithm>
#include <charconv>

namespace hanse::client {
namespace {

constexpr std::string_view kDefaultPort = "7070";
constexpr std::size_t kMaxUrlBytes = 512;

std::unexpected<Error> refuse(std::string_view url, std::string_view why) {
  return fail(ErrorCode::invalid_argument, "'" + std::string(url.substr(0, 80)) + "' is not a node's address: " +
                                               std::string(why) + ". Write it like http://127.0.0.1:7070");
}

bool is_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 1 && value <= 65535;
}

bool is_host(std::string_view host, bool bracketed) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [&](char c) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    return plain || (bracketed && (c == ':' || c == '%'));
  });
}

}  // namespace

std::string Endpoint::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + port;
}

std::string Endpoint::url() const {
  return (tls ? "https://" : "http://") + authority();
}

Result<Endpoint> parse_endpoint(std::string_view url) {
  if (url.size() > kMaxUrlBytes) return refuse(url, "it is too long");
  Endpoint out;
  std::string_view rest = url;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    out.tls = true;
    rest.remove_prefix(8);
  } else {
    return refuse(url, "it must begin with http:// or https://");
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find('/') != rest.npos) return refuse(url, "it must not hold a path");

  std::string_view port = kDefaultPort;
  const bool bracketed = rest.starts_with('[');
  if (bracketed) {
    const auto close = rest.find(']');
    if (close == rest.npos) return refuse(url, "']' is missing");
    out.host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
    if (!rest.empty() && rest.front() != ':') return refuse(url, "only a port may follow ']'");
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const auto colon = rest.find(':');
    out.host = rest.substr(0, colon);
    if (colon != rest.npos) port = rest.substr(colon + 1);
  }
  if (!is_host(out.host, bracketed)) return refuse(url, "the host is missing or malformed");
  if (!is_port(port)) return refuse(url, "the port must be 1 to 65535");
  out.port = port;
  return out;
}

}  // namespace hanse::client
