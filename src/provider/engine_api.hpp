#pragma once

// Calls of the Docker Engine API that are answered in one piece, and what a refusal means.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "provider/engine.hpp"
#include "provider/unix_http.hpp"

namespace hanse::provider {

/// The engine's own words: {"message": …}, or whatever it said.
std::string message_of(const std::string& body);
/// not_found, conflict, invalid_argument or io, by the status; `what` was tried.
Error error_of(const std::string& what, const HttpReply& reply);

/// podman answers 500 where Docker says 404 to an image that is not there.
Error create_error(const ContainerSpec& spec, const HttpReply& reply);

/// Thread-safe: each call opens its own connection.
class EngineApi {
 public:
  static constexpr std::uint32_t kCallMs = 60'000;

  explicit EngineApi(std::string socket) : socket_(std::move(socket)) {}
  [[nodiscard]] const std::string& socket() const { return socket_; }

  /// Any HTTP status is a reply. `timeout_ms` 0: waits for ever.
  Result<HttpReply> call(boost::beast::http::verb verb, const std::string& target, std::string body = {},
                         std::uint32_t timeout_ms = kCallMs) const;
  /// The JSON of a 200.
  Result<nlohmann::json> get(const std::string& target) const;
  /// What is so already is fine.
  Result<> post(const std::string& target, const std::string& what, std::uint32_t timeout_ms = kCallMs,
                std::string body = {}) const;
  /// What is not there is fine.
  Result<> erase(const std::string& target, const std::string& what) const;

 private:
  std::string socket_;
};

}  // namespace hanse::provider
