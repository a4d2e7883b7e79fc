#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <nlohmann/json.hpp>

#include "client/dial.hpp"
#include "client/http.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::client {
namespace {

namespace websocket = beast::websocket;
using Socket = websocket::stream<net::Stream, false>;  // false: no compression

constexpr std::size_t kMaxEventBytes = 64 * 1024;
constexpr std::uint32_t kFirstReopenMs = 100;
constexpr std::uint32_t kLongestReopenMs = 5'000;

/// The next event of one connection after the other. All state belongs to the thread that is in next(); the executor
/// runs only there, and interrupt() reaches it through a posted function.
class EventStreamImpl final : public EventStream {
 public:
  EventStreamImpl(Endpoint endpoint, HttpOptions options, Filter filter, std::optional<asio::ssl::context> tls)
      : endpoint_(std::move(endpoint)), options_(std::move(options)), filter_(filter), tls_(std::move(tls)) {}

  Result<std::optional<model::Event>> next(std::uint32_t timeout_ms) override {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    if (!arrived_ && !reading_) {
      reading_ = true;
      asio::co_spawn(io_, read_one(), [this](const std::exception_ptr& thrown) {
        reading_ = false;
        if (thrown) arrived_ = fail(ErrorCode::internal, "reading events failed: please report it with the log");
      });
    }
    io_.restart();
    while (!arrived_ && !interrupted_) {
      if (io_.run_one_until(deadline) == 0) break;
    }
    if (interrupted_.exchange(false) && !arrived_) return std::nullopt;
    if (!arrived_) return std::nullopt;
    auto out = std::move(*arrived_);
    arrived_.reset();
    if (!out) return fail(out);
    return std::optional(std::move(*out));
  }

  void interrupt() override {
    interrupted_ = true;
    asio::post(io_, [] {});
  }

 private:
  /// Ends with `arrived_` set. A connection that worked and broke is made again at once and in silence; one that
  /// cannot be made is an error, and the next try waits a little longer.
  asio::awaitable<void> read_one() {
    for (;;) {
      if (!stream_) {
        if (pause_ms_ > 0) {
          asio::steady_timer timer(io_, std::chrono::milliseconds(pause_ms_));
          co_await timer.async_wait(kTuple);
        }
        auto connected = co_await connect();
        if (!connected) {
          lose(std::move(connected.error()));
          co_return;
        }
      }
      auto [error, bytes] = co_await stream_->async_read(buffer_, kTuple);
      if (error) {
        const bool worked = pause_ms_ == 0;
        lose(unreachable(endpoint_, error));
        if (!worked) co_return;
        arrived_.reset();
        continue;
      }
      auto event = parse(beast::buffers_to_string(buffer_.data()));
      buffer_.consume(buffer_.size());
      if (!event) {
        lose(std::move(event.error()));
        co_return;
      }
      pause_ms_ = 0;
      if (event->sequence <= filter_.after) continue;
      filter_.after = event->sequence;
      arrived_ = std::move(*event);
      co_return;
    }
  }

  void lose(Error error) {
    // A ping's write may be under way on it: it goes when what its closing ended has been told so.
    if (stream_) {
      stream_->next_layer().close();
      asio::post(io_, [old = std::move(stream_)] {});
    }
    buffer_.consume(buffer_.size());
    pause_ms_ = pause_ms_ == 0 ? kFirstReopenMs : std::min(pause_ms_ * 2, kLongestReopenMs);
    arrived_ = std::unexpected(std::move(error));
  }

  static Result<model::Event> parse(const std::string& text) {
    auto json = wire::parse_json(text);
    if (!json) return fail(json);
    return wire::from_json<model::Event>(*json);
  }

  asio::awaitable<Result<>> connect() {
    stream_ = std::make_unique<Socket>(io_, tls_ ? &*tls_ : nullptr);
    auto& below = stream_->next_layer();
    below.expires_at(std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.timeout_ms));
    if (const auto error = co_await dial(below, endpoint_)) co_return std::unexpected(unreachable(endpoint_, error));
    below.expires_never();  // from here on the WebSocket keeps its own time
    auto timeout = websocket::stream_base::timeout::suggested(beast::role_type::client);
    timeout.keep_alive_pings = true;
    timeout.idle_timeout = std::chrono::seconds(30);
    stream_->set_option(timeout);
    stream_->read_message_max(kMaxEventBytes);

    std::string target = "/v1/events?after=" + std::to_string(filter_.after);
    if (filter_.account) target += "&account=" + model::format_address(*filter_.account);
    websocket::response_type response;
    auto [error] = co_await stream_->async_handshake(response, endpoint_.authority(), target, kTuple);
    if (!error) co_return Result<>{};
    if (error == websocket::error::upgrade_declined) co_return std::unexpected(declined(response));
    co_return std::unexpected(unreachable(endpoint_, error));
  }

  Error declined(const websocket::response_type& response) const {
    const auto body = wire::parse_json(response.body());
    if (body && body->is_object() && body->contains("code") && body->contains("detail") &&
        (*body)["code"].is_string() && (*body)["detail"].is_string()) {
      return {error_code_of((*body)["code"].get<std::string>()), (*body)["detail"].get<std::string>()};
    }
    return {ErrorCode::unavailable, endpoint_.url() + " does not serve events (HTTP status " +
                                        std::to_string(response.result_int()) + "): check the node's address"};
  }

  Endpoint endpoint_;
  HttpOptions options_;
  Filter filter_;
  std::optional<asio::ssl::context> tls_;
  asio::io_context io_{1};
  beast::flat_buffer buffer_;
  std::unique_ptr<Socket> stream_;               // none: not connected
  std::optional<Result<model::Event>> arrived_;  // what next() will return
  bool reading_ = false;                         // read_one() is under way
  std::uint32_t pause_ms_ = 0;                   // before the next connection; 0: the last one worked
  std::atomic<bool> interrupted_ = false;
};

/// For an address that can never work: every next() says why.
class BrokenEventStream final : public EventStream {
 public:
  explicit BrokenEventStream(Error error) : error_(std::move(error)) {}
  Result<std::optional<model::Event>> next(std::uint32_t) override { return std::unexpected(error_); }
  void interrupt() override {}

 private:
  Error error_;
};

}  // namespace

std::unique_ptr<EventStream> EventStream::open(HttpOptions options, Filter filter) {
  auto endpoint = parse_endpoint(options.url);
  if (!endpoint) return std::make_unique<BrokenEventStream>(std::move(endpoint.error()));
  std::optional<asio::ssl::context> tls;
  if (endpoint->tls) {
    auto context = make_tls_context(options.ca_file);
    if (!context) return std::make_unique<BrokenEventStream>(std::move(context.error()));
    tls = std::move(*context);
  }
  return std::make_unique<EventStreamImpl>(std::move(*endpoint), std::move(options), filter, std::move(tls));
}

}  // namespace hanse::client
