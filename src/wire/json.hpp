#pragma once

// Records <-> JSON by the same field tables. Ids read "lease-7", accounts "hanse1…", bytes are hex, enums are names,
// money and times are integers in the unit that the field's name ends in; the code of a receipt is its stable name.
// Zero values are written too: a reader need not know defaults. Reading refuses unknown keys and names the nearest; it
// takes 7.0 for 7, as JSON Schema does.

#include <nlohmann/json_fwd.hpp>

#include "wire/codec.hpp"

namespace hanse::wire {

template <model::Described T>
nlohmann::json to_json(const T& record);

/// Missing keys keep their zero value. invalid_argument names the key and what it takes.
template <model::Described T>
Result<T> from_json(const nlohmann::json& json);

#define HANSE_DECLARE(R)                                             \
  extern template nlohmann::json to_json<model::R>(const model::R&); \
  extern template Result<model::R> from_json<model::R>(const nlohmann::json&);
HANSE_WIRE_RECORDS(HANSE_DECLARE)
#undef HANSE_DECLARE

/// Parses text into JSON without throwing; bounded in size (1 MiB) and depth (32).
Result<nlohmann::json> parse_json(std::string_view text);

}  // namespace hanse::wire
