#include "client/glob.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace hanse::client {

namespace {

constexpr std::size_t kMaxPatternBytes = 4096;  // as of any path

bool is_within(char c, char from, char to) {
  return c >= from && c <= to;
}

/// A POSIX class as git has it: of ASCII alone, and a blank, tab, newline and return are all that is space.
struct CharacterClass {
  std::string_view name;
  bool (*holds)(char);
};
bool is_upper(char c) {
  return is_within(c, 'A', 'Z');
}
bool is_lower(char c) {
  return is_within(c, 'a', 'z');
}
bool is_digit(char c) {
  return is_within(c, '0', '9');
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_printed(char c) {
  return is_within(c, 0x20, 0x7e);
}
constexpr std::array<CharacterClass, 12> kClasses{{
    {"alnum", [](char c) { return is_upper(c) || is_lower(c) || is_digit(c); }},
    {"alpha", [](char c) { return is_upper(c) || is_lower(c); }},
    {"blank", [](char c) { return c == ' ' || c == '\t'; }},
    {"cntrl", [](char c) { return is_within(c, 0, 0x1f) || c == 0x7f; }},
    {"digit", is_digit},
    {"graph", [](char c) { return is_printed(c) && c != ' '; }},
    {"lower", is_lower},
    {"print", is_printed},
    {"punct", [](char c) { return is_printed(c) && c != ' ' && !is_upper(c) && !is_lower(c) && !is_digit(c); }},
    {"space", is_space},
    {"upper", is_upper},
    {"xdigit", [](char c) { return is_digit(c) || is_within(c, 'a', 'f') || is_within(c, 'A', 'F'); }},
}};

}  // namespace

class Glob::Parser {
 public:
  explicit Parser(std::string_view pattern) : text_(pattern) {}

  Result<Glob> parse() {
    if (text_.size() > kMaxPatternBytes) return fail(ErrorCode::too_large, "it is longer than 4096 bytes");
    if (text_.find('\0') != text_.npos) return fail(ErrorCode::malformed, "it holds a zero byte: write plain text");
    while (at_ < text_.size()) {
      if (auto taken = step(); !taken) return fail(taken);
    }
    if (auto ended = end_name(); !ended) return fail(ended);
    return std::move(out_);
  }

 private:
  Result<> step() {
    const char c = text_[at_];
    if (c == '*') {
      stars();
      return {};
    }
    if (c == '[') return bracket();
    ++at_;
    if (c == '?') {
      add(Kind::any);
      return {};
    }
    if (c != '\\') return literal(c);
    begins_plain_ = false;
    if (at_ == text_.size()) {
      return fail(ErrorCode::malformed,
                  "the \\ at its end takes nothing as itself: leave it out, or write \\\\ for the character");
    }
    return literal(text_[at_++]);
  }

  Result<> literal(char c) {
    out_.tokens_.push_back({Kind::literal, static_cast<std::uint8_t>(c)});
    if (c == '/') return end_name();
    (c == '.' ? dots_ : others_) += 1;
    return {};
  }

  void add(Kind kind, std::size_t value = 0) {
    out_.tokens_.push_back({kind, static_cast<std::uint16_t>(value)});
    begins_plain_ = false;
    ++others_;
  }

  /// `**` goes across folders where it is all that stands between two slashes. What git compares as plain text before
  /// the first special character may stand before it, too: so it is in git.
  void stars() {
    const std::size_t first = at_;
    at_ = std::min(text_.find_first_not_of('*', at_), text_.size());
    const auto rest = text_.substr(at_);
    const bool opens = first == 0 || text_[first - 1] == '/' || begins_plain_;
    const bool closes = rest.empty() || rest.starts_with('/') || rest.starts_with("\\/");
    if (at_ - first == 1 || !opens || !closes) return add(Kind::name);
    if (!rest.starts_with('/')) return add(Kind::path);
    ++at_;
    const bool is_alone = dots_ + others_ == 0;  // then a new name begins behind it
    add(Kind::folders);
    if (is_alone) others_ = 0;
  }

  Result<> bracket() {
    const std::size_t open = at_++;
    std::bitset<256> set;
    const bool negated = at_ < text_.size() && (text_[at_] == '!' || text_[at_] == '^');
    if (negated) ++at_;
    from_ = 0;
    for (bool is_first = true; at_ >= text_.size() || text_[at_] != ']' || is_first; is_first = false) {
      if (auto taken = member(set, open); !taken) return taken;
    }
    ++at_;
    if (negated) set.flip();
    set.reset(0).reset('/');
    if (set.none()) {
      return fail(ErrorCode::malformed, "\"" + std::string(text_.substr(open, at_ - open)) +
                                            "\" takes no character that a name can have: write those that it is to");
    }
    out_.sets_.push_back(set);
    add(Kind::set, out_.sets_.size() - 1);
    return {};
  }

  /// The next character, range or class of a set.
  Result<> member(std::bitset<256>& set, std::size_t open) {
    const auto unclosed = [&] {
      return fail(ErrorCode::malformed, "\"" + std::string(text_.substr(open, 40)) +
                                            "\" is a set that no ] closes: add it, or write \\[ for the character");
    };
    if (at_ >= text_.size()) return unclosed();
    if (text_.substr(at_).starts_with("[:")) {
      const auto end = text_.find(']', at_ + 2);
      if (end == text_.npos) return unclosed();
      if (end > at_ + 2 && text_[end - 1] == ':') {
        const auto name = text_.substr(at_ + 2, end - at_ - 3);
        at_ = end + 1;
        from_ = 0;
        return character_class(set, name);
      }
    }
    const bool is_range = text_[at_] == '-' && from_ != 0 && at_ + 1 < text_.size() && text_[at_ + 1] != ']';
    if (is_range) ++at_;
    if (text_[at_] == '\\' && ++at_ == text_.size()) return unclosed();
    const auto c = static_cast<std::uint8_t>(text_[at_++]);
    if (!is_range) set.set(c);
    for (unsigned i = from_; is_range && i <= c; ++i) set.set(i);
    from_ = is_range ? 0 : c;
    return {};
  }

  static Result<> character_class(std::bitset<256>& set, std::string_view name) {
    const auto found = std::find_if(kClasses.begin(), kClasses.end(), [&](const auto& c) { return c.name == name; });
    if (found == kClasses.end()) {
      std::string known;
      for (const auto& one : kClasses) known.append(known.empty() ? "" : ", ").append(one.name);
      return fail(ErrorCode::malformed,
                  "[:" + std::string(name.substr(0, 40)) + ":] is no class of characters: there are " + known);
    }
    for (int c = 0; c < 128; ++c) {
      if (found->holds(static_cast<char>(c))) set.set(static_cast<std::size_t>(c));
    }
    return {};
  }

  /// What stands between two slashes is a name that a path can hold.
  Result<> end_name() {
    const bool is_empty = dots_ + others_ == 0, is_dots = others_ == 0 && dots_ <= 2;
    dots_ = others_ = 0;
    if (is_empty) return fail(ErrorCode::malformed, "a name in it is empty: one slash stands between two names");
    if (is_dots) return fail(ErrorCode::malformed, "no path holds a name \".\" or \"..\"");
    return {};
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  bool begins_plain_ = true;           ///< Nothing but plain characters so far.
  std::size_t dots_ = 0, others_ = 0;  ///< What the name that is being read is made of.
  std::uint8_t from_ = 0;              ///< The character that a range in a set may begin with; 0: none.
  Glob out_;
};

Result<Glob> Glob::parse(std::string_view pattern) {
  return Parser(pattern).parse();
}

bool Glob::takes(const Token& token, char c) const {
  if (token.kind == Kind::any) return c != '/';
  if (token.kind == Kind::set) return sets_[token.value][static_cast<std::uint8_t>(c)];
  return static_cast<std::uint8_t>(c) == token.value;
}

bool Glob::matches(std::string_view path) const {
  // Where to go on when what follows does not fit: the last `name` takes one more character, within its name; else the
  // last `folders` or `path` takes more. Those before it need no second look: what they could still take, it can.
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  struct Retry {
    std::size_t token = kNone, at = 0;
  };
  Retry name, folders;
  std::size_t token = 0, at = 0;
  for (;;) {
    if (token == tokens_.size()) {
      if (at == path.size()) return true;
    } else if (const auto kind = tokens_[token].kind; kind == Kind::name) {
      name = {++token, at};
      continue;
    } else if (kind == Kind::folders || kind == Kind::path) {
      if (++token == tokens_.size() && kind == Kind::path) return true;
      folders = {token, at};
      name = {};
      continue;
    } else if (at < path.size() && takes(tokens_[token], path[at])) {
      ++token, ++at;
      continue;
    }
    if (name.token != kNone && name.at < path.size() && path[name.at] != '/') {
      token = name.token;
      at = ++name.at;
      continue;
    }
    if (folders.token == kNone) return false;
    const bool by_folder = tokens_[folders.token - 1].kind == Kind::folders;
    const auto next = by_folder ? path.find('/', folders.at) : folders.at;
    if (next >= path.size()) return false;
    token = folders.token;
    at = folders.at = next + 1;
    name = {};
  }
}

bool is_pattern(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '*' || text[i] == '?' || text[i] == '[') {
      return true;
    }
  }
  return false;
}

std::string without_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

bool glob_matches(std::string_view pattern, std::string_view path) {
  if (pattern.ends_with('/')) pattern.remove_suffix(1);
  const auto glob = Glob::parse(pattern);
  return glob && glob->matches(path);
}

}  // namespace hanse::client
