// The numbers of the `where` language, each in the units of its field.

#include <algorithm>

#include "model/text.hpp"
#include "model/where_parts.hpp"

namespace hanse::model {

namespace {

constexpr std::int64_t kMaxMbps = 1'000'000'000;
constexpr std::int64_t kMaxCount = 1'000'000;
constexpr std::uint64_t kMaxDurationS = 100ULL * 366 * 86400;

/// "500", "500Mbps", "1.5Gbps"; digits of the number are read as parse_money reads them, to six decimals.
Result<std::int64_t> parse_mbps(std::string_view text) {
  const std::size_t unit_at = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = parse_money(text.substr(0, unit_at));
  const auto unit = text.substr(unit_at);
  const bool mega = unit.empty() || unit == "Mbps" || unit == "mbps";
  const bool giga = unit == "Gbps" || unit == "gbps";
  if (!number || !(mega || giga)) {
    return fail(ErrorCode::malformed, quoted(text) + " is not a speed: write one such as 500Mbps or 1Gbps");
  }
  if (number->micros > kMaxMbps * kMicrosPerCredit / 1000) {
    return fail(ErrorCode::too_large, quoted(text) + " is too fast: speeds go up to 1000000Mbps");
  }
  const std::int64_t scaled = number->micros * (giga ? 1000 : 1);
  if (scaled % kMicrosPerCredit != 0) {
    return fail(ErrorCode::malformed, quoted(text) + " is not a whole number of Mbps");
  }
  return scaled / kMicrosPerCredit;
}

Result<std::int64_t> parse_count(std::string_view text) {
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return fail(ErrorCode::malformed, quoted(text) + " is not a whole number, such as 8");
    value = value * 10 + (c - '0');
    if (value > kMaxCount) return fail(ErrorCode::too_large, quoted(text) + " is too large: counts go up to 1000000");
  }
  return value;
}

Result<std::int64_t> signed_of(const Result<std::uint64_t>& parsed, std::uint64_t most, std::string_view limit) {
  if (!parsed) return fail(parsed);
  if (*parsed > most) return fail(ErrorCode::too_large, "too large: " + std::string(limit));
  return static_cast<std::int64_t>(*parsed);
}

}  // namespace

Result<std::int64_t> parse_number(WhereField field, std::string_view text) {
  switch (field) {
    case WhereField::gpus:
    case WhereField::cpu:
      return parse_count(text);
    case WhereField::vram:
    case WhereField::memory:
    case WhereField::disk:
      return signed_of(parse_size(text), 1ULL << 60, "sizes go up to 1EiB");
    case WhereField::inet_down:
    case WhereField::inet_up:
      return parse_mbps(text);
    case WhereField::duration:
      return signed_of(parse_duration_s(text), kMaxDurationS, "durations go up to 100 years");
    case WhereField::price: {
      const auto money = parse_money(text);
      if (!money) return fail(money);
      return money->micros;
    }
    case WhereField::reliability: {
      const auto ratio = parse_money(text);
      if (ratio && ratio->micros <= 1'000'000) return ratio->micros;
      return fail(ErrorCode::malformed, quoted(text) + " is not a reliability: write one from 0 to 1, such as 0.99");
    }
    case WhereField::cuda: {
      const std::int64_t version = parse_version(text);
      if (version >= 0) return version;
      return fail(ErrorCode::malformed, quoted(text) + " is not a CUDA version: write one such as 12.4");
    }
    case WhereField::interconnect: {
      const auto interconnect = parse_interconnect(text);
      if (!interconnect) return fail(interconnect);
      return static_cast<std::int64_t>(*interconnect);
    }
    default:
      return fail(ErrorCode::internal, "not a number field");
  }
}

}  // namespace hanse::model
