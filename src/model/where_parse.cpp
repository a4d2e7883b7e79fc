// The parser of the `where` language: one pass, no allocation but for what it returns.

#include <algorithm>
#include <array>
#include <optional>

#include "model/country.hpp"
#include "model/lease.hpp"
#include "model/text.hpp"
#include "model/where.hpp"
#include "model/where_parts.hpp"

namespace hanse::model {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
/// What may stand in a value without quotes.
bool is_bare(char c) {
  return c > ' ' && c <= '~' && std::string_view("\"',[]=<>!").find(c) == std::string_view::npos;
}

bool same_word(std::string_view typed, std::string_view name) {
  return typed.size() == name.size() && std::equal(typed.begin(), typed.end(), name.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

std::optional<WhereField> find_field(std::string_view word) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(WhereField::verified); ++i) {
    const auto field = static_cast<WhereField>(i);
    if (same_word(word, name_of(field))) return field;
  }
  return std::nullopt;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Where> run() {
    if (text_.size() > kMaxWhereBytes) {
      return fail(ErrorCode::too_large, "the constraints take " + std::to_string(text_.size()) + " bytes: at most " +
                                            std::to_string(kMaxWhereBytes) + " are allowed");
    }
    skip_blanks();
    if (at_end()) return Where{};
    where_.reserve(4);
    while (!at_end()) {
      if (auto ok = constraint(); !ok) return fail(ok);
      if (auto ok = separator(); !ok) return fail(ok);
    }
    return std::move(where_);
  }

 private:
  struct Piece {
    std::size_t offset;
    std::size_t length;  // with quotes
    std::string_view text;
  };

  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[at_]; }
  void skip_blanks() {
    while (!at_end() && is_blank(text_[at_])) ++at_;
  }
  /// The word that stands here; the cursor stays.
  [[nodiscard]] std::string_view word() const {
    std::size_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }
  [[nodiscard]] std::unexpected<Error> wrong(std::size_t offset, std::size_t length, std::string_view reason,
                                             ErrorCode code = ErrorCode::malformed) const {
    return fail(code, point_at(text_, offset, length, reason));
  }

  Result<> constraint();
  Result<> separator();
  Result<> unknown_field(std::string_view typed) const;
  Result<> read_op(Constraint& c);
  Result<> read_number(Constraint& c);
  Result<> read_list(Constraint& c);
  Result<> read_value(Constraint& c, bool in_list);
  Result<Piece> read_piece(bool in_list);
  Result<> add_value(Constraint& c, const Piece& piece);
  Result<> add_country(Constraint& c, const Piece& piece);
  Result<> finish(Constraint&& c);

  std::string_view text_;
  std::size_t at_ = 0;
  Where where_;
};

Result<> Parser::constraint() {
  const std::size_t start = at_;
  const auto typed = word();
  if (typed.empty()) return wrong(at_, 1, "expected a constraint here, such as vram>=80GB");
  const auto field = find_field(typed);
  if (!field) return unknown_field(typed);
  if (where_.size() == kMaxConstraints) {
    return wrong(at_, typed.size(), "at most " + std::to_string(kMaxConstraints) + " constraints are allowed",
                 ErrorCode::too_large);
  }
  Constraint c;
  c.field = *field;
  c.offset = static_cast<std::uint32_t>(start);
  at_ += typed.size();
  if (c.field != WhereField::verified) {
    skip_blanks();
    if (auto ok = read_op(c); !ok) return ok;
    skip_blanks();
    const bool list = c.op == WhereOp::in || c.op == WhereOp::not_in;
    auto ok = is_number(c.field) ? read_number(c) : list ? read_list(c) : read_value(c, false);
    if (!ok) return ok;
  }
  c.length = static_cast<std::uint32_t>(at_ - start);
  return finish(std::move(c));
}

Result<> Parser::separator() {
  if (at_end()) return {};
  const std::size_t before = at_;
  skip_blanks();
  if (at_end()) return {};
  if (before == at_) {
    const bool flag = where_.back().field == WhereField::verified;
    return wrong(at_, 1, flag ? "\"verified\" stands alone" : "unexpected here: separate constraints by blanks");
  }
  const auto next = word();
  if (!same_word(next, "and")) return {};
  at_ += next.size();
  skip_blanks();
  if (at_end()) return wrong(before, at_ - before, "a constraint must follow \"and\"");
  return {};
}

Result<> Parser::unknown_field(std::string_view typed) const {
  if (same_word(typed, "or")) {
    return wrong(at_, typed.size(), "there is no \"or\": name alternatives in a list, as in gpu in [H100,A100]");
  }
  std::vector<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(WhereField::verified); ++i)
    names.push_back(name_of(static_cast<WhereField>(i)));
  std::string reason = "unknown field " + quoted(typed);
  if (const auto meant = nearest(typed, names); !meant.empty()) {
    reason += ": did you mean " + quoted(meant) + "?";
  } else {
    reason += ": there are";
    for (const auto name : names) reason += (name == names.front() ? " " : ", ") + std::string(name);
  }
  return wrong(at_, typed.size(), reason);
}

Result<> Parser::read_op(Constraint& c) {
  struct Spelling {
    std::string_view text;
    WhereOp op;
  };
  // Longer spellings first.
  static constexpr std::array<Spelling, 7> kSpellings{{{"==", WhereOp::equal},
                                                       {"!=", WhereOp::not_equal},
                                                       {"<=", WhereOp::less_equal},
                                                       {">=", WhereOp::greater_equal},
                                                       {"=", WhereOp::equal},
                                                       {"<", WhereOp::less},
                                                       {">", WhereOp::greater}}};
  const std::size_t start = at_;
  const bool number = is_number(c.field);
  const std::string_view rest = text_.substr(at_);
  const auto found = std::find_if(kSpellings.begin(), kSpellings.end(),
                                  [&](const Spelling& s) { return rest.substr(0, s.text.size()) == s.text; });
  bool allowed = false;
  if (found != kSpellings.end()) {
    c.op = found->op;
    at_ += found->text.size();
    allowed = number || c.op == WhereOp::equal || c.op == WhereOp::not_equal;
  } else {
    bool negative = false;
    if (same_word(word(), "not")) {
      negative = true;
      at_ += 3;
      skip_blanks();
    }
    if (same_word(word(), "in")) {
      c.op = negative ? WhereOp::not_in : WhereOp::in;
      at_ += 2;
      allowed = !number;
    }
  }
  if (allowed) return {};
  return wrong(start, std::max<std::size_t>(at_ - start, 1),
               std::string(name_of(c.field)) +
                   (number ? " is a number and takes = != < <= > >=" : " takes = and !=, in [...] and not in [...]"));
}

Result<> Parser::read_number(Constraint& c) {
  const std::size_t start = at_;
  while (!at_end() && is_bare(text_[at_])) ++at_;
  const auto piece = text_.substr(start, at_ - start);
  if (piece.empty()) return wrong(start, 1, "a number must stand here");
  if (piece.front() == '-') return wrong(start, piece.size(), "nothing here can be negative");
  const auto number = parse_number(c.field, piece);
  if (!number) return wrong(start, piece.size(), number.error().message, number.error().code);
  c.number = *number;
  return {};
}

Result<> Parser::read_list(Constraint& c) {
  const std::size_t open = at_;
  if (peek() != '[') return wrong(at_, 1, "a list must stand here, such as [H100,A100]");
  ++at_;
  skip_blanks();
  if (peek() == ']') return wrong(open, at_ + 1 - open, "the list is empty");
  for (;;) {
    if (auto ok = read_value(c, true); !ok) return ok;
    skip_blanks();
    if (peek() == ']') break;
    if (at_end()) return wrong(open, 1, "the list that opens here is never closed: a ] is missing");
    if (peek() != ',') return wrong(at_, 1, "expected , or ] here");
    ++at_;
    skip_blanks();
  }
  ++at_;
  return {};
}

Result<Parser::Piece> Parser::read_piece(bool in_list) {
  const std::size_t start = at_;
  if (peek() == '"' || peek() == '\'') {
    const std::size_t close = text_.find(peek(), start + 1);
    if (close == std::string_view::npos) return wrong(start, 1, "the quote that opens here is never closed");
    at_ = close + 1;
    return Piece{start, at_ - start, text_.substr(start + 1, close - start - 1)};
  }
  std::size_t end = start;
  while (end < text_.size() && (is_bare(text_[end]) || (in_list && text_[end] == ' '))) ++end;
  while (end > start && text_[end - 1] == ' ') --end;
  at_ = end;
  return Piece{start, end - start, text_.substr(start, end - start)};
}

Result<> Parser::read_value(Constraint& c, bool in_list) {
  const auto piece = read_piece(in_list);
  if (!piece) return fail(piece);
  if (piece->text.empty()) return wrong(piece->offset, piece->length, "a value must stand here");
  if (piece->text.size() > kMaxValueBytes) {
    return wrong(piece->offset, piece->length, "longer than any name: at most 64 characters", ErrorCode::too_large);
  }
  const auto odd = std::find_if(piece->text.begin(), piece->text.end(), [](char ch) { return ch < ' ' || ch > '~'; });
  if (odd != piece->text.end()) {
    return wrong(static_cast<std::size_t>(odd - text_.begin()), 1, "only printable ASCII is allowed in a value");
  }
  return c.field == WhereField::country ? add_country(c, *piece) : add_value(c, *piece);
}

Result<> Parser::add_value(Constraint& c, const Piece& piece) {
  std::string value = fold(c.field, piece.text);
  if (value.empty()) return wrong(piece.offset, piece.length, "a name must stand here");
  if (c.field == WhereField::kind && value != "gpu" && value != "cpu") {
    return wrong(piece.offset, piece.length, "kind is gpu or cpu");
  }
  if (c.field == WhereField::provider && value.starts_with("hanse1")) {
    if (const auto address = parse_address(piece.text); !address) {
      return wrong(piece.offset, piece.length, address.error().message);
    }
  }
  const auto place = std::lower_bound(c.values.begin(), c.values.end(), value);
  if (place != c.values.end() && *place == value) return {};
  if (c.values.size() == kMaxValuesPerConstraint) {
    return wrong(piece.offset, piece.length, "at most 64 values in one constraint", ErrorCode::too_large);
  }
  c.values.insert(place, std::move(value));
  return {};
}

Result<> Parser::add_country(Constraint& c, const Piece& piece) {
  std::string code(piece.text);
  for (auto& ch : code) ch = ch >= 'a' && ch <= 'z' ? static_cast<char>(ch - 'a' + 'A') : ch;
  const auto members = country_group(code);
  if (members.empty() && !is_country(code)) {
    return wrong(piece.offset, piece.length,
                 code == "UK"
                     ? "the ISO 3166-1 code of the United Kingdom is GB"
                     : quoted(piece.text) + " is no country: write an ISO 3166-1 code such as DE, or EU or EEA");
  }
  if (members.empty()) return add_value(c, {piece.offset, piece.length, code});
  for (const auto member : members) {
    if (auto ok = add_value(c, {piece.offset, piece.length, member}); !ok) return ok;
  }
  if (c.op == WhereOp::equal) c.op = WhereOp::in;
  if (c.op == WhereOp::not_equal) c.op = WhereOp::not_in;
  return {};
}

Result<> Parser::finish(Constraint&& c) {
  std::size_t same_field = 0;
  for (const auto& other : where_) {
    if (other.field != c.field) continue;
    if (other.op == c.op && other.number == c.number && other.values == c.values) return {};
    ++same_field;
  }
  if (same_field == kMaxConstraintsPerField) {
    return wrong(c.offset, c.length, "at most 8 constraints on one field", ErrorCode::too_large);
  }
  if (const auto reason = conflict(where_, c); !reason.empty()) {
    return wrong(c.offset, c.length, reason, ErrorCode::invalid_argument);
  }
  where_.push_back(std::move(c));
  return {};
}

}  // namespace

Result<Where> parse_where(std::string_view text) {
  return Parser(text).run();
}

}  // namespace hanse::model
