#pragma once

// Countries as the market knows them: the officially assigned codes of ISO 3166-1 alpha-2, and the groups of them that
// data-residency rules name. Pure.

#include <span>
#include <string_view>

namespace hanse::model {

/// Whether `code` is an assigned code, in upper case: "DE" is, "de", "UK" and "EU" are not.
[[nodiscard]] bool is_country(std::string_view code);

/// The members of EU or EEA (upper case names), ascending, in upper case; empty for any other name.
[[nodiscard]] std::span<const std::string_view> country_group(std::string_view name);

}  // namespace hanse::model
