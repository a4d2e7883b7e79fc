#include "cli/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <mutex>

#include "cli/exit_code.hpp"
#include "cli/interrupt.hpp"

namespace hanse::cli {
namespace {

struct Range {
  std::uint32_t low, high;
};

// Unicode 15: the blocks that matter for names and file names; a table of all would not change a table's look.
constexpr std::array<Range, 8> kZeroWidth{{{0x0300, 0x036F},
                                           {0x0483, 0x0489},
                                           {0x0591, 0x05BD},
                                           {0x064B, 0x065F},
                                           {0x200B, 0x200F},
                                           {0x20D0, 0x20FF},
                                           {0xFE00, 0xFE0F},
                                           {0xFE20, 0xFE2F}}};
constexpr std::array<Range, 10> kWide{{{0x1100, 0x115F},
                                       {0x2E80, 0x303E},
                                       {0x3041, 0x33FF},
                                       {0x3400, 0x4DBF},
                                       {0x4E00, 0x9FFF},
                                       {0xA000, 0xA4CF},
                                       {0xAC00, 0xD7A3},
                                       {0xF900, 0xFAFF},
                                       {0xFF00, 0xFF60},
                                       {0x1F300, 0x1FAFF}}};

// What turns the direction of the text around it, breaks lines, or shows as nothing: a name could pass for another.
constexpr std::array<Range, 8> kDeceptive{{{0x061C, 0x061C},
                                           {0x180E, 0x180E},
                                           {0x200B, 0x200C},
                                           {0x200E, 0x200F},
                                           {0x2028, 0x202E},
                                           {0x2060, 0x206F},
                                           {0xFEFF, 0xFEFF},
                                           {0xE0000, 0xE007F}}};

template <std::size_t N>
bool within(const std::array<Range, N>& ranges, std::uint32_t code) {
  return std::any_of(ranges.begin(), ranges.end(), [&](Range r) { return code >= r.low && code <= r.high; });
}

/// The character at `at` and how many bytes it takes; a bad byte is a character of its own.
std::pair<std::uint32_t, std::size_t> decode(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
  if (length <= 1 || at + length > text.size()) return {lead, 1};
  std::uint32_t code = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if (byte >> 6 != 2) return {lead, 1};
    code = (code << 6) | (byte & 0x3FU);
  }
  return {code, length};
}

std::atomic<bool> g_lost = false;

void write_all(int fd, std::string_view text) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      g_lost = true;
      if (!Interrupt::raise()) std::_Exit(kOutputLost);
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

Terminal Terminal::detect() {
  Terminal t;
  t.in_tty = ::isatty(STDIN_FILENO) == 1;
  t.out_tty = ::isatty(STDOUT_FILENO) == 1;
  t.err_tty = ::isatty(STDERR_FILENO) == 1;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool wanted = (no_color == nullptr || *no_color == 0) && (term == nullptr || std::string_view(term) != "dumb");
  t.out_color = t.out_tty && wanted;
  t.err_color = t.err_tty && wanted;
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) t.columns = size.ws_col;
  return t;
}

std::string paint(std::string_view text, Style style, bool color) {
  if (!color || style == Style::plain) return std::string(text);
  static constexpr std::array<std::string_view, 7> codes{"", "1", "2", "31", "32", "33", "36"};
  return "\x1b[" + std::string(codes[static_cast<std::size_t>(style)]) + "m" + std::string(text) + "\x1b[0m";
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto [code, length] = decode(text, at);
    at += length;
    if (length > 1 && within(kZeroWidth, code)) continue;
    width += length > 1 && within(kWide, code) ? 2 : 1;
  }
  return width;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto [code, length] = decode(text, at);
    const bool control = (code < 0x20 && code != '\n') || code == 0x7F || (length > 1 && code >= 0x80 && code < 0xA0) ||
                         (length == 1 && code >= 0x80) || within(kDeceptive, code);
    out += control ? "?" : std::string(text.substr(at, length));
    at += length;
  }
  return out;
}

std::string printable_name(std::string_view text) {
  std::string out = printable(text);
  std::replace(out.begin(), out.end(), '\n', '?');
  return out;
}

bool output_is_lost() {
  return g_lost;
}
void print_out(std::string_view text) {
  write_all(STDOUT_FILENO, text);
}
void print_err(std::string_view text) {
  write_all(STDERR_FILENO, text);
}

std::string ask_line(const Terminal& terminal, std::string_view question) {
  if (!terminal.in_tty || !terminal.err_tty) return "";
  print_err(std::string(question) + " ");
  std::string answer;
  if (!std::getline(std::cin, answer)) return "";
  answer.erase(answer.find_last_not_of(" \t\r") + 1);
  return answer.substr(std::min(answer.find_first_not_of(" \t"), answer.size()));
}

bool ask_yes_no(const Terminal& terminal, std::string_view question) {
  const auto answer = ask_line(terminal, std::string(question) + " [y/N]");
  return answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes";
}

}  // namespace hanse::cli
