// One connection: reads requests one after the other, answers each in turn. Whatever a peer pipelines waits in the
// buffer until its turn, so there is one answer at a time and nothing to queue.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "api/event_socket.hpp"
#include "api/submission.hpp"
#include "api/worker.hpp"

namespace hanse::api {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using Clock = std::chrono::steady_clock;
using Body = http::vector_body<std::uint8_t>;

constexpr auto kLinger = std::chrono::seconds(2);
constexpr std::size_t kMaxLingerBytes = 1U << 20;

std::string_view view_of(beast::string_view text) {
  return {text.data(), text.size()};
}

/// What to say of a request that cannot be read; status 0: nothing, the peer is gone.
std::pair<unsigned, Error> read_problem(const beast::error_code& error, const ServerOptions& options) {
  if (error == http::error::header_limit) {
    return {431,
            {ErrorCode::too_large,
             "the head of the request is over " + std::to_string(options.max_header_bytes) + " bytes: send less"}};
  }
  if (error == http::error::body_limit) {
    return {413,
            {ErrorCode::too_large, "the body of the request is over " + std::to_string(options.max_body_bytes) +
                                       " bytes: send less at once"}};
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error.category() != http::make_error_code(http::error::bad_method).category()) {
    return {0, {}};
  }
  return {400, {ErrorCode::malformed, "this is not an HTTP/1.1 request (" + error.message() + ")"}};
}

class Session final : public Connection {
 public:
  Session(Worker& worker, net::Stream stream)
      : worker_(worker), shared_(worker.shared()), stream_(std::move(stream)), submission_(worker.io()) {
    worker_.add(*this);
  }
  ~Session() override {
    shared_.metrics.add_connection(-1);
    worker_.remove(*this);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void on_deadline() override {
    late_ = true;
    if (worker_.stopping()) return close();
    submission_.give_up();
    stream_.cancel();
  }
  void close() override {
    // A follower of events is told by its WebSocket that the server goes; if it does not listen, it is cut off.
    if (std::exchange(following_, false)) {
      deadline = Clock::now() + kLinger;
      return;
    }
    submission_.give_up();
    stream_.close();
  }

  /// Owns the session until its connection has ended.
  static asio::awaitable<void> live(std::shared_ptr<Session> session, bool refuse) { co_await session->run(refuse); }

 private:
  asio::awaitable<void> run(bool refuse) {
    arm();
    if (stream_.is_tls()) {
      auto [error] = co_await stream_.async_handshake(beast::role_type::server, "", kTuple);
      if (error) co_return;
    }
    if (refuse) {
      shared_.metrics.count_refused_connection();
      Answer answer = problem({ErrorCode::unavailable, "too many connections are open: try again in a moment"});
      const bool told = co_await write(std::move(answer), 11, false, false);
      if (told) co_await linger();
      co_return;
    }
    bool more = true;
    while (more && !worker_.stopping()) more = co_await serve_one();
  }

  void arm() { deadline = Clock::now() + std::chrono::milliseconds(shared_.options.request_timeout_ms); }

  /// One request and its answer; false when the connection is at its end.
  asio::awaitable<bool> serve_one() {
    http::request_parser<Body> parser;
    parser.header_limit(static_cast<std::uint32_t>(shared_.options.max_header_bytes));
    parser.body_limit(shared_.options.max_body_bytes);
    arm();
    auto [head_error, head_bytes] = co_await http::async_read_header(stream_, buffer_, parser, kTuple);
    if (head_error) {
      co_await refuse(head_error, parser.got_some());
      co_return false;
    }
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      auto [error, bytes] = co_await asio::async_write(stream_, asio::buffer(kContinue), kTuple);
      if (error) co_return false;
    }
    auto [body_error, body_bytes] = co_await http::async_read(stream_, buffer_, parser, kTuple);
    if (body_error) {
      co_await refuse(body_error, true);
      co_return false;
    }

    auto request = parser.release();
    const auto began = Clock::now();
    arm();
    auto call = Call::from_target(view_of(request.target()));
    Found found;
    if (call) found = find_route(view_of(request.method_string()), *call);
    if (found.route != nullptr && found.route->way == Way::events && is_upgrade(request)) {
      const auto cursor = events_of(*found.route, *call);
      if (cursor) {
        shared_.metrics.count(found.route, 101, 0);
        deadline = Clock::time_point::max();  // the WebSocket keeps its own time
        following_ = true;
        co_await serve_events(stream_, worker_, request, *cursor);
        co_return false;
      }
    }
    const bool keep_alive = request.keep_alive() && !worker_.stopping();
    const bool head = request.method() == http::verb::head;
    Answer answer;
    if (call) {
      answer = co_await answer_to(found, *call, request);
    } else {
      answer = problem(call.error());
    }
    const unsigned status = answer.status;
    const bool written = co_await write(std::move(answer), request.version(), keep_alive, head);
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began);
    shared_.metrics.count(found.route, status, static_cast<std::uint64_t>(took.count()));
    if (written && !keep_alive) co_await linger();
    co_return written&& keep_alive;
  }

  static bool is_upgrade(const UpgradeRequest& request) {
    return request.method() == http::verb::get && http::token_list{request[http::field::upgrade]}.exists("websocket");
  }

  static Result<EventCursor> events_of(const Route& route, const Call& call) {
    if (const auto ok = check_query(route, call); !ok) return fail(ok);
    return parse_event_cursor(call);
  }

  asio::awaitable<Answer> answer_to(const Found& found, Call& call, UpgradeRequest& request) {
    if (found.route == nullptr && !found.allow.empty()) {
      auto out = problem({ErrorCode::unsupported, call.path() + " takes " + std::string(found.allow)}, 405);
      out.allow = found.allow;
      co_return out;
    }
    if (found.route == nullptr) {
      co_return problem({ErrorCode::not_found,
                         "there is nothing at " + call.path().substr(0, 128) + ": /v1/openapi.json lists what is"});
    }
    const Route& route = *found.route;
    if (!route.body_type.empty()) {
      const auto type = view_of(request[http::field::content_type]);
      if (!beast::iequals(type.substr(0, type.find(';')), route.body_type)) {
        co_return problem({ErrorCode::unsupported, "send the body with Content-Type: " + std::string(route.body_type)},
                          415);
      }
    }
    if (route.way == Way::submit) {
      if (const auto ok = check_query(route, call); !ok) co_return problem(ok.error());
      const auto receipt = co_await submission_.submit(shared_.node, std::move(request.body()));
      late_ = false;
      co_return submission_answer(receipt);
    }
    call.body = as_text(request.body());
    co_return answer(shared_.context, route, call);
  }

  /// Says what was wrong with a request that could not be read. What follows in the stream is unknown.
  asio::awaitable<void> refuse(const beast::error_code& error, bool some) {
    auto [status, reason] = read_problem(error, shared_.options);
    if (late_ && some && !worker_.stopping()) {
      status = 408;
      reason = {ErrorCode::timeout, "the request took too long to arrive: send it in one go"};
    }
    late_ = false;
    if (status == 0) co_return;
    shared_.metrics.count(nullptr, status, 0);
    Answer answer = problem(reason, status);
    const bool told = co_await write(std::move(answer), 11, false, false);
    if (told) co_await linger();
  }

  asio::awaitable<bool> write(Answer answer, unsigned version, bool keep_alive, bool head) {
    http::response<http::string_body> response{static_cast<http::status>(answer.status), version};
    response.reason(title_of(answer.status));
    response.set(http::field::content_type, beast::string_view(answer.content_type.data(), answer.content_type.size()));
    if (!answer.allow.empty()) {
      response.set(http::field::allow, beast::string_view(answer.allow.data(), answer.allow.size()));
    }
    if (answer.status == 503) response.set(http::field::retry_after, "1");
    response.keep_alive(keep_alive);
    arm();
    response.content_length(answer.body.size());
    if (!head) response.body() = std::move(answer.body);
    auto [error, bytes] = co_await http::async_write(stream_, response, kTuple);
    co_return !error;
  }

  /// Closing with unread bytes would reset the connection, and the peer might never see the answer: so it is told that
  /// nothing more comes, and given a moment to stop sending.
  asio::awaitable<void> linger() {
    deadline = Clock::now() + kLinger;
    beast::error_code ignored;
    co_await stream_.async_shutdown(kTuple);
    auto& socket = stream_.socket();
    socket.shutdown(tcp::socket::shutdown_send, ignored);
    std::array<char, 4096> rest;
    for (std::size_t total = 0; total < kMaxLingerBytes;) {
      auto [error, bytes] = co_await socket.async_read_some(asio::buffer(rest), kTuple);
      if (error) break;
      total += bytes;
    }
  }

  Worker& worker_;
  Shared& shared_;
  net::Stream stream_;
  Submission submission_;
  beast::flat_buffer buffer_;
  bool following_ = false;
  bool late_ = false;  // the deadline passed while something was waited for
};

}  // namespace

void serve(Worker& worker, tcp::socket socket, bool refuse) {
  beast::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  auto& tls = worker.shared().tls;
  auto session = std::make_shared<Session>(worker, net::Stream(std::move(socket), tls ? &*tls : nullptr));
  asio::co_spawn(worker.io(), Session::live(std::move(session), refuse), asio::detached);
}

}  // namespace hanse::api
