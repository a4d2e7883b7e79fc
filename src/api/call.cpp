#include "api/call.hpp"

#include <algorithm>
#include <charconv>

namespace hanse::api {
namespace {

constexpr std::size_t kMaxParameters = 32;
constexpr std::size_t kMaxShown = 64;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Percent escapes; in a query '+' is a blank, as browsers and curl write it.
Result<std::string> decode(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return fail(ErrorCode::malformed, "the address holds a '%' without two hexadecimal digits: write it as %25");
      }
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return out;
}

/// What follows the authority of an absolute address, which is how a request to a proxy names it.
std::string_view without_authority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(std::min(target.find_first_of("/?", scheme.size()), target.size()));
    return target.starts_with('/') ? target : "/";
  }
  return target;
}

}  // namespace

Result<Call> Call::from_target(std::string_view target) {
  Call out;
  target = without_authority(target);
  const auto question = target.find('?');
  auto path = decode(target.substr(0, question), false);
  if (!path) return fail(path);
  out.path_ = std::move(*path);
  if (question == target.npos) return out;
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    if (out.query_.size() == kMaxParameters) return fail(ErrorCode::malformed, "the query has over 32 parameters");
    const auto equals = pair.find('=');
    auto name = decode(pair.substr(0, equals), true);
    if (!name) return fail(name);
    auto value = equals == pair.npos ? Result<std::string>("") : decode(pair.substr(equals + 1), true);
    if (!value) return fail(value);
    const bool is_known =
        std::any_of(out.query_.begin(), out.query_.end(), [&](const auto& q) { return q.first == *name; });
    if (is_known)
      return fail(ErrorCode::malformed, "the query has '" + name->substr(0, kMaxShown) + "' twice: give it once");
    out.query_.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

std::optional<std::string_view> Call::find(std::string_view name) const {
  for (const auto& [key, value] : query_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::unexpected<Error> Call::wrong(std::string_view name, const Error& error) {
  const bool points = error.message.find('\n') != std::string::npos;
  return fail(ErrorCode::invalid_argument, std::string(name) + (points ? ":\n" : ": ") + error.message);
}

Result<std::uint64_t> Call::whole(std::string_view name, std::string_view text, std::uint64_t low, std::uint64_t high) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    return fail(ErrorCode::invalid_argument, std::string(name) + " must be a whole number from " + std::to_string(low) +
                                                 " to " + std::to_string(high));
  }
  return value;
}

Result<std::uint64_t> Call::integer(std::string_view name, std::uint64_t or_else, std::uint64_t low,
                                    std::uint64_t high) const {
  const auto text = find(name);
  return text ? whole(name, *text, low, high) : or_else;
}

Result<std::size_t> Call::limit() const {
  return integer("limit", kDefaultPage, 1, kMaxPage);
}

Result<model::AccountId> Call::account(std::string_view name) const {
  const auto text = find(name);
  if (!text) return model::AccountId{};
  auto account = model::parse_address(*text);
  if (!account) return wrong(name, account.error());
  if (account->is_zero()) return fail(ErrorCode::invalid_argument, std::string(name) + ": this address is nobody's");
  return account;
}

}  // namespace hanse::api
