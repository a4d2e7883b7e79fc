#pragma once

// JSON Schemas (2020-12) of everything that goes in or out. Those of records are made from their field tables.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace hanse::api {

/// All of them by name, as `components/schemas`.
nlohmann::json schemas();
/// {"$ref": "#/components/schemas/NAME"}
nlohmann::json schema_ref(std::string_view name);

/// The whole OpenAPI document, from routes() and schemas().
std::string openapi_document();

}  // namespace hanse::api
