#pragma once

// HTTP/JSON, WebSocket events and metrics over a node. OpenAPI 3.1 at /v1/openapi.json is the contract; errors are
// RFC 9457 problem+json with the stable error code in "code" and what to do in "detail".

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "consensus/node.hpp"

namespace hanse::api {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;                  ///< 0: any free one; see Server::port().
  std::string certificate_file, key_file;  ///< PEM; both or neither. With them the server speaks TLS only.
  std::vector<std::string> cors_origins;   ///< Whose pages may do more than read; see Origins::parse.
  std::size_t max_body_bytes = 128 * 1024;
  std::size_t max_header_bytes = 16 * 1024;
  std::size_t max_connections = 4096;
  std::uint32_t request_timeout_ms = 30'000;  ///< To read a request, and to answer it; an idle connection's too.
  unsigned threads = 2;
  Clock* clock = &system_clock();  ///< For what accrues between blocks; outlives the server.
};

class Server {
 public:
  /// Listens and serves until destroyed. io if the port is taken or a certificate unreadable,
  /// invalid_argument or too_large if an origin is none or one too many. The node outlives it.
  static Result<std::unique_ptr<Server>> start(consensus::Node& node, ServerOptions options);
  virtual ~Server() = default;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};

}  // namespace hanse::api
