#include "cli/chart.hpp"

#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace hanse::cli {
namespace {

std::string label(double value) {
  return std::to_string(static_cast<int>(value));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(Chart, IsNothingWhereThereIsNothingToShow) {
  EXPECT_EQ(line_chart({}, {}, label), "");
  EXPECT_EQ(line_chart({{"index", Style::plain, {-1, -1}}}, {}, label), "");
}

TEST(Chart, KeepsToItsWidthAndHeight) {
  for (const std::size_t columns : {0U, 24U, 60U, 133U}) {
    for (const std::size_t samples : {1U, 2U, 50U, 1000U}) {
      Series line{"base", Style::yellow, {}};
      for (std::size_t i = 0; i < samples; ++i) line.values.push_back(static_cast<double>(i % 37));
      const auto lines = lines_of(line_chart({line}, {columns, 6, "a", "b", false}, label));
      ASSERT_EQ(lines.size(), 8U);
      for (const auto& text : lines) EXPECT_LE(display_width(text), std::max<std::size_t>(columns, 24));
    }
  }
}

TEST(Chart, ALineThatRisesEndsAboveWhereItBegan) {
  const auto lines =
      lines_of(line_chart({{"base", Style::plain, {1, 2, 3, 4, 5, 6, 7, 8}}}, {40, 5, "", "", false}, label));
  const auto drawn = [](const std::string& line) { return line.substr(line.find("│") + 3); };
  EXPECT_EQ(drawn(lines[0]).front(), ' ') << "not yet above";
  EXPECT_NE(drawn(lines[0]).back(), ' ') << "above at the end";
  EXPECT_NE(drawn(lines[4]).front(), ' ') << "below at the beginning";
  EXPECT_EQ(drawn(lines[4]).back(), ' ');
}

TEST(Chart, GapsStayGaps) {
  const std::string with_gap = line_chart({{"x", Style::plain, {1, 1, -1, -1, 1, 1}}}, {30, 1, "", "", false}, label);
  const auto row = lines_of(with_gap).front();
  const auto body = row.substr(row.find("│") + 3);
  EXPECT_NE(body.find("   "), std::string::npos);
  EXPECT_NE(body.front(), ' ');
  EXPECT_NE(body.back(), ' ');
}

TEST(Chart, WithoutColourEachLineHasADashOfItsOwn) {
  std::vector<Series> series;
  for (const auto* name : {"index", "base", "spot"}) series.push_back({name, Style::plain, {1}});
  const auto plain = lines_of(line_chart(series, {30, 2, "", "", false}, label));
  EXPECT_NE(plain.back().find("━ index   ╍ base   ┈ spot"), std::string::npos) << plain.back();
  std::set<std::string> drawn;
  for (std::size_t i = 0; i < series.size(); ++i) {
    auto only = series;
    for (std::size_t k = 0; k < series.size(); ++k) only[k].values = {k == i ? 1.0 : -1.0};
    drawn.insert(line_chart(only, {30, 2, "", "", false}, label));
  }
  EXPECT_EQ(drawn.size(), 3U);
}

TEST(Chart, AFlatLineIsDrawn) {
  const auto lines = lines_of(line_chart({{"x", Style::plain, {2, 2, 2}}}, {30, 4, "", "", false}, label));
  bool drawn = false;
  for (std::size_t i = 0; i < 4; ++i)
    drawn = drawn || lines[i].substr(lines[i].find("│") + 3).find_first_not_of(' ') != std::string::npos;
  EXPECT_TRUE(drawn);
}

}  // namespace
}  // namespace hanse::cli
