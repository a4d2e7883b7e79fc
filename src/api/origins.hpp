#pragma once

// Whose pages may read which answers (CORS). A browser shows an answer to a page of another origin only where the
// answer allows it. What is read of the ledger is everyone's, so any page may read it; all else is for the origins that
// the operator named. There are no cookies and no passwords here, so no page ever acts in its visitor's name: what is
// kept back is a visitor's browser as a way into the node. Immutable; thread-safe.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hanse::api {

/// Every origin, as Access-Control-Allow-Origin and the operator write it.
inline constexpr std::string_view kAnyOrigin = "*";
inline constexpr std::size_t kMaxOrigins = 64;

/// What an answer says to browsers.
struct OriginGrant {
  std::string allow;    ///< Access-Control-Allow-Origin; empty: pages of other origins do not get to see it.
  bool varies = false;  ///< It depends on the request's Origin, as caches must be told.
};

class Origins {
 public:
  /// Each as scheme://host or scheme://host:port, or "*" for any. invalid_argument names the one that is neither;
  /// too_large: over kMaxOrigins.
  static Result<Origins> parse(const std::vector<std::string>& origins);

  /// `is_public`: a read of what is everyone's. `origin`: the request's Origin; empty if it has none.
  [[nodiscard]] OriginGrant grant(bool is_public, std::string_view origin) const;

 private:
  bool any_ = false;
  std::vector<std::string> named_;  // as browsers write them
};

}  // namespace hanse::api
