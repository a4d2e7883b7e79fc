#include "cli/passphrase.hpp"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>

#include "cli/interrupt.hpp"
#include "cli/settings.hpp"
#include "cli/terminal.hpp"

namespace hanse::cli {
namespace {

constexpr std::size_t kMaxPassphraseBytes = 1024;
constexpr std::ptrdiff_t kLeastNewCharacters = 8;

/// Switches the terminal's echo off for as long as it lives.
class NoEcho {
 public:
  NoEcho() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ECHONL;
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

Result<std::string> checked(std::string text, std::string_view source) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty())
    return fail(ErrorCode::invalid_argument, "the passphrase from " + std::string(source) + " is empty");
  if (text.size() > kMaxPassphraseBytes) {
    return fail(ErrorCode::too_large, "the passphrase from " + std::string(source) + " is longer than 1024 bytes");
  }
  return text;
}

Result<std::string> from_descriptor(int fd) {
  static std::map<int, std::string> remembered;
  if (const auto found = remembered.find(fd); found != remembered.end()) return found->second;
  std::string text;
  std::array<char, 256> buffer;
  while (text.size() <= kMaxPassphraseBytes + 2) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return fail(ErrorCode::invalid_argument,
                  "--passphrase-fd " + std::to_string(fd) + " cannot be read: open it first, e.g. `3< file`");
    }
    if (n == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  auto result = checked(std::move(text), "--passphrase-fd");
  if (result) remembered[fd] = *result;
  return result;
}

Result<std::string> ask(std::string_view question) {
  print_err(question);
  NoEcho quiet;
  std::string line;
  char c = 0;
  while (line.size() <= kMaxPassphraseBytes) {
    if (Interrupt::came()) {
      print_err("\n");
      return fail(ErrorCode::wrong_state, "interrupted");
    }
    const ssize_t n = ::read(STDIN_FILENO, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || c == '\n') break;
    line += c;
  }
  return checked(std::move(line), "the prompt");
}

Result<std::string> from_any(const PassphraseSources& sources) {
  if (sources.fd >= 0) return from_descriptor(sources.fd);
  if (sources.environment) return checked(*sources.environment, "HANSE_PASSPHRASE");
  if (!sources.file.empty()) {
    auto text = read_text(sources.file);
    if (!text) return fail(text);
    return checked(std::move(*text), sources.file);
  }
  if (!sources.can_prompt) {
    return fail(ErrorCode::invalid_argument,
                "the wallet's passphrase is needed and there is no terminal to ask on: set HANSE_PASSPHRASE or give "
                "--passphrase-fd N");
  }
  return ask(sources.question);
}

/// Who has the wallet's file can try as many as they like.
bool is_long_enough(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }) >= kLeastNewCharacters;
}

}  // namespace

Result<std::string> read_passphrase(const PassphraseSources& sources) {
  auto phrase = from_any(sources);
  if (!phrase || !sources.is_new) return phrase;
  if (!is_long_enough(*phrase)) {
    return fail(ErrorCode::invalid_argument,
                "a new passphrase has at least 8 characters: it is all that keeps who gets the wallet's file from "
                "the money. Nothing was written");
  }
  const bool was_asked = sources.fd < 0 && !sources.environment && sources.file.empty();
  if (!was_asked) return phrase;
  const auto second = ask("Again: ");
  if (!second) return second;
  if (*phrase != *second) return fail(ErrorCode::invalid_argument, "the two passphrases differ; nothing was written");
  return phrase;
}

}  // namespace hanse::cli
