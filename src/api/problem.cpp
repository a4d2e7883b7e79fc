#include "api/problem.hpp"

#include <nlohmann/json.hpp>

namespace hanse::api {

Answer json_answer(const nlohmann::json& json, unsigned status) {
  return {status, kJsonType, json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

unsigned status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::ok:
      return 200;
    case ErrorCode::malformed:
    case ErrorCode::invalid_argument:
    case ErrorCode::wrong_network:
    case ErrorCode::expired:
    case ErrorCode::too_far_ahead:
      return 400;
    case ErrorCode::bad_signature:
    case ErrorCode::not_authorized:
    case ErrorCode::denied:
      return 403;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::replayed:
    case ErrorCode::already_exists:
    case ErrorCode::wrong_state:
    case ErrorCode::conflict:
      return 409;
    case ErrorCode::too_large:
      return 413;
    case ErrorCode::spend_limit:
    case ErrorCode::insufficient_funds:
    case ErrorCode::overflow:
    case ErrorCode::limit_reached:
    case ErrorCode::no_match:
    case ErrorCode::price_changed:
    case ErrorCode::unsupported:
      return 422;
    case ErrorCode::unavailable:
      return 503;
    case ErrorCode::timeout:
      return 504;
    case ErrorCode::io:
    case ErrorCode::internal:
      return 500;
  }
  return 500;
}

std::string_view title_of(unsigned status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Internal Server Error";
  }
}

nlohmann::json problem_json(const Error& error, unsigned status) {
  const std::string code(name_of(error.code));
  return {{"type", "urn:hanse:error:" + code},
          {"title", title_of(status)},
          {"status", status},
          {"detail", error.message},
          {"code", code}};
}

Answer problem(const Error& error, unsigned status) {
  if (status == 0) status = status_of(error.code);
  Answer out = json_answer(problem_json(error, status), status);
  out.content_type = kProblemType;
  return out;
}

}  // namespace hanse::api
