#include <nlohmann/json.hpp>

#include "api/route.hpp"
#include "api/schema.hpp"

namespace hanse::api {
namespace {

using nlohmann::ordered_json;

ordered_json ref(std::string_view schema) {
  return ordered_json(schema_ref(schema));
}

ordered_json content(std::string_view type, std::string_view schema) {
  // The media type alone: its parameters, such as a charset, are not part of the key.
  return {{std::string(type.substr(0, type.find(';'))), {{"schema", ref(schema)}}}};
}

ordered_json problem_answer(unsigned status) {
  return {{"description", title_of(status)}, {"content", content(kProblemType, "Problem")}};
}

ordered_json operation_of(const Route& route) {
  ordered_json out{{"operationId", route.operation}, {"summary", route.summary}};
  auto parameters = ordered_json::array();
  for (const auto& p : route.path_parameters) {
    parameters.push_back({{"name", p.name},
                          {"in", "path"},
                          {"required", true},
                          {"description", p.description},
                          {"schema", ref(p.schema)}});
  }
  for (const auto& p : route.query) {
    parameters.push_back(
        {{"name", p.name}, {"in", "query"}, {"description", p.description}, {"schema", ref(p.schema)}});
  }
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  if (!route.body_type.empty()) {
    out["requestBody"] = {{"required", true}, {"content", content(route.body_type, route.body_schema)}};
  }
  auto& responses = out["responses"];
  responses["200"] = {{"description", title_of(200)}, {"content", content(route.answer_type, route.answer_schema)}};
  if (route.way == Way::events) responses["101"] = {{"description", "Switching to WebSocket"}};
  for (const unsigned status : kCommonProblems) responses[std::to_string(status)] = problem_answer(status);
  for (const unsigned status : route.problems) responses[std::to_string(status)] = problem_answer(status);
  return out;
}

}  // namespace

std::string openapi_document() {
  ordered_json out{{"openapi", "3.1.0"},
                   {"info",
                    {{"title", "Hanse node"},
                     {"version", "1"},
                     {"description",
                      "An open network for renting GPUs. Money is in micro-credits, times in "
                      "milliseconds since 1970 UTC, units stand last in a name."},
                     {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
                   {"paths", ordered_json::object()}};
  for (const auto& route : routes()) {
    out["paths"][std::string(route.path)][route.method == "GET" ? "get" : "post"] = operation_of(route);
  }
  out["components"]["schemas"] = ordered_json(schemas());
  return out.dump();
}

}  // namespace hanse::api
