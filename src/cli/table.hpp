#pragma once

// A table of text in aligned columns, two blanks apart, no lines drawn: easy on the eye and on `awk`.

#include <string>
#include <utility>
#include <vector>

#include "cli/terminal.hpp"

namespace hanse::cli {

enum class Align { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
  int rank = 0;  ///< Where the table is too wide, the column of the highest rank goes first; 0 stays.
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell a column; control characters are replaced. `style` colours the whole row.
  void add(std::vector<std::string> cells, Style style = Style::plain);
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  /// Titles, then rows, each line ended. Columns without a single non-empty cell are left out, and as many more by
  /// their rank as it takes to fit `columns` (0: as wide as it is).
  [[nodiscard]] std::string text(bool color = false, std::size_t columns = 0) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    Style style;
  };
  /// The width of each column, 0 for one that is left out.
  [[nodiscard]] std::vector<std::size_t> widths(std::size_t most) const;

  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

/// "name   value" lines with the values aligned, for the details of one thing. Empty values are left out.
using Facts = std::vector<std::pair<std::string, std::string>>;
std::string facts(const Facts& lines, bool color = false);

}  // namespace hanse::cli
