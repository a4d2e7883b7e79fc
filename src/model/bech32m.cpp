#include "model/bech32m.hpp"

#include <optional>

#include "base/check.hpp"

namespace hanse::model {
namespace {

constexpr std::uint32_t kConstant = 0x2bc830a3;

// One step of the BCH code's remainder.
constexpr std::uint32_t step(std::uint32_t remainder, std::uint8_t value) {
  constexpr std::array<std::uint32_t, 5> kGenerator{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
  const std::uint32_t top = remainder >> 25;
  remainder = ((remainder & 0x1ffffff) << 5) ^ value;
  for (std::size_t i = 0; i < kGenerator.size(); ++i) {
    if (((top >> i) & 1) != 0) remainder ^= kGenerator[i];
  }
  return remainder;
}

std::uint32_t start_with(std::string_view prefix) {
  std::uint32_t remainder = 1;
  for (const char c : prefix) remainder = step(remainder, static_cast<std::uint8_t>(c >> 5));
  remainder = step(remainder, 0);
  for (const char c : prefix) remainder = step(remainder, static_cast<std::uint8_t>(c & 31));
  return remainder;
}

std::vector<std::uint8_t> to_groups_of_five(ByteView data) {
  std::vector<std::uint8_t> groups;
  groups.reserve((data.size() * 8 + 4) / 5);
  std::uint32_t pending = 0;
  int bits = 0;
  for (const auto byte : data) {
    pending = ((pending << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) groups.push_back(static_cast<std::uint8_t>((pending >> (bits - 5)) & 31));
  }
  if (bits > 0) groups.push_back(static_cast<std::uint8_t>((pending << (5 - bits)) & 31));
  return groups;
}

// nullopt when the bits left over are not a padding of fewer than five zeros.
std::optional<Bytes> from_groups_of_five(std::span<const std::uint8_t> groups) {
  Bytes data;
  data.reserve(groups.size() * 5 / 8);
  std::uint32_t pending = 0;
  int bits = 0;
  for (const auto group : groups) {
    pending = ((pending << 5) | group) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    data.push_back(static_cast<std::uint8_t>((pending >> bits) & 0xff));
  }
  if (bits >= 5 || (pending & ((1U << bits) - 1)) != 0) return std::nullopt;
  return data;
}

// Lower case, or nullopt for mixed case.
std::optional<std::string> in_one_case(std::string_view text) {
  bool lower = false;
  bool upper = false;
  std::string out(text);
  for (auto& c : out) {
    lower |= c >= 'a' && c <= 'z';
    upper |= c >= 'A' && c <= 'Z';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (lower && upper) return std::nullopt;
  return out;
}

}  // namespace

std::string format_bech32m(std::string_view prefix, ByteView data) {
  const auto groups = to_groups_of_five(data);
  HANSE_CHECK(!prefix.empty() && prefix.size() + 1 + groups.size() + kBech32mChecksum <= kMaxBech32mText);
  std::uint32_t remainder = start_with(prefix);
  std::string out(prefix);
  out.push_back('1');
  for (const auto group : groups) {
    remainder = step(remainder, group);
    out.push_back(kBech32mAlphabet[group]);
  }
  for (std::size_t i = 0; i < kBech32mChecksum; ++i) remainder = step(remainder, 0);
  remainder ^= kConstant;
  for (std::size_t i = 0; i < kBech32mChecksum; ++i) {
    out.push_back(kBech32mAlphabet[(remainder >> (5 * (kBech32mChecksum - 1 - i))) & 31]);
  }
  return out;
}

Result<Bytes> parse_bech32m(std::string_view prefix, std::string_view text) {
  if (text.size() > kMaxBech32mText) return fail(ErrorCode::malformed, "too long for an address");
  const auto lower = in_one_case(text);
  if (!lower) return fail(ErrorCode::malformed, "upper and lower case are mixed");
  const std::size_t start = prefix.size() + 1;
  if (lower->substr(0, start) != std::string(prefix) + "1") {
    return fail(ErrorCode::malformed, "it does not begin with \"" + std::string(prefix) + "1\"");
  }
  if (lower->size() < start + kBech32mChecksum) return fail(ErrorCode::malformed, "it is cut short");

  std::uint32_t remainder = start_with(prefix);
  std::vector<std::uint8_t> groups;
  groups.reserve(lower->size() - start);
  for (const char c : std::string_view(*lower).substr(start)) {
    const auto value = kBech32mAlphabet.find(c);
    if (value == std::string_view::npos) {
      return fail(ErrorCode::malformed, "a character in it is never part of an address");
    }
    groups.push_back(static_cast<std::uint8_t>(value));
    remainder = step(remainder, groups.back());
  }
  if (remainder != kConstant) return fail(ErrorCode::malformed, "its checksum is wrong: a character was mistyped");
  auto data = from_groups_of_five(std::span(groups).first(groups.size() - kBech32mChecksum));
  if (!data) return fail(ErrorCode::malformed, "its last characters are not an encoding of whole bytes");
  return std::move(*data);
}

}  // namespace hanse::model
