#include "model/where.hpp"

#include <algorithm>
#include <array>

#include "model/country.hpp"
#include "model/offer.hpp"
#include "model/text.hpp"

namespace hanse::model {

namespace {

constexpr std::array<std::string_view, 19> kFieldNames{"gpu",    "country",   "provider",     "machine", "kind",
                                                       "driver", "gpus",      "vram",         "cpu",     "memory",
                                                       "disk",   "inet_down", "inet_up",      "price",   "reliability",
                                                       "cuda",   "duration",  "interconnect", "verified"};
static_assert(kFieldNames.size() == static_cast<std::size_t>(WhereField::verified) + 1);

constexpr std::array<std::string_view, 8> kOpTexts{"=", "!=", "<", "<=", ">", ">=", " in ", " not in "};

constexpr std::size_t kShownLine = 100;  // characters of a long line around the place that an error points at

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
bool is_separator(char c) {
  return c == ' ' || c == '_' || c == '-';
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return upper(c); });
  return out;
}

bool contains(const std::vector<std::string>& sorted, std::string_view value) {
  const auto it = std::lower_bound(sorted.begin(), sorted.end(), value);
  return it != sorted.end() && *it == value;
}

/// The whole name, or a part of it that ends where a separator stands.
bool matches_model(const std::vector<std::string>& sorted, std::string_view folded) {
  for (std::size_t i = 1; i < folded.size(); ++i) {
    if (folded[i] == '-' && contains(sorted, folded.substr(0, i))) return true;
  }
  return contains(sorted, folded);
}

std::string trimmed_decimal(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

/// Codes in upper case, the members of a whole group replaced by its name.
std::vector<std::string> country_names(const std::vector<std::string>& values) {
  std::vector<std::string> names;
  std::transform(values.begin(), values.end(), std::back_inserter(names), [](const auto& v) { return upper(v); });
  for (const std::string_view group : {"EEA", "EU"}) {
    const auto members = country_group(group);
    if (!std::includes(names.begin(), names.end(), members.begin(), members.end())) continue;
    std::erase_if(names, [&](const auto& n) { return std::binary_search(members.begin(), members.end(), n); });
    names.insert(names.begin(), std::string(group));
    break;
  }
  return names;
}

std::string quoted_where_needed(std::string value) {
  const bool plain = value.find_first_of(" \t\"',[]=<>!") == std::string::npos;
  if (plain) return value;
  const char quote = value.find('"') == std::string::npos ? '"' : '\'';
  return quote + value + quote;
}

}  // namespace

bool is_number(WhereField field) {
  return field >= WhereField::gpus && field <= WhereField::interconnect;
}

std::string_view name_of(WhereField field) {
  return kFieldNames[static_cast<std::size_t>(field)];
}

std::string fold(WhereField field, std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (const char c : value) {
    if (field != WhereField::gpu || !is_separator(c)) {
      out += lower(c);
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  if (field == WhereField::gpu && !out.empty() && out.back() == '-') out.pop_back();
  return out;
}

bool allows(const Constraint& constraint, std::string_view folded) {
  const bool found = constraint.field == WhereField::gpu ? matches_model(constraint.values, folded)
                                                         : contains(constraint.values, folded);
  return found == (constraint.op == WhereOp::equal || constraint.op == WhereOp::in);
}

bool allows(const Constraint& constraint, std::int64_t value) {
  switch (constraint.op) {
    case WhereOp::equal:
      return value == constraint.number;
    case WhereOp::not_equal:
      return value != constraint.number;
    case WhereOp::less:
      return value < constraint.number;
    case WhereOp::less_equal:
      return value <= constraint.number;
    case WhereOp::greater:
      return value > constraint.number;
    case WhereOp::greater_equal:
      return value >= constraint.number;
    case WhereOp::in:
    case WhereOp::not_in:
      break;
  }
  return false;  // the parser gives no number field a list
}

std::int64_t parse_version(std::string_view text) {
  std::int64_t parts[2] = {0, 0};
  std::size_t part = 0;
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == '.' && part == 0 && digits > 0) {
      ++part;
      digits = 0;
    } else if (c >= '0' && c <= '9' && digits < 3) {
      parts[part] = parts[part] * 10 + (c - '0');
      ++digits;
    } else {
      return -1;
    }
  }
  return digits == 0 ? -1 : parts[0] * 1000 + parts[1];
}

std::string format_number(WhereField field, std::int64_t number) {
  switch (field) {
    case WhereField::vram:
    case WhereField::memory:
    case WhereField::disk:
      return format_size(static_cast<std::uint64_t>(number));
    case WhereField::inet_down:
    case WhereField::inet_up:
      return std::to_string(number) + "Mbps";
    case WhereField::price:
      return format_money(Money{number});
    case WhereField::reliability:
      return trimmed_decimal(format_money(Money{number}));
    case WhereField::cuda:
      return std::to_string(number / 1000) + "." + std::to_string(number % 1000);
    case WhereField::duration:
      return format_duration(static_cast<std::uint64_t>(number));
    case WhereField::interconnect:
      return std::string(name_of(static_cast<Interconnect>(number)));
    default:
      return std::to_string(number);
  }
}

std::string format_constraint(const Constraint& constraint) {
  std::string out(name_of(constraint.field));
  if (constraint.field == WhereField::verified) return out;
  out += kOpTexts[static_cast<std::size_t>(constraint.op)];
  if (is_number(constraint.field)) return out + format_number(constraint.field, constraint.number);

  std::vector<std::string> names = constraint.values;
  if (constraint.field == WhereField::country) names = country_names(constraint.values);
  const bool list = constraint.op == WhereOp::in || constraint.op == WhereOp::not_in;
  if (list) out += '[';
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += ',';
    out += quoted_where_needed(constraint.field == WhereField::gpu ? upper(names[i]) : names[i]);
  }
  if (list) out += ']';
  return out;
}

std::string point_at(std::string_view text, std::size_t offset, std::size_t length, std::string_view reason) {
  offset = std::min(offset, text.size());
  std::size_t begin = offset;
  while (begin > 0 && text[begin - 1] != '\n') --begin;
  const std::size_t end = std::min(text.find('\n', offset), text.size());
  length = std::clamp<std::size_t>(length, 1, std::max<std::size_t>(end - offset, 1));
  length = std::min(length, kShownLine / 2);

  const bool cut_left = offset - begin > kShownLine / 2;
  if (cut_left) begin = offset - kShownLine / 2;
  const bool cut_right = end - begin > kShownLine;
  std::string line(text.substr(begin, cut_right ? kShownLine : end - begin));
  std::replace_if(line.begin(), line.end(), [](char c) { return c == '\t'; }, ' ');
  std::replace_if(line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, '?');

  std::string out = cut_left ? "..." : "";
  const std::size_t column = out.size() + (offset - begin);
  out += line;
  if (cut_right) out += "...";
  return out + '\n' + std::string(column, ' ') + std::string(length, '^') + ' ' + std::string(reason);
}

}  // namespace hanse::model
