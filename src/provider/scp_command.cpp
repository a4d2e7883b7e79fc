#include "provider/scp_command.hpp"

#include <glob.h>
#include <unistd.h>

#include <array>

namespace hanse::provider {
namespace {

constexpr std::size_t kMaxCommandBytes = 64 * 1024;
constexpr std::size_t kMaxPaths = 100'000;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool is_one_of(char c, std::string_view those) {
  return those.find(c) != std::string_view::npos;
}

/// Reads words as sh does, as far as they are plain text and wildcards.
class WordReader {
 public:
  explicit WordReader(std::string_view text) : rest_(text) {}

  /// nullopt at the end, and where something stands that only a shell can do: then is_plain() is false.
  std::optional<ScpName> next() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
    if (rest_.empty() || !is_plain_) return std::nullopt;
    name_ = {};
    if (rest_.front() == '#') is_plain_ = false;
    if (rest_.front() == '~') take_home();
    while (is_plain_ && !rest_.empty() && !is_blank(rest_.front())) take();
    return is_plain_ ? std::optional(name_) : std::nullopt;
  }
  [[nodiscard]] bool is_plain() const { return is_plain_; }

 private:
  char pop() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  void add(char c, bool is_quoted) {
    if (is_quoted && is_one_of(c, "*?[]\\-!^")) name_.pattern += '\\';
    name_.text += c;
    name_.pattern += c;
  }

  void take_home() {
    (void)pop();
    name_.is_at_home = true;
    is_plain_ = rest_.empty() || is_blank(rest_.front()) || rest_.front() == '/';
  }

  void take() {
    const char c = pop();
    if (is_one_of(c, ";|&<>()$`\n")) {
      is_plain_ = false;
    } else if (c == '\'') {
      take_single_quoted();
    } else if (c == '"') {
      take_double_quoted();
    } else if (c == '\\') {
      is_plain_ = !rest_.empty() && rest_.front() != '\n';
      if (is_plain_) add(pop(), true);
    } else {
      name_.is_wild |= is_one_of(c, "*?[");
      add(c, false);
    }
  }

  void take_single_quoted() {
    while (!rest_.empty() && rest_.front() != '\'') add(pop(), true);
    is_plain_ = !rest_.empty();
    if (is_plain_) (void)pop();
  }

  void take_double_quoted() {
    while (!rest_.empty() && rest_.front() != '"' && is_plain_) {
      char c = pop();
      if (c == '$' || c == '`') is_plain_ = false;
      if (c == '\\' && !rest_.empty() && is_one_of(rest_.front(), "$`\"\\\n")) {
        c = pop();
        if (c == '\n') continue;
      }
      add(c, true);
    }
    is_plain_ = is_plain_ && !rest_.empty();
    if (is_plain_) (void)pop();
  }

  std::string_view rest_;
  ScpName name_;
  bool is_plain_ = true;
};

/// "-rpt"; false for an option that is none of this protocol's.
bool take_options(std::string_view letters, ScpCommand& command, bool& is_source) {
  for (const char letter : letters) {
    switch (letter) {
      case 't':
        command.is_sink = true;
        break;
      case 'f':
        is_source = true;
        break;
      case 'r':
        command.is_recursive = true;
        break;
      case 'p':
        command.keeps_times = true;
        break;
      case 'd':
        command.into_folder = true;
        break;
      case 'v':
      case 'q':
        break;
      default:
        return false;
    }
  }
  return true;
}

std::string working_folder() {
  std::array<char, 4096> folder{};
  return ::getcwd(folder.data(), folder.size()) != nullptr ? folder.data() : "/";
}

/// False: too many.
bool add_matches(const ScpName& name, const std::string& home, std::vector<std::string>& paths) {
  glob_t found{};
  const int failed = ::glob((home + name.pattern).c_str(), 0, nullptr, &found);
  const std::size_t count = failed == 0 ? found.gl_pathc : 0;
  const bool fits = failed != GLOB_NOSPACE && paths.size() + count <= kMaxPaths;
  for (std::size_t i = 0; fits && i < count; ++i) paths.emplace_back(found.gl_pathv[i]);
  if (fits && count == 0) paths.push_back(home + name.text);
  ::globfree(&found);
  return fits;
}

}  // namespace

std::optional<ScpCommand> parse_scp_command(std::string_view text) {
  if (text.size() > kMaxCommandBytes || text.find('\0') != std::string_view::npos) return std::nullopt;
  WordReader words(text);
  const auto program = words.next();
  if (!program || program->text != "scp" || program->is_at_home) return std::nullopt;
  ScpCommand command;
  bool is_source = false, are_options = true;
  while (auto word = words.next()) {
    are_options = are_options && word->text.size() > 1 && word->text.front() == '-' && !word->is_at_home;
    if (!are_options) {
      command.names.push_back(std::move(*word));
    } else if (word->text == "--") {
      are_options = false;
    } else if (word->is_wild || !take_options(std::string_view(word->text).substr(1), command, is_source)) {
      return std::nullopt;
    }
  }
  if (!words.is_plain() || command.is_sink == is_source || command.names.empty()) return std::nullopt;
  return command;
}

Result<std::vector<std::string>> expand_names(const std::vector<ScpName>& names) {
  std::vector<std::string> paths;
  for (const auto& name : names) {
    const std::string home = name.is_at_home ? working_folder() : "";
    const bool fits = name.is_wild ? add_matches(name, home, paths) : paths.size() < kMaxPaths;
    if (!fits) return fail(ErrorCode::too_large, "at most 100000 names may be given: copy their folder with -r");
    if (!name.is_wild) paths.push_back(home + name.text);
  }
  return paths;
}

}  // namespace hanse::provider
