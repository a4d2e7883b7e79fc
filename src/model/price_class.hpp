#pragma once

// Price classes: machines that compete with one another, by GPU model and region. Prices are kept, steered and cleared
// by class. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/ids.hpp"
#include "model/offer.hpp"

namespace hanse::model {

/// Where a country lies, by continent; Cyprus counts to Europe, as its law does. unknown: of a machine that does not
/// say.
enum class Region : std::uint8_t { europe, north_america, south_america, asia, africa, oceania, unknown };

template <>
struct Names<Region> {
  static constexpr std::array<std::string_view, 7> names{"europe", "north_america", "south_america", "asia",
                                                         "africa", "oceania",       "unknown"};
};

/// The region of an assigned code in upper case ("DE"), unknown for none; nullopt for any other text.
[[nodiscard]] std::optional<Region> region_of(std::string_view country);

struct PriceClass {
  std::string gpu;  ///< Folded, as `where gpu in [...]` compares it.
  Region region = Region::europe;

  auto operator<=>(const PriceClass&) const = default;
  bool operator==(const PriceClass&) const = default;
};

/// The class of a machine that passed market::check_machine.
[[nodiscard]] PriceClass class_of(const Machine& machine);

inline constexpr std::uint32_t kMaxClassBytes = 96;  ///< Of a class's text.

/// `h100-sxm/europe`: gpu as it is folded.
[[nodiscard]] std::string format_class(const PriceClass& price_class);
/// nullopt for what format_class() would not write.
[[nodiscard]] std::optional<PriceClass> parse_class(std::string_view text);

struct ClassTag {
  static constexpr std::string_view prefix = "class-";
};
/// 64 bits of the hash of its text: a key of fixed size for what is kept by class. Never 0.
using ClassId = Id<ClassTag>;
[[nodiscard]] ClassId id_of(const PriceClass& price_class);
[[nodiscard]] ClassId id_of_class(std::string_view text);  ///< Of its text.

}  // namespace hanse::model
