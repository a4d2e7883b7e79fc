#pragma once

// How values read and are written by people: addresses, money, durations, sizes, ids. Every parser is total and
// bounded: it takes any text and yields a value or an error that says what was expected. Format and parse round-trip.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/money.hpp"
#include "base/time.hpp"
#include "model/ids.hpp"

namespace hanse::model {

inline constexpr std::size_t kMaxNumberText = 40;  ///< Bytes of an amount, a duration or a size.

/// bech32m (BIP-350), prefix "hanse": `hanse1…`, 32 bytes, 64 characters in all with its checksum.
std::string format_address(const AccountId& account);
Result<AccountId> parse_address(std::string_view text);  ///< Refuses mixed case, bad checksums, other lengths.

/// Credits with at least two and at most six decimals, without loss: "1.20", "0.000001", "1234.50". Differences that
/// are below zero are shown with a sign ("-0.50"), which parse_money refuses.
std::string format_money(Money amount);
/// "1.2", "25", "0.35"; at most six decimals; no sign, exponent or thousands separator. overflow: over kMaxMoney.
Result<Money> parse_money(std::string_view text);

/// "90s" "5m" "12h" "3d" "2w", and sums from large to small: "1h30m". A bare number is refused: the unit is missing. Up
/// to kMaxDurationSeconds (too_large), so that a time plus a duration stays a time.
inline constexpr std::uint64_t kMaxDurationSeconds = 36'500ULL * 86'400;
Result<std::uint64_t> parse_duration_s(std::string_view text);
std::string format_duration(std::uint64_t seconds);  ///< "1h30m", "45s", "0s"

/// "24GB" "16GiB" "512MB" "1TB"; decimal and binary units, in either case, "1.5TB" too if that
/// is a whole number of bytes; "24" is refused. Up to kMaxSizeBytes (too_large).
inline constexpr std::uint64_t kMaxSizeBytes = 1ULL << 60;
Result<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);  ///< Shortest exact form in the field's words: "80GB", "16GiB", "1234B".

/// "offer-7" or plain "7". Defined for offers, requests, leases and price classes.
template <class Tag>
Result<Id<Tag>> parse_id(std::string_view text);
template <class Tag>
std::string format_id(Id<Tag> id) {
  return std::string(Tag::prefix) + std::to_string(id.value);
}

/// "none" "pcie" "nvlink" "infiniband", in any case (offer.hpp).
enum class Interconnect : std::uint8_t;
Result<Interconnect> parse_interconnect(std::string_view text);

/// RFC 3339 in UTC, to the second: "2026-11-22T20:15:00Z". Times outside 1970 to 9999 read as the nearest of them.
std::string format_time(Time time);

/// What somebody wrote, as a message repeats it: in quotes, and shortened to 64 bytes.
std::string quoted(std::string_view text);

/// The candidate that a person most likely meant by `typed` (Levenshtein distance ≤ 1/3 of its length), or "". Of
/// equally near ones the first. Nothing is near to, or found among, texts longer than 64 bytes.
std::string_view nearest(std::string_view typed, const std::vector<std::string_view>& candidates);

}  // namespace hanse::model
