#pragma once

// A table of text in aligned columns, two blanks apart, no lines drawn: easy on the eye and on `awk`.

#include <string>
#include <vector>

#include "cli/terminal.hpp"

namespace hanse::cli {

enum class Align { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell a column; control characters are replaced. `style` colours the whole row.
  void add(std::vector<std::string> cells, Style style = Style::plain);
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  /// Titles, then rows, each line ended. Columns without a single non-empty cell are left out.
  [[nodiscard]] std::string text(bool color = false) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    Style style;
  };
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

/// "name   value" lines with the values aligned, for the details of one thing. Empty values are left out.
std::string facts(const std::vector<std::pair<std::string, std::string>>& lines, bool color = false);

}  // namespace hanse::cli
