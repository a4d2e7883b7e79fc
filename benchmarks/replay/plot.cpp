#include "replay/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace hanse::replay {
namespace {

constexpr double kWidth = 430, kHeight = 190, kLeft = 56, kTop = 30, kGapY = 52, kRight = 14, kHead = 62;

constexpr const char* kStyle = R"(<style>
text{font:12px system-ui,sans-serif;fill:#24292f}.t{font-size:16px;font-weight:600}.h{font-weight:600}.s{fill:#57606a;font-size:11px}
.bg{fill:#fff}.g{stroke:#d8dee4;stroke-width:1}.l{fill:none;stroke-width:1.6;stroke-linejoin:round}
.c0{stroke:#0969da}.c1{stroke:#bc4c00}.c2{stroke:#1a7f37}.c3{stroke:#8c959f}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}.bg{fill:#0d1117}.g{stroke:#30363d}
.c0{stroke:#58a6ff}.c1{stroke:#f0883e}.c2{stroke:#3fb950}.c3{stroke:#6e7681}}
</style>
)";

std::string path(const Line& line, const auto& x_of, const auto& y_of) {
  std::string out;
  for (std::size_t i = 0; i < line.points.size(); ++i) {
    const auto [x, y] = line.points[i];
    // Of a level stretch only its ends.
    const bool level =
        i > 0 && i + 1 < line.points.size() && line.points[i - 1].second == y && line.points[i + 1].second == y;
    if (!level) out += fmt::format("{}{:.1f} {:.1f}", out.empty() ? "M" : "L", x_of(x), y_of(y));
  }
  return fmt::format("<path class=\"l c{}\"{} d=\"{}\"/>\n", line.color, line.dashed ? " stroke-dasharray=\"5 3\"" : "",
                     out);
}

std::string draw_panel(const Panel& panel, double left, double top) {
  double high = panel.y_high;
  if (high == 0) {
    for (const auto& line : panel.lines) {
      for (const auto& point : line.points) high = std::max(high, point.second * 1.05);
    }
  }
  if (high <= panel.y_low) high = panel.y_low + 1;
  const double width = kWidth - kLeft - kRight;
  const auto x_of = [&](double x) { return left + kLeft + (x - panel.x_low) / (panel.x_high - panel.x_low) * width; };
  const auto y_of = [&](double y) {
    return top + kHeight - (std::min(y, high) - panel.y_low) / (high - panel.y_low) * (kHeight - kTop);
  };
  std::string out = fmt::format("<text class=\"h\" x=\"{:.0f}\" y=\"{:.0f}\">{} <tspan class=\"s\">{}</tspan></text>\n",
                                left + kLeft, top + 16, panel.title, panel.y_title);
  for (const double y : ticks(panel.y_low, high, 4)) {
    out += fmt::format(
        "<path class=\"g\" d=\"M{:.1f} {:.1f}h{:.0f}\"/><text class=\"s\" x=\"{:.1f}\" y=\"{:.1f}\" "
        "text-anchor=\"end\">{:.4g}</text>\n",
        left + kLeft, y_of(y), width, left + kLeft - 6, y_of(y) + 4, y);
  }
  auto x_ticks = panel.x_ticks;
  if (x_ticks.empty()) {
    for (const double x : ticks(panel.x_low, panel.x_high, 6)) x_ticks.emplace_back(x, fmt::format("{:g}", x));
  }
  for (const auto& [x, text] : x_ticks) {
    out += fmt::format("<text class=\"s\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", x_of(x),
                       top + kHeight + 15, text);
  }
  out += fmt::format("<text class=\"s\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
                     left + kLeft + width / 2, top + kHeight + 30, panel.x_title);
  for (const auto& line : panel.lines) out += path(line, x_of, y_of);
  return out;
}

}  // namespace

std::vector<double> ticks(double low, double high, int count) {
  const double rough = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = power;
  for (const double factor : {2.0, 5.0, 10.0}) {
    if (step < rough) step = power * factor;
  }
  std::vector<double> out;
  for (double at = std::ceil(low / step) * step; at <= high + step * 1e-9; at += step) out.push_back(at);
  return out;
}

std::string draw(const std::string& title, const std::vector<Panel>& panels, int columns) {
  const int rows = (static_cast<int>(panels.size()) + columns - 1) / columns;
  const double width = kWidth * columns + 10, height = kHead + rows * (kHeight + kGapY);
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "role=\"img\">\n{2}<rect class=\"bg\" width=\"100%\" height=\"100%\"/>\n<text class=\"t\" x=\"14\" "
      "y=\"24\">{3}</text>\n",
      width, height, kStyle, title);
  double at = 14;
  for (const auto& line : panels.front().lines) {
    out += fmt::format("<path class=\"l c{}\"{} d=\"M{:.0f} 44h24\"/><text x=\"{:.0f}\" y=\"48\">{}</text>\n",
                       line.color, line.dashed ? " stroke-dasharray=\"5 3\"" : "", at, at + 30, line.name);
    at += 58 + 7.0 * static_cast<double>(line.name.size());
  }
  for (std::size_t i = 0; i < panels.size(); ++i) {
    const auto place = static_cast<int>(i);
    out += draw_panel(panels[i], kWidth * (place % columns), kHead + (kHeight + kGapY) * (place / columns));
  }
  return out + "</svg>\n";
}

}  // namespace hanse::replay
