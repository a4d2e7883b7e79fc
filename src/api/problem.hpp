#pragma once

// Errors as HTTP answers: RFC 9457 problem details with the stable code. Pure.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace hanse::api {

inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kProblemType = "application/problem+json";
inline constexpr std::string_view kTransactionType = "application/x-protobuf";
inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

/// What a handler gives back; the connection adds the rest of the head.
struct Answer {
  unsigned status = 200;
  std::string_view content_type = kJsonType;  ///< A literal; empty: there is no body.
  std::string body;
  std::string allow = {};  ///< Of a 405 and of an answer to OPTIONS: the methods that the path takes.
};

Answer json_answer(const nlohmann::json& json, unsigned status = 200);

/// The status that the code is answered with.
unsigned status_of(ErrorCode code);

/// `status` 0: status_of(error.code).
Answer problem(const Error& error, unsigned status = 0);
nlohmann::json problem_json(const Error& error, unsigned status);

/// "Not Found" for 404.
std::string_view title_of(unsigned status);

}  // namespace hanse::api
