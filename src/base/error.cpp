#include "base/error.hpp"

#include <algorithm>
#include <array>

namespace hanse {
namespace {

constexpr std::array<std::string_view, 26> kNames{"ok",
                                                  "malformed",
                                                  "too_large",
                                                  "invalid_argument",
                                                  "wrong_network",
                                                  "expired",
                                                  "too_far_ahead",
                                                  "replayed",
                                                  "bad_signature",
                                                  "not_authorized",
                                                  "spend_limit",
                                                  "not_found",
                                                  "already_exists",
                                                  "wrong_state",
                                                  "insufficient_funds",
                                                  "overflow",
                                                  "limit_reached",
                                                  "no_match",
                                                  "price_changed",
                                                  "unavailable",
                                                  "timeout",
                                                  "io",
                                                  "denied",
                                                  "conflict",
                                                  "unsupported",
                                                  "internal"};

}  // namespace

std::string_view name_of(ErrorCode code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "internal";
}

ErrorCode error_code_of(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  return found == kNames.end() ? ErrorCode::internal : static_cast<ErrorCode>(found - kNames.begin());
}

}  // namespace hanse
