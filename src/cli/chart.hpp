#pragma once

// Lines over time in a terminal: braille dots, two by four to a character, so that a week of hours fits a narrow one.

#include <string>
#include <vector>

#include "cli/terminal.hpp"

namespace hanse::cli {

/// One line of a chart. `values` are evenly spaced, oldest first; below 0: nothing there.
struct Series {
  std::string name;
  Style style = Style::plain;
  std::vector<double> values;
};

struct ChartFrame {
  std::size_t columns = 72;  ///< In all, with the labels; at least 24 are taken.
  std::size_t rows = 8;
  std::string from, to;  ///< What stands under the first and the last column.
  bool color = false;
};

/// All series on one scale, whose ends `label` writes; a legend below. Empty where no series has a value.
[[nodiscard]] std::string line_chart(const std::vector<Series>& series, const ChartFrame& frame,
                                     std::string (*label)(double));

}  // namespace hanse::cli
