#pragma once

// JSON Schemas (2020-12) of everything that goes in or out, with the bounds that hold. Those of records are made from
// their field tables, those of parameters from the patterns and bounds that their parsers go by. Pure.
//
// A `format` of ours, "hanse-…", stands where a pattern does not tell all: a checksum, a language, or how much a number
// comes to.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "model/account.hpp"

namespace hanse::api {

/// All of them by name, as `components/schemas`. Of a network with these parameters.
nlohmann::json schemas(const model::Params& params);
/// {"$ref": "#/components/schemas/NAME"}
nlohmann::json schema_ref(std::string_view name);

/// The parts of schemas(), by file and in this order.
void add_record_schemas(nlohmann::json& out);                                  // schema_records.cpp
void add_parameter_schemas(nlohmann::json& out, const model::Params& params);  // schema_parameters.cpp
void add_view_schemas(nlohmann::json& out);                                    // schema_views.cpp

/// The whole OpenAPI document, from routes() and schemas().
std::string openapi_document(const model::Params& params);

}  // namespace hanse::api
