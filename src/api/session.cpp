// One connection: reads requests one after the other, answers each in turn. Whatever a peer pipelines waits in the
// buffer until its turn, so there is one answer at a time and nothing to queue.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "api/event_socket.hpp"
#include "api/response.hpp"
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
/// What was read and not yet taken: a head, a piece of a body, what stands around the pieces of a chunked one. The
/// parser takes a body at once, and the rest line by line: this bounds a line that never ends.
constexpr std::size_t kLeastBuffer = 64 * 1024;

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
  if (error == http::error::buffer_overflow) {
    return {431, {ErrorCode::too_large, "a line of the request is too long, or it has too many: send less"}};
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
      : worker_(worker),
        shared_(worker.shared()),
        stream_(std::move(stream)),
        submission_(worker.io()),
        buffer_(std::max(kLeastBuffer, shared_.options.max_header_bytes)) {
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
      const Terms terms = unread();
      const bool told = co_await write(std::move(answer), terms);
      if (told) co_await linger();
      co_return;
    }
    bool more = true;
    while (more && !worker_.stopping()) more = co_await serve_one();
  }

  void arm() { deadline = Clock::now() + std::chrono::milliseconds(shared_.options.request_timeout_ms); }

  /// The next request; nullopt when the connection is at its end.
  asio::awaitable<std::optional<UpgradeRequest>> read_one() {
    http::request_parser<Body> parser;
    parser.header_limit(static_cast<std::uint32_t>(shared_.options.max_header_bytes));
    parser.body_limit(shared_.options.max_body_bytes);
    arm();
    auto [head_error, head_bytes] = co_await http::async_read_header(stream_, buffer_, parser, kTuple);
    if (head_error) {
      co_await refuse(head_error, parser.got_some());
      co_return std::nullopt;
    }
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      auto [error, bytes] = co_await asio::async_write(stream_, asio::buffer(kContinue), kTuple);
      if (error) co_return std::nullopt;
    }
    auto [body_error, body_bytes] = co_await http::async_read(stream_, buffer_, parser, kTuple);
    if (body_error) {
      co_await refuse(body_error, true);
      co_return std::nullopt;
    }
    co_return parser.release();
  }

  /// One request and its answer; false when the connection is at its end.
  asio::awaitable<bool> serve_one() {
    auto request = co_await read_one();
    if (!request) co_return false;
    const auto began = Clock::now();
    arm();
    const auto method = view_of(request->method_string());
    auto call = call_of(*request);
    const Route* route = call ? find_route(method, *call) : nullptr;
    if (route != nullptr && route->way == Way::events && is_upgrade(*request)) {
      // Whatever its origin: any page may read the same as a list, and would poll for it.
      const auto cursor = events_of(*route, *call);
      if (cursor && !check_upgrade(*request)) {
        shared_.metrics.count(route, 101, 0);
        deadline = Clock::time_point::max();  // the WebSocket keeps its own time
        following_ = true;
        co_await serve_events(stream_, worker_, *request, *cursor);
        co_return false;
      }
    }
    Answer answer;
    if (!call) {
      answer = problem(call.error());
    } else if (route == nullptr) {
      answer = answer_without_route(method, *call);
    } else {
      answer = co_await answer_to(*route, *call, *request);
    }
    const unsigned status = answer.status;
    const bool keep_alive = request->keep_alive() && is_framed(*request) && !worker_.stopping();
    const Terms terms{request->version(), keep_alive, method, grant_to(route, call, *request)};
    const bool written = co_await write(std::move(answer), terms);
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began);
    shared_.metrics.count(route, status, static_cast<std::uint64_t>(took.count()));
    if (written && !keep_alive) co_await linger();
    co_return written&& keep_alive;
  }

  /// Is it known where its body ends? What follows is the next request only then.
  static bool is_framed(const UpgradeRequest& request) {
    return request.chunked() || request.count(http::field::transfer_encoding) == 0;
  }

  static Result<Call> call_of(const UpgradeRequest& request) {
    if (!is_framed(request)) return fail(ErrorCode::malformed, "Transfer-Encoding must be chunked, or not be there");
    if (request.version() >= 11 && request.count(http::field::host) != 1) {
      return fail(ErrorCode::malformed, "the request must name its Host, and once");
    }
    return Call::from_target(view_of(request.target()));
  }

  static Result<EventCursor> events_of(const Route& route, const Call& call) {
    if (const auto ok = check_query(route, call); !ok) return fail(ok);
    return parse_event_cursor(call);
  }

  /// What browsers are told of the answer. A preflight is told of the request that it asks for.
  OriginGrant grant_to(const Route* route, Result<Call>& call, const UpgradeRequest& request) const {
    const auto origin = view_of(request[http::field::origin]);
    auto method = view_of(request.method_string());
    if (method == "OPTIONS") {
      method = view_of(request[http::field::access_control_request_method]);
      route = call ? find_route(method, *call) : nullptr;
      return route != nullptr ? shared_.origins.grant(route->is_public, origin) : OriginGrant{};
    }
    const bool reads = method == "GET" || method == "HEAD";
    return shared_.origins.grant(reads && (route == nullptr || route->is_public), origin);
  }

  asio::awaitable<Answer> answer_to(const Route& route, Call& call, UpgradeRequest& request) {
    if (route.way == Way::events && is_upgrade(request)) {
      if (auto refused = check_upgrade(request)) co_return std::move(*refused);
    }
    if (!route.body_type.empty()) {
      auto type = view_of(request[http::field::content_type]);
      type = type.substr(0, type.find(';'));
      while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
      if (!beast::iequals(type, route.body_type)) {
        co_return problem({ErrorCode::unsupported, "send the body with Content-Type: " + std::string(route.body_type)},
                          415);
      }
      const auto coding = view_of(request[http::field::content_encoding]);
      if (!coding.empty() && !beast::iequals(coding, "identity")) {
        co_return problem({ErrorCode::unsupported, "send the body as it is, without Content-Encoding"}, 415);
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

  /// Of an answer to what was not read: it says nothing that is not everyone's, and the connection ends.
  [[nodiscard]] Terms unread() const { return {11, false, "GET", shared_.origins.grant(true, "")}; }

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
    const Terms terms = unread();
    const bool told = co_await write(std::move(answer), terms);
    if (told) co_await linger();
  }

  /// `terms` is a variable's: GCC 12 destroys twice what is made in place inside a co_await.
  asio::awaitable<bool> write(Answer answer, const Terms& terms) {
    arm();
    const auto response = make_response(std::move(answer), terms);
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
