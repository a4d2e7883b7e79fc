#include "cli/table.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace hanse::cli {
namespace {

std::string pad(const std::string& text, std::size_t width, Align align) {
  const std::size_t have = display_width(text);
  const std::string blanks(width > have ? width - have : 0, ' ');
  return align == Align::left ? text + blanks : blanks + text;
}

std::string trim_right(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

void Table::add(std::vector<std::string> cells, Style style) {
  HANSE_CHECK(cells.size() == columns_.size());
  for (auto& cell : cells) {
    cell = printable(cell);
    std::replace(cell.begin(), cell.end(), '\n', ' ');
  }
  rows_.push_back({std::move(cells), style});
}

std::vector<std::size_t> Table::widths(std::size_t most) const {
  constexpr std::size_t kGap = 2;
  std::vector<std::size_t> out(columns_.size(), 0);
  std::size_t total = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (const auto& row : rows_) out[i] = std::max(out[i], display_width(row.cells[i]));
    if (out[i] == 0) continue;
    out[i] = std::max(out[i], display_width(columns_[i].title));
    total += out[i] + kGap;
  }
  while (most != 0 && total > most + kGap) {
    std::size_t last = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out[i] != 0 && (out[last] == 0 || columns_[i].rank > columns_[last].rank)) last = i;
    }
    if (columns_[last].rank == 0) break;
    total -= out[last] + kGap;
    out[last] = 0;
  }
  return out;
}

std::string Table::text(bool color, std::size_t columns) const {
  const auto widths = this->widths(columns);
  const auto line = [&](const auto& cell_of, Style style) {
    std::string out;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (widths[i] == 0) continue;
      if (!out.empty()) out += "  ";
      out += pad(cell_of(i), widths[i], columns_[i].align);
    }
    return paint(trim_right(out), style, color) + "\n";
  };
  std::string out = line([&](std::size_t i) { return columns_[i].title; }, Style::dim);
  for (const auto& row : rows_) out += line([&](std::size_t i) { return row.cells[i]; }, row.style);
  return out;
}

std::string facts(const Facts& lines, bool color) {
  std::size_t width = 0;
  for (const auto& [name, value] : lines) {
    if (!value.empty()) width = std::max(width, display_width(name));
  }
  std::string out;
  for (const auto& [name, value] : lines) {
    if (value.empty()) continue;
    out += "  " + paint(pad(name, width, Align::left), Style::dim, color) + "  " + printable(value) + "\n";
  }
  return out;
}

}  // namespace hanse::cli
