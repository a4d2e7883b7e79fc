#include "api/event_socket.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <nlohmann/json.hpp>

#include "wire/json.hpp"

namespace hanse::api {
namespace {

namespace beast = boost::beast;
namespace websocket = beast::websocket;
namespace http = beast::http;

constexpr std::string_view kVersion = "13";
constexpr std::size_t kKeyLength = 24;
constexpr std::size_t kBatch = 256;
constexpr std::size_t kMaxMessageBytes = 4096;  // of what a follower sends, which nobody reads

/// One follower. Two coroutines share it on one thread: one sends, the other reads so that pings are answered and a
/// close is seen.
struct Follower {
  websocket::stream<net::Stream&, false> socket;
  Worker& worker;
  EventCursor cursor;
  asio::steady_timer wake;  // cancelled when a block came or the socket closed
  bool closed = false;

  Follower(net::Stream& stream, Worker& of, EventCursor from)
      : socket(stream), worker(of), cursor(from), wake(of.io()) {
    worker.add_follower(wake);
    worker.shared().metrics.add_stream(1);
  }
  ~Follower() {
    worker.shared().metrics.add_stream(-1);
    worker.remove_follower(wake);
  }
};

asio::awaitable<void> drain(Follower& follower) {
  beast::flat_buffer buffer;
  for (;;) {
    auto [error, bytes] = co_await follower.socket.async_read(buffer, kTuple);
    if (error) break;
    buffer.consume(buffer.size());
  }
  follower.closed = true;
  follower.wake.cancel();
}

asio::awaitable<void> send_all(Follower& follower) {
  auto& [socket, worker, cursor, wake, closed] = follower;
  while (!closed && !worker.stopping()) {
    const auto events = worker.shared().node.store().events(cursor.after, kBatch);
    for (const auto& event : events) {
      const bool wanted =
          cursor.account.is_zero() || event.account == cursor.account || event.counterparty == cursor.account;
      if (wanted) {
        const std::string text = wire::to_json(event).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        auto [error, bytes] = co_await socket.async_write(asio::buffer(text), kTuple);
        if (error) co_return;
      }
      cursor.after = event.sequence;
    }
    if (events.empty()) {
      // No block can be missed here: its notice is a function posted to this very thread.
      wake.expires_at(std::chrono::steady_clock::time_point::max());
      co_await wake.async_wait(kTuple);
    } else {
      co_await asio::post(worker.io(), asio::use_awaitable);  // others on this thread have their turn
    }
  }
}

}  // namespace

bool is_upgrade(const UpgradeRequest& request) {
  return request.method() == http::verb::get && http::token_list{request[http::field::upgrade]}.exists("websocket") &&
         http::token_list{request[http::field::connection]}.exists("upgrade");
}

std::optional<Answer> check_upgrade(const UpgradeRequest& request) {
  if (request[http::field::sec_websocket_version] != kVersion) {
    return problem({ErrorCode::unsupported, "the WebSocket must be of version " + std::string(kVersion)}, 426);
  }
  const auto key = request[http::field::sec_websocket_key];
  if (request.version() < 11 || key.size() != kKeyLength || !key.ends_with("==")) {
    return problem({ErrorCode::malformed, "Sec-WebSocket-Key must be 16 bytes in base64"});
  }
  return std::nullopt;
}

Result<EventCursor> parse_event_cursor(const Call& call) {
  EventCursor out;
  const auto after = call.integer("after", 0, 0, kMaxCursor);
  if (!after) return fail(after);
  const auto account = call.account("account");
  if (!account) return fail(account);
  out.after = *after;
  out.account = *account;
  return out;
}

asio::awaitable<void> serve_events(net::Stream& stream, Worker& worker, const UpgradeRequest& request,
                                   EventCursor cursor) {
  Follower follower(stream, worker, cursor);
  auto& socket = follower.socket;
  websocket::stream_base::timeout timeout;
  timeout.handshake_timeout = std::chrono::milliseconds(worker.shared().options.request_timeout_ms);
  timeout.idle_timeout = std::chrono::milliseconds(worker.shared().options.request_timeout_ms);
  timeout.keep_alive_pings = true;  // a reader that is gone or stuck does not answer and is dropped
  socket.set_option(timeout);
  socket.read_message_max(kMaxMessageBytes);
  socket.text(true);
  auto [accept_error] = co_await socket.async_accept(request, kTuple);
  if (accept_error) co_return;

  bool drained = false;
  asio::steady_timer ended(worker.io(), std::chrono::steady_clock::time_point::max());
  asio::co_spawn(worker.io(), drain(follower), [&](const std::exception_ptr&) {
    drained = true;
    ended.cancel();
  });
  co_await send_all(follower);
  if (!follower.closed) {
    co_await socket.async_close(websocket::close_reason(websocket::close_code::going_away,
                                                        "the node stops: resume after the last event you got"),
                                kTuple);
  }
  stream.close();
  // It holds a reference to `follower`, and sets `drained` when it ends.
  while (!drained) co_await ended.async_wait(kTuple);  // NOLINT(bugprone-infinite-loop)
}

}  // namespace hanse::api
