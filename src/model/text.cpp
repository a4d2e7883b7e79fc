#include "model/text.hpp"
#include "base/int128.hpp"
#include "model/price_class.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "model/bech32m.hpp"
#include "model/offer.hpp"
#include "model/text_units.hpp"

namespace hanse::model {
namespace {

constexpr std::size_t kMaxNameText = 64;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes the digits at the front of `text` off it. nullopt: there are none, or they do not fit 64 bits.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  std::size_t i = 0;
  for (; i < text.size() && is_digit(text[i]); ++i) {
    if (__builtin_mul_overflow(value, 10U, &value) ||
        __builtin_add_overflow(value, static_cast<std::uint64_t>(text[i] - '0'), &value)) {
      return std::nullopt;
    }
  }
  if (i == 0) return std::nullopt;
  text.remove_prefix(i);
  return value;
}

// A number with at most six decimals at the front of `text`, in millionths.
std::optional<UInt128> take_millionths(std::string_view& text) {
  const auto whole = take_number(text);
  if (!whole) return std::nullopt;
  UInt128 value = static_cast<UInt128>(*whole) * 1'000'000;
  if (text.empty() || text[0] != '.') return value;
  text.remove_prefix(1);
  UInt128 unit = 100'000;
  std::size_t digits = 0;
  for (; digits < text.size() && is_digit(text[digits]); ++digits, unit /= 10) {
    if (digits == 6) return std::nullopt;
    value += static_cast<UInt128>(text[digits] - '0') * unit;
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

std::string two_digits(std::uint64_t value) {
  return (value < 10 ? "0" : "") + std::to_string(value);
}

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

template <class Tag>
std::string_view kind_of() {
  return Tag::prefix.substr(0, Tag::prefix.size() - 1);
}

}  // namespace

std::string quoted(std::string_view text) {
  return text.size() <= kMaxNameText ? "\"" + std::string(text) + "\""
                                     : "\"" + std::string(text.substr(0, kMaxNameText)) + "...\"";
}

std::string format_address(const AccountId& account) {
  return format_bech32m(kAddressPrefix, account.view());
}

Result<AccountId> parse_address(std::string_view text) {
  const auto bytes = parse_bech32m(kAddressPrefix, text);
  if (!bytes) return fail(bytes.error().code, quoted(text) + " is not an address: " + bytes.error().message);
  if (bytes->size() != AccountId::size) {
    return fail(ErrorCode::malformed, quoted(text) + " is not an address: it does not hold 32 bytes");
  }
  AccountId account;
  std::copy(bytes->begin(), bytes->end(), account.data.begin());
  return account;
}

std::string format_money(Money amount) {
  const bool negative = amount.micros < 0;
  const auto micros =
      negative ? 0 - static_cast<std::uint64_t>(amount.micros) : static_cast<std::uint64_t>(amount.micros);
  std::string decimals = std::to_string(1'000'000 + micros % 1'000'000).substr(1);
  while (decimals.size() > 2 && decimals.back() == '0') decimals.pop_back();
  return (negative ? "-" : "") + std::to_string(micros / 1'000'000) + "." + decimals;
}

Result<Money> parse_money(std::string_view text) {
  std::string_view rest = text;
  const auto micros = text.size() <= kMaxNumberText ? take_millionths(rest) : std::nullopt;
  if (!micros || !rest.empty()) {
    return fail(ErrorCode::malformed,
                quoted(text) + " is not an amount: write credits with at most six decimals, such as 1.20 or 25");
  }
  if (*micros > static_cast<UInt128>(kMaxMoney.micros)) {
    return fail(ErrorCode::overflow, quoted(text) + " is too much: amounts go up to " + format_money(kMaxMoney));
  }
  return Money{static_cast<std::int64_t>(*micros)};
}

Result<std::uint64_t> parse_duration_s(std::string_view text) {
  constexpr std::string_view kExpected =
      ": write whole numbers with units from large to small, such as 90s, 1h30m or 2w";
  const auto malformed = [&](std::string_view what) {
    return fail(ErrorCode::malformed, quoted(text) + " is not a duration" + std::string(what) + std::string(kExpected));
  };
  if (text.empty() || text.size() > kMaxNumberText) return malformed("");
  std::string_view rest = text;
  std::uint64_t total = 0;
  auto unit = kDurations.begin();
  while (!rest.empty()) {
    const auto number = take_number(rest);
    if (!number) return malformed("");
    if (rest.empty()) return malformed(", its unit is missing");
    unit = std::find_if(unit, kDurations.end(), [&](const Unit& u) { return u.name[0] == rest[0]; });
    if (unit == kDurations.end()) return malformed("");
    rest.remove_prefix(1);
    std::uint64_t part = 0;
    if (__builtin_mul_overflow(*number, unit->size, &part) || __builtin_add_overflow(total, part, &total) ||
        total > kMaxDurationSeconds) {
      return fail(ErrorCode::too_large, quoted(text) + " is too long: durations go up to 36500d");
    }
    ++unit;
  }
  return total;
}

std::string format_duration(std::uint64_t seconds) {
  if (seconds == 0) return "0s";
  std::string out;
  for (const auto& unit : kDurations) {
    if (unit.name == "w" || seconds < unit.size) continue;  // people read 10d more easily than 1w3d
    out += std::to_string(seconds / unit.size);
    out += unit.name;
    seconds %= unit.size;
  }
  return out;
}

Result<Interconnect> parse_interconnect(std::string_view text) {
  std::string lower(text.substr(0, kMaxNameText));
  for (auto& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const auto& names = Names<Interconnect>::names;
  const auto found = std::find(names.begin(), names.end(), lower);
  if (found != names.end()) return static_cast<Interconnect>(found - names.begin());
  return fail(ErrorCode::malformed, quoted(text) + " is no interconnect: write none, pcie, nvlink or infiniband");
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::string_view rest = text;
  const auto millionths = text.size() <= kMaxNumberText ? take_millionths(rest) : std::nullopt;
  const auto unit =
      std::find_if(kSizes.begin(), kSizes.end(), [&](const Unit& u) { return equal_without_case(u.name, rest); });
  if (!millionths || unit == kSizes.end()) {
    return fail(ErrorCode::malformed, quoted(text) + " is not a size" +
                                          (millionths && rest.empty() ? ", its unit is missing" : "") +
                                          ": write a size such as 80GB or 512MiB");
  }
  // At most 2^64 × 10^6 × 2^60 would leave 128 bits: what is over the limit is told before multiplying.
  const bool too_large = *millionths / 1'000'000 > kMaxSizeBytes / unit->size + 1;
  const UInt128 scaled = too_large ? 0 : *millionths * unit->size;
  if (too_large || scaled > static_cast<UInt128>(kMaxSizeBytes) * 1'000'000) {
    return fail(ErrorCode::too_large, quoted(text) + " is too large: sizes go up to 1EiB");
  }
  if (scaled % 1'000'000 != 0) {
    return fail(ErrorCode::malformed, quoted(text) + " is not a whole number of bytes");
  }
  return static_cast<std::uint64_t>(scaled / 1'000'000);
}

std::string format_size(std::uint64_t bytes) {
  std::string best = std::to_string(bytes) + "B";
  if (bytes == 0) return best;
  for (const auto& unit : kSizes) {
    if (bytes % unit.size != 0) continue;
    std::string text = std::to_string(bytes / unit.size) + std::string(unit.name);
    if (text.size() < best.size()) best = std::move(text);
  }
  return best;
}

template <class Tag>
Result<Id<Tag>> parse_id(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with(Tag::prefix)) rest.remove_prefix(Tag::prefix.size());
  const bool canonical = !rest.empty() && rest[0] != '0' && rest.size() <= 20;
  const auto value = canonical ? take_number(rest) : std::nullopt;
  if (!value || !rest.empty()) {
    const std::string kind(kind_of<Tag>());
    const std::string article = kind.starts_with('o') ? "an " : "a ";
    return fail(ErrorCode::malformed, quoted(text) + " is not the id of " + article + kind + ": write it as " +
                                          std::string(Tag::prefix) + "7");
  }
  return Id<Tag>{*value};
}

template Result<OfferId> parse_id<OfferTag>(std::string_view);
template Result<RequestId> parse_id<RequestTag>(std::string_view);
template Result<LeaseId> parse_id<LeaseTag>(std::string_view);
template Result<ClassId> parse_id<ClassTag>(std::string_view);

std::string format_time(Time time) {
  constexpr std::int64_t kLast_s = 253'402'300'799;  // 9999-12-31T23:59:59Z
  const auto seconds = std::clamp<std::int64_t>(time.ms / 1000 - (time.ms % 1000 < 0 ? 1 : 0), 0, kLast_s);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(seconds / 86400))};
  const auto of_day = static_cast<std::uint64_t>(seconds % 86400);
  return std::to_string(static_cast<int>(date.year())) + "-" + two_digits(static_cast<unsigned>(date.month())) + "-" +
         two_digits(static_cast<unsigned>(date.day())) + "T" + two_digits(of_day / 3600) + ":" +
         two_digits(of_day / 60 % 60) + ":" + two_digits(of_day % 60) + "Z";
}

namespace {

// Levenshtein's with swapped neighbours as one change (optimal string alignment), three rows at a time.
std::size_t distance(std::string_view a, std::string_view b) {
  using Row = std::array<std::size_t, kMaxNameText + 1>;
  Row before{}, above{}, row{};
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before = above;
    above = row;
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), above[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view typed, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  std::size_t least = typed.size() / 3 + 1;
  if (typed.size() > kMaxNameText) return best;
  for (const auto candidate : candidates) {
    if (candidate.size() > kMaxNameText) continue;
    const std::size_t d = distance(typed, candidate);
    if (d < least) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

}  // namespace hanse::model
