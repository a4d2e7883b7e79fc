#pragma once

// Line charts as SVG, in panels side by side; readable on light and dark pages.

#include <string>
#include <utility>
#include <vector>

namespace hanse::replay {

struct Line {
  std::string name;
  int color = 0;  ///< 0 to 3.
  bool dashed = false;
  std::vector<std::pair<double, double>> points;  ///< By x.
};

struct Panel {
  std::string title, x_title, y_title;
  std::vector<Line> lines;
  double x_low = 0, x_high = 1, y_low = 0, y_high = 0;  ///< y_high 0: as high as the lines.
  std::vector<std::pair<double, std::string>> x_ticks;  ///< None: chosen.
};

/// One legend for all: of the first panel's lines. Panels stand in rows of `columns`.
[[nodiscard]] std::string draw(const std::string& title, const std::vector<Panel>& panels, int columns);

/// About `count` round numbers from low to high.
[[nodiscard]] std::vector<double> ticks(double low, double high, int count);

}  // namespace hanse::replay
