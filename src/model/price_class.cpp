#include "model/price_class.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.hpp"
#include "crypto/hash.hpp"
#include "model/where.hpp"

namespace hanse::model {

namespace {

// Every assigned code once, two letters each. After the United Nations' M49, but for Cyprus (Europe) and Antarctica,
// which it puts nowhere (Oceania).
constexpr std::array<std::pair<Region, std::string_view>, 6> kRegions{
    {{Region::europe,
      "ADALATAXBABEBGBYCHCYCZDEDKEEESFIFOFRGBGGGIGRHRHUIEIMISITJELILTLULVMCMDMEMKMTNLNOPLPTRORSRUSESISJSKSMUAVA"},
     {Region::north_america, "AGAIAWBBBLBMBQBSBZCACRCUCWDMDOGDGLGPGTHNHTJMKNKYLCMFMQMSMXNIPAPMPRSVSXTCTTUSVCVGVI"},
     {Region::south_america, "ARBOBRBVCLCOECFKGFGSGYPEPYSRUYVE"},
     {Region::asia,
      "AEAFAMAZBDBHBNBTCNGEHKIDILINIQIRJOJPKGKHKPKRKWKZLALBLKMMMNMOMVMYNPOMPHPKPSQASASGSYTHTJTLTMTRTWUZVNYE"},
     {Region::africa,
      "AOBFBIBJBWCDCFCGCICMCVDJDZEGEHERETGAGHGMGNGQGWIOKEKMLRLSLYMAMGMLMRMUMWMZNANENGRERWSCSDSHSLSNSOSSSTSZTDTFTGTNTZUG"
      "YTZAZMZW"},
     {Region::oceania, "AQASAUCCCKCXFJFMGUHMKIMHMPNCNFNRNUNZPFPGPNPWSBTKTOTVUMVUWFWS"}}};

}  // namespace

std::optional<Region> region_of(std::string_view country) {
  if (country.empty()) return Region::unknown;
  if (country.size() != 2) return std::nullopt;
  for (const auto& [region, codes] : kRegions) {
    for (std::size_t i = 0; i < codes.size(); i += 2) {
      if (codes.substr(i, 2) == country) return region;
    }
  }
  return std::nullopt;
}

PriceClass class_of(const Machine& machine) {
  const auto region = region_of(machine.country);
  HANSE_CHECK(region.has_value());  // check_machine() takes assigned codes only, and none
  return {fold(WhereField::gpu, machine.gpu_model), *region};
}

std::string format_class(const PriceClass& price_class) {
  return price_class.gpu + "/" + std::string(name_of(price_class.region));
}

std::optional<PriceClass> parse_class(std::string_view text) {
  const auto slash = text.rfind('/');
  if (slash == text.npos) return std::nullopt;
  const auto& names = Names<Region>::names;
  const auto name = std::find(names.begin(), names.end(), text.substr(slash + 1));
  if (name == names.end()) return std::nullopt;
  PriceClass out{fold(WhereField::gpu, text.substr(0, slash)), static_cast<Region>(name - names.begin())};
  if (out.gpu != text.substr(0, slash)) return std::nullopt;
  return out;
}

ClassId id_of(const PriceClass& price_class) {
  return id_of_class(format_class(price_class));
}

ClassId id_of_class(std::string_view text) {
  const Hash hash = crypto::hash("hanse/price-class/v1", as_bytes(text));
  std::uint64_t id = 0;
  for (std::size_t i = 0; i < 8; ++i) id = id << 8 | hash.data[i];
  return {std::max<std::uint64_t>(id, 1)};
}

}  // namespace hanse::model
