#pragma once

// Patterns of paths, for what is left out of a copy and what is brought back. They match as git's do: `*` and `?` stand
// for characters of one name, `[...]` for one of a set (`[a-z]`, `[!x]`, `[[:digit:]]`), `**` between slashes for any
// folders or none, and at the end for all below; a `\` takes the next character as itself. Letters count as they are
// written, and a name that begins with a dot is as any other. Ours, for fnmatch(3) knows no `**`, and libgit2 reads
// what lies in git's own files alone. Thread-safe.

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hanse::client {

class Glob {
 public:
  /// The whole of a relative path. malformed where no path could ever match, with what to write instead: a set that is
  /// not closed, an escape of nothing, an empty name or one that is "." or "..".
  static Result<Glob> parse(std::string_view pattern);
  /// In time that grows as the pattern's length times the path's.
  [[nodiscard]] bool matches(std::string_view path) const;

 private:
  enum class Kind : std::uint8_t {
    literal,  ///< This character.
    any,      ///< One character, but no slash.
    set,      ///< One character of a set.
    name,     ///< Any number of characters, but no slash.
    folders,  ///< Nothing, or anything up to a slash and with it.
    path,     ///< Anything.
  };
  struct Token {
    Kind kind;
    std::uint16_t value = 0;  ///< The character, or the number of the set.
  };
  class Parser;

  [[nodiscard]] bool takes(const Token& token, char c) const;

  std::vector<Token> tokens_;
  std::vector<std::bitset<256>> sets_;
};

/// Does a `*`, a `?` or a `[` stand in it that no `\` takes as itself?
[[nodiscard]] bool is_pattern(std::string_view text);

/// The name that a text means which is no pattern: `a\*b` is "a*b".
[[nodiscard]] std::string without_escapes(std::string_view text);

/// False for a pattern that Glob::parse() refuses, too. A slash at the end of the pattern counts for nothing.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view path);

}  // namespace hanse::client
