#pragma once

// Where a node is: the parts of its URL. Pure.

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace hanse::client {

struct Endpoint {
  bool tls = false;
  std::string host;  ///< A name or an address; IPv6 without its brackets.
  std::string port;

  /// "http://127.0.0.1:7070": as a person would write it.
  [[nodiscard]] std::string url() const;
  /// What a Host header holds.
  [[nodiscard]] std::string authority() const;
};

/// `http://host[:port][/]` or `https://…`; the port is 7070 without one. invalid_argument says what is wrong.
Result<Endpoint> parse_endpoint(std::string_view url);

}  // namespace hanse::client
