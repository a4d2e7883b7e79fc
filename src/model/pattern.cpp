#include "model/pattern.hpp"

#include "model/bech32m.hpp"
#include "model/price_class.hpp"
#include "model/text_units.hpp"

namespace hanse::model {
namespace {

constexpr std::size_t kGroups = (AccountId::size * 8 + 4) / 5;  // characters of an address that hold its bytes

std::string upper_of(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}
char lower_of(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// "a|b|c" of what `text_of` makes of each.
template <class Items, class TextOf>
std::string any_of(const Items& items, TextOf&& text_of) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += '|';
    out += text_of(item);
  }
  return out;
}

}  // namespace

std::string address_pattern(bool either_case) {
  const std::string lower = std::string(kAddressPrefix) + "1[" + std::string(kBech32mAlphabet) + "]";
  const std::string count = "{" + std::to_string(kGroups + kBech32mChecksum) + "}";
  return either_case ? "(" + lower + count + "|" + upper_of(lower) + count + ")" : lower + count;
}

std::string duration_pattern() {
  std::string out;
  for (const auto& unit : kDurations) out += "([0-9]+" + std::string(unit.name) + ")?";
  return out;
}

std::string size_pattern() {
  const auto in_either_case = [](const Unit& unit) {
    std::string out;
    for (const char c : unit.name) out += {'[', upper_of({&c, 1})[0], lower_of(c), ']'};
    return out;
  };
  return "[0-9]+(\\.[0-9]{1,6})?(" + any_of(kSizes, in_either_case) + ")";
}

std::string class_pattern() {
  const std::string word = "[!-,.-@\\[-^`-~]+";  // what is printable, but for separators and upper case
  const auto& regions = Names<Region>::names;
  return word + "(-" + word + ")*/(" + any_of(regions, [](std::string_view name) { return std::string(name); }) + ")";
}

}  // namespace hanse::model
