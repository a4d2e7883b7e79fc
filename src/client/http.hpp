#pragma once

// The node's HTTP API from the other side: blocking calls over one kept-alive connection, reconnecting by itself.
// Not thread-safe: one Http a thread. Errors of the API come back as they are (code and detail); `unavailable` and
// `timeout` name the node's address and what to try.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "model/event.hpp"
#include "wire/codec.hpp"

namespace hanse::client {

struct HttpOptions {
  std::string url = "http://127.0.0.1:7070";  ///< http:// or https://, host, optional port.
  std::string ca_file;                        ///< PEM to trust besides the system's.
  std::uint32_t timeout_ms = 30'000;          ///< Of one call, connecting included.
};

/// Makes any text fit as a value in a target: "?where=" + percent_encode("vram>=80GB").
std::string percent_encode(std::string_view text);

class Http {
 public:
  static Result<std::unique_ptr<Http>> open(HttpOptions options);
  virtual ~Http() = default;

  virtual Result<nlohmann::json> get(const std::string& target) = 0;
  virtual Result<nlohmann::json> post(const std::string& target, const nlohmann::json& body) = 0;
  /// Sends an encoded SignedTransaction and waits for its receipt. Safe to repeat: a transaction enters at most once,
  /// and a repeated one is answered with the receipt of the first.
  virtual Result<model::Receipt> submit(const Bytes& signed_transaction) = 0;
};

/// Events in order, over a WebSocket that reconnects and resumes after the last one it delivered.
class EventStream {
 public:
  struct Filter {
    std::uint64_t after = 0;                  ///< Cursor: only events with a greater sequence.
    std::optional<model::AccountId> account;  ///< Only where it is account or counterparty.
  };
  static std::unique_ptr<EventStream> open(HttpOptions options, Filter filter);
  virtual ~EventStream() = default;

  /// The next event; nullopt when `timeout_ms` passed without one; an error when the node cannot be reached (call
  /// again to go on: nothing is skipped).
  virtual Result<std::optional<model::Event>> next(std::uint32_t timeout_ms) = 0;
  /// Makes a waiting next() return at once, from any thread.
  virtual void interrupt() = 0;
};

}  // namespace hanse::client
