#pragma once

// Where words go: results on stdout, everything else (progress, questions, errors) on stderr, so that a pipe only ever
// carries results. Colour only on a terminal that wants it (NO_COLOR, TERM=dumb). Printing is thread-safe:
// what one call prints stays together.

#include <string>
#include <string_view>

namespace hanse::cli {

struct Terminal {
  bool in_tty = false, out_tty = false, err_tty = false;
  bool out_color = false, err_color = false;
  std::size_t columns = 80;

  /// As the process's streams and environment are now.
  static Terminal detect();
};

enum class Style { plain, bold, dim, red, green, yellow, cyan };

/// `text` in that style, or as it is without colour.
std::string paint(std::string_view text, Style style, bool color);

/// Columns that UTF-8 text takes on a terminal: combining marks none, East Asian wide characters two. Bytes that are
/// not UTF-8 take one each.
std::size_t display_width(std::string_view text);

/// Text from elsewhere (names, notes) made safe to print: control characters, those that turn the direction of text or
/// show as nothing, and bytes that are not UTF-8 become '?'. Newlines stay.
std::string printable(std::string_view text);
/// The same of a name, which is to stay on one line.
std::string printable_name(std::string_view text);

/// Whole, to stdout. When that fails (the reader is gone, the disk is full) the process ends with kOutputLost; while an
/// Interrupt lives it is interrupted instead, so that it can end what costs money, and prints no more.
void print_out(std::string_view text);
void print_err(std::string_view text);  ///< The same, to stderr.
bool output_is_lost();                  ///< Something could not be printed.

/// A line from the terminal, without blanks around it; empty without a terminal.
std::string ask_line(const Terminal& terminal, std::string_view question);
/// Asks on the terminal; the default answer is no. False without a terminal.
bool ask_yes_no(const Terminal& terminal, std::string_view question);

}  // namespace hanse::cli
