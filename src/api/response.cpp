#include "api/response.hpp"

namespace hanse::api {
namespace {

namespace http = boost::beast::http;

// What pages may send and read beyond what browsers let through by themselves.
constexpr std::string_view kRequestHeaders = "Content-Type";
constexpr std::string_view kAnswerHeaders = "Allow, Retry-After";
constexpr std::string_view kMaxAgeS = "7200";  // no browser remembers a preflight for longer but one

void set(Response& response, http::field field, std::string_view value) {
  response.set(field, boost::beast::string_view(value.data(), value.size()));
}

}  // namespace

Response make_response(Answer answer, const Terms& terms) {
  Response out{static_cast<http::status>(answer.status), terms.version};
  out.reason(title_of(answer.status));
  if (!answer.content_type.empty()) set(out, http::field::content_type, answer.content_type);
  if (!answer.allow.empty()) set(out, http::field::allow, answer.allow);
  if (answer.status == 503) set(out, http::field::retry_after, "1");
  if (answer.status == 426) {
    set(out, http::field::upgrade, "websocket");
    set(out, http::field::sec_websocket_version, "13");
  }
  const bool is_options = terms.method == "OPTIONS";
  if (!terms.grant.allow.empty()) {
    set(out, http::field::access_control_allow_origin, terms.grant.allow);
    if (is_options) {
      set(out, http::field::access_control_allow_methods, answer.allow);
      set(out, http::field::access_control_allow_headers, kRequestHeaders);
      set(out, http::field::access_control_max_age, kMaxAgeS);
    } else {
      set(out, http::field::access_control_expose_headers, kAnswerHeaders);
    }
  }
  if (is_options) {
    set(out, http::field::vary, "Origin, Access-Control-Request-Method");
  } else if (terms.grant.varies) {
    set(out, http::field::vary, "Origin");
  }
  out.keep_alive(terms.keep_alive);
  if (answer.status == 204) return out;  // which has no length either
  out.content_length(answer.body.size());
  if (terms.method != "HEAD") out.body() = std::move(answer.body);
  return out;
}

}  // namespace hanse::api
