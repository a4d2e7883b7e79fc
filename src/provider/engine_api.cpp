#include "provider/engine_api.hpp"

#include <fmt/format.h>

namespace hanse::provider {

namespace http = boost::beast::http;
using nlohmann::json;

std::string message_of(const std::string& body) {
  const json answer = json::parse(body, nullptr, false);
  if (answer.is_object()) {
    for (const char* key : {"message", "error"}) {
      if (const auto it = answer.find(key); it != answer.end() && it->is_string()) return it->get<std::string>();
    }
  }
  return body.substr(0, 500);
}

Error error_of(const std::string& what, const HttpReply& reply) {
  const auto said = message_of(reply.body);
  const auto text = said.empty() ? fmt::format(
                                       "{}: the container engine answers {} without a reason; its own log may "
                                       "have one, and 'hanse provider init' tests it",
                                       what, reply.status)
                                 : fmt::format("{}: the container engine says \"{}\"", what, said);
  switch (reply.status) {
    case 404:
      return {ErrorCode::not_found, text};
    case 409:
      return {ErrorCode::conflict, text};
    case 400:
      return {ErrorCode::invalid_argument, text};
    default:
      return {ErrorCode::io, text};
  }
}

Error create_error(const ContainerSpec& spec, const HttpReply& reply) {
  auto error = error_of("creating container " + spec.name, reply);
  const bool is_image = error.message.find("image not known") != std::string::npos ||
                        error.message.find("No such image") != std::string::npos;
  if (is_image) error = {ErrorCode::not_found, "image " + spec.image + " is not on this machine: pull it first"};
  return error;
}

Result<HttpReply> EngineApi::call(http::verb verb, const std::string& target, std::string body,
                                  std::uint32_t timeout_ms) const {
  return provider::call(socket_, make_request(verb, target, std::move(body)), timeout_ms);
}

Result<json> EngineApi::get(const std::string& target) const {
  auto reply = call(http::verb::get, target);
  if (!reply) return fail(reply);
  if (reply->status != 200) return std::unexpected(error_of("asking for " + target.substr(0, 100), *reply));
  json answer = json::parse(reply->body, nullptr, false);
  if (!answer.is_object() && !answer.is_array()) {
    return fail(ErrorCode::io, "the container engine's answer to " + target + " is no JSON");
  }
  return answer;
}

Result<> EngineApi::post(const std::string& target, const std::string& what, std::uint32_t timeout_ms,
                         std::string body) const {
  auto reply = call(http::verb::post, target, std::move(body), timeout_ms);
  if (!reply) return fail(reply);
  if (reply->status >= 300 && reply->status != 304) return std::unexpected(error_of(what, *reply));  // 304: it is so
  return {};
}

Result<> EngineApi::erase(const std::string& target, const std::string& what) const {
  auto reply = call(http::verb::delete_, target);
  if (!reply) return fail(reply);
  if (reply->status >= 300 && reply->status != 404) return std::unexpected(error_of(what, *reply));
  return {};
}

}  // namespace hanse::provider
