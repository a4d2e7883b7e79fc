#pragma once

// Events over a WebSocket: pulled from the store by cursor, so that there is no queue that a slow reader could fill.
// Internal to the room.

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/vector_body.hpp>

#include "api/worker.hpp"

namespace hanse::api {

using UpgradeRequest = boost::beast::http::request<boost::beast::http::vector_body<std::uint8_t>>;

struct EventCursor {
  std::uint64_t after = 0;
  model::AccountId account;  ///< Zero: everyone's.
};

/// Does it ask for a WebSocket?
bool is_upgrade(const UpgradeRequest& request);
/// The problem with an upgrade whose handshake is not as RFC 6455 has it.
std::optional<Answer> check_upgrade(const UpgradeRequest& request);

Result<EventCursor> parse_event_cursor(const Call& call);

/// Accepts the upgrade and sends events until the peer or the server ends it. `stream` outlives it.
asio::awaitable<void> serve_events(net::Stream& stream, Worker& worker, const UpgradeRequest& request,
                                   EventCursor cursor);

}  // namespace hanse::api
