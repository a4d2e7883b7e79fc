#include "client/http.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

#include "client/dial.hpp"
#include "wire/json.hpp"

namespace hanse::client {
namespace {

namespace http = beast::http;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

constexpr std::uint64_t kMaxResponseBytes = 16U << 20;  // a page of a thousand offers is a tenth of it
constexpr std::size_t kMaxUnreadBytes = 256U << 10;     // of an answer: a line that never ends is none
constexpr std::string_view kTransactionType = "application/x-protobuf";
constexpr std::string_view kJsonType = "application/json";

asio::awaitable<beast::error_code> exchange(net::Stream& stream, beast::flat_buffer& buffer, const Request& request,
                                            Response& response) {
  auto [write_error, written] = co_await http::async_write(stream, request, kTuple);
  if (write_error) co_return write_error;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMaxResponseBytes);
  auto [read_error, read] = co_await http::async_read(stream, buffer, parser, kTuple);
  if (read_error) co_return read_error;
  response = parser.release();
  co_return beast::error_code{};
}

/// Pages are larger than what wire::parse_json takes from strangers; this parser does not recurse either.
Result<nlohmann::json> parse_body(const std::string& text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(ErrorCode::malformed, "not JSON");
  return json;
}

/// A problem+json answer as an Error; anything else that is not a success names the status.
Error problem_of(const Endpoint& endpoint, unsigned status, const Result<nlohmann::json>& body) {
  if (body && body->is_object() && body->contains("code") && (*body)["code"].is_string()) {
    const auto detail = body->find("detail");
    const bool has_detail = detail != body->end() && detail->is_string();
    return {error_code_of((*body)["code"].get<std::string>()),
            has_detail ? detail->get<std::string>() : "the node gave no reason"};
  }
  const auto code = status == 503 || status == 502 ? ErrorCode::unavailable : ErrorCode::internal;
  return {code, endpoint.url() + " answered with HTTP status " + std::to_string(status) +
                    ": check that this is a hanse node's address"};
}

class HttpImpl final : public Http {
 public:
  HttpImpl(Endpoint endpoint, HttpOptions options, std::optional<asio::ssl::context> tls)
      : endpoint_(std::move(endpoint)), options_(std::move(options)), tls_(std::move(tls)) {}

  Result<nlohmann::json> get(const std::string& target) override { return json_call(http::verb::get, target, {}, {}); }

  Result<nlohmann::json> post(const std::string& target, const nlohmann::json& body) override {
    return json_call(http::verb::post, target, kJsonType,
                     body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }

  Result<model::Receipt> submit(const Bytes& signed_transaction) override {
    auto response =
        call(http::verb::post, "/v1/transactions", kTransactionType, std::string(as_text(signed_transaction)));
    if (!response) return fail(response);
    const auto body = parse_body(response->body());
    if (response->result() == http::status::ok && body) return wire::from_json<model::Receipt>(*body);
    // A transaction that entered a block and failed there has a receipt too, inside the problem.
    if (body && body->is_object() && body->contains("receipt")) {
      return wire::from_json<model::Receipt>((*body)["receipt"]);
    }
    return std::unexpected(problem_of(endpoint_, response->result_int(), body));
  }

 private:
  Result<nlohmann::json> json_call(http::verb verb, const std::string& target, std::string_view type,
                                   std::string body) {
    auto response = call(verb, target, type, std::move(body));
    if (!response) return fail(response);
    auto json = parse_body(response->body());
    if (response->result_int() >= 300) return std::unexpected(problem_of(endpoint_, response->result_int(), json));
    if (!json) {
      return fail(
          ErrorCode::malformed,
          endpoint_.url() + " answered with something that is not JSON: check that this is a hanse node's address");
    }
    return json;
  }

  /// One exchange. A kept-alive connection may have been closed by the node meanwhile: then once more on a new one,
  /// which is safe because every call of this API may be repeated.
  Result<Response> call(http::verb verb, const std::string& target, std::string_view type, std::string body) {
    Request request{verb, target, 11, std::move(body)};
    request.set(http::field::host, endpoint_.authority());
    request.set(http::field::user_agent, "hanse");
    if (!type.empty()) request.set(http::field::content_type, type);
    request.prepare_payload();

    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.timeout_ms);
    for (;;) {
      const bool reused = stream_.has_value();
      Response response;
      const beast::error_code error = run(attempt(request, response, deadline));
      if (!error) {
        if (!response.keep_alive()) stream_.reset();
        return response;
      }
      stream_.reset();
      if (!reused || error == beast::error::timeout) return std::unexpected(unreachable(endpoint_, error));
    }
  }

  asio::awaitable<beast::error_code> attempt(const Request& request, Response& response,
                                             std::chrono::steady_clock::time_point deadline) {
    const bool is_new = !stream_;
    if (is_new) stream_.emplace(io_, tls_ ? &*tls_ : nullptr);
    stream_->expires_at(deadline);
    if (is_new) {
      buffer_.clear();
      if (const auto error = co_await dial(*stream_, endpoint_)) co_return error;
    }
    co_return co_await exchange(*stream_, buffer_, request, response);
  }

  beast::error_code run(asio::awaitable<beast::error_code> work) {
    beast::error_code result;
    asio::co_spawn(io_, std::move(work), [&](const std::exception_ptr& thrown, beast::error_code error) {
      result = thrown ? beast::error_code(asio::error::fault) : error;
    });
    io_.restart();
    io_.run();
    return result;
  }

  Endpoint endpoint_;
  HttpOptions options_;
  std::optional<asio::ssl::context> tls_;
  asio::io_context io_{1};
  beast::flat_buffer buffer_{kMaxUnreadBytes};
  std::optional<net::Stream> stream_;  // none: not connected
};

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return out;
}

Result<std::unique_ptr<Http>> Http::open(HttpOptions options) {
  auto endpoint = parse_endpoint(options.url);
  if (!endpoint) return fail(endpoint);
  std::optional<asio::ssl::context> tls;
  if (endpoint->tls) {
    auto context = make_tls_context(options.ca_file);
    if (!context) return fail(context);
    tls = std::move(*context);
  }
  return std::make_unique<HttpImpl>(std::move(*endpoint), std::move(options), std::move(tls));
}

}  // namespace hanse::client
