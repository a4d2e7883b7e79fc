#include "cli/chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace hanse::cli {
namespace {

constexpr std::size_t kLeastColumns = 24, kDotsWide = 2, kDotsHigh = 4;
constexpr unsigned kBraille = 0x2800;
// Bit of a dot in its character (Unicode block 2800), by column and row.
constexpr std::array<std::array<unsigned, kDotsHigh>, kDotsWide> kDots{
    {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}}};

/// How lines are told apart where there is no colour: dots drawn of so many, and what the legend shows.
struct Dash {
  std::size_t drawn, of;
  std::string_view legend;
};
constexpr std::array<Dash, 3> kDashes{{{1, 1, "━"}, {6, 10, "╍"}, {1, 4, "┈"}}};

std::string utf8(unsigned code) {
  return {static_cast<char>(0xe0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3f)),
          static_cast<char>(0x80 | (code & 0x3f))};
}

struct Scale {
  double low = 0, high = 0;
};

std::optional<Scale> scale_of(const std::vector<Series>& series) {
  std::optional<Scale> scale;
  for (const auto& line : series) {
    for (const double value : line.values) {
      if (value < 0) continue;
      if (!scale) scale = Scale{value, value};
      scale->low = std::min(scale->low, value);
      scale->high = std::max(scale->high, value);
    }
  }
  if (!scale) return scale;
  const double room = std::max((scale->high - scale->low) * 0.05, scale->high * 0.01);
  return Scale{std::max(scale->low - room, 0.0), scale->high + room};
}

/// A canvas of characters, each with its dots and the style of the last line that set one.
class Canvas {
 public:
  Canvas(std::size_t columns, std::size_t rows) : columns_(columns), rows_(rows), cells_(columns * rows) {}

  void draw(const Series& line, const Scale& scale, const Dash& dash) {
    const std::size_t width = columns_ * kDotsWide, height = rows_ * kDotsHigh;
    std::optional<std::size_t> before;
    for (std::size_t x = 0; x < width; ++x) {
      const double value = value_at(line, x, width);
      if (value < 0) {
        before.reset();
        continue;
      }
      const double share = (value - scale.low) / (scale.high - scale.low);
      const auto y = static_cast<std::size_t>(std::lround((1 - share) * static_cast<double>(height - 1)));
      const std::size_t from = std::min(before.value_or(y), y), to = std::max(before.value_or(y), y);
      before = y;
      if (x % dash.of >= dash.drawn) continue;
      for (std::size_t dot = from; dot <= to; ++dot) set(x, dot, line.style);
    }
  }

  [[nodiscard]] std::string row(std::size_t y, bool color) const {
    std::string out;
    for (std::size_t x = 0; x < columns_; ++x) {
      const Cell& cell = cells_[y * columns_ + x];
      out += cell.dots == 0 ? " " : paint(utf8(kBraille + cell.dots), cell.style, color);
    }
    return out;
  }

 private:
  struct Cell {
    unsigned dots = 0;
    Style style = Style::plain;
  };
  /// The value of the sample that lies there; with fewer samples than dots, each is as wide as it takes.
  static double value_at(const Series& line, std::size_t x, std::size_t width) {
    return line.values.empty() ? -1 : line.values[x * line.values.size() / width];
  }
  void set(std::size_t x, std::size_t y, Style style) {
    Cell& cell = cells_[y / kDotsHigh * columns_ + x / kDotsWide];
    cell.dots |= kDots[x % kDotsWide][y % kDotsHigh];
    cell.style = style;
  }

  std::size_t columns_, rows_;
  std::vector<Cell> cells_;
};

std::string padded(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, display_width(text)), ' ') + text;
}

}  // namespace

std::string line_chart(const std::vector<Series>& series, const ChartFrame& frame, std::string (*label)(double)) {
  const auto scale = scale_of(series);
  if (!scale || frame.rows == 0) return "";
  const std::string top = label(scale->high), bottom = label(scale->low);
  const std::size_t margin = std::max(display_width(top), display_width(bottom));
  const std::size_t columns = std::max(frame.columns, kLeastColumns) - margin - 2;
  Canvas canvas(columns, frame.rows);
  const auto dash_of = [&](std::size_t i) -> const Dash& { return kDashes[frame.color ? 0 : i % kDashes.size()]; };
  for (std::size_t i = 0; i < series.size(); ++i) canvas.draw(series[i], *scale, dash_of(i));
  std::string out;
  for (std::size_t y = 0; y < frame.rows; ++y) {
    const std::string name = y == 0 ? top : y + 1 == frame.rows ? bottom : "";
    out += padded(name, margin) + " │" + canvas.row(y, frame.color) + "\n";
  }
  const std::size_t gap = columns - std::min(columns, display_width(frame.from) + display_width(frame.to));
  out += std::string(margin + 2, ' ') + frame.from + std::string(gap, ' ') + frame.to + "\n";
  out += std::string(margin + 2, ' ');
  for (std::size_t i = 0; i < series.size(); ++i) {
    out += paint(std::string(dash_of(i).legend) + " " + series[i].name, series[i].style, frame.color) + "   ";
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "\n";
}

}  // namespace hanse::cli
