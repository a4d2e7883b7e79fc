#include <nlohmann/json.hpp>

#include "api/route.hpp"
#include "api/schema.hpp"

namespace hanse::api {
namespace {

using nlohmann::ordered_json;

ordered_json ref(std::string_view schema) {
  return ordered_json(schema_ref(schema));
}
ordered_json header_ref(std::string_view name) {
  return {{"$ref", "#/components/headers/" + std::string(name)}};
}

ordered_json content(std::string_view type, std::string_view schema) {
  // The media type alone: its parameters, such as a charset, are not part of the key.
  return {{std::string(type.substr(0, type.find(';'))), {{"schema", ref(schema)}}}};
}

/// What stands in the head of an answer of the route with that status.
ordered_json headers_of(const Route& route, unsigned status) {
  ordered_json out = ordered_json::object();
  // A 405 is an answer to another method, which may be no public read.
  const bool is_public = route.is_public && status != 405;
  out["Access-Control-Allow-Origin"] = header_ref(is_public ? "AnyOrigin" : "NamedOrigin");
  if (status == 405) out["Allow"] = header_ref("Allow");
  if (status == 503) out["Retry-After"] = header_ref("RetryAfter");
  return out;
}

ordered_json answer_of(const Route& route, unsigned status, std::string_view type, std::string_view schema) {
  return {
      {"description", title_of(status)}, {"headers", headers_of(route, status)}, {"content", content(type, schema)}};
}

ordered_json parameters_of(const Route& route) {
  auto out = ordered_json::array();
  const auto add = [&](const Parameter& p, const char* in, bool required) {
    out.push_back({{"name", p.name},
                   {"in", in},
                   {"required", required},
                   {"description", p.description},
                   {"schema", ref(p.schema)}});
  };
  for (const auto& p : route.path_parameters) add(p, "path", true);
  for (const auto& p : route.query) add(p, "query", p.required);
  return out;
}

ordered_json operation_of(const Route& route) {
  ordered_json out{{"operationId", route.operation}, {"summary", route.summary}};
  if (auto parameters = parameters_of(route); !parameters.empty()) out["parameters"] = std::move(parameters);
  if (!route.body_type.empty()) {
    out["requestBody"] = {{"required", true}, {"content", content(route.body_type, route.body_schema)}};
  }
  auto& responses = out["responses"];
  responses["200"] = answer_of(route, 200, route.answer_type, route.answer_schema);
  if (route.way == Way::events) responses["101"] = {{"description", title_of(101)}};
  const auto add_problem = [&](unsigned status) {
    const bool is_refused = route.way == Way::submit && status == 422;
    responses[std::to_string(status)] =
        answer_of(route, status, kProblemType, is_refused ? "TransactionProblem" : "Problem");
  };
  for (const unsigned status : kCommonProblems) add_problem(status);
  for (const unsigned status : route.problems) add_problem(status);
  return out;
}

ordered_json headers() {
  return {{"AnyOrigin",
           {{"description", "Pages of any origin may read this."},
            {"required", true},
            {"schema", {{"type", "string"}, {"const", "*"}}}}},
          {"NamedOrigin",
           {{"description", "The request's origin, or *, where the node's operator named it."},
            {"schema", {{"type", "string"}}}}},
          {"Allow",
           {{"description", "The methods that this path takes."},
            {"required", true},
            {"schema", {{"type", "string"}, {"pattern", "^(GET, HEAD|POST), OPTIONS$"}}}}},
          {"RetryAfter",
           {{"description", "In seconds."},
            {"required", true},
            {"schema", {{"type", "integer"}, {"minimum", 1}, {"maximum", 1}}}}}};
}

}  // namespace

std::string openapi_document(const model::Params& params) {
  ordered_json out{{"openapi", "3.1.0"},
                   {"info",
                    {{"title", "Hanse node"},
                     {"version", "1"},
                     {"description",
                      "An open network for renting GPUs. Money is in micro-credits, times in milliseconds since 1970 "
                      "UTC, units stand last in a name. HEAD works wherever GET does, OPTIONS on every path."},
                     {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
                   {"servers", {{{"url", "/"}}}},
                   {"security", ordered_json::array()},
                   {"paths", ordered_json::object()}};
  for (const auto& route : routes()) {
    out["paths"][std::string(route.path)][route.method == "GET" ? "get" : "post"] = operation_of(route);
  }
  out["components"]["headers"] = headers();
  out["components"]["schemas"] = ordered_json(schemas(params));
  return out.dump();
}

}  // namespace hanse::api
