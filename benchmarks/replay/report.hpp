#pragma once

// What the scenarios came to: figures, a table, plots, and the page in docs/market/.

#include <map>

#include "replay/world.hpp"

namespace hanse::replay {

struct Totals {
  std::size_t orders = 0, filled = 0, done = 0, lapsed = 0, cut_short = 0, waiting = 0, preempted = 0;
  double wait_p50_min = 0, wait_p90_min = 0;  ///< Of those that were filled.
  double use = 0, stranded = 0;               ///< Means over hours and classes; stranded: of free GPUs.
  double revenue = 0, gpu_hours = 0;          ///< In credits.
};
[[nodiscard]] Totals totals_of(const std::vector<Order>& orders, const Outcome& outcome);

/// File name → content: the plots, and `figures.md`, the table that README.md has between its marks.
[[nodiscard]] std::map<std::string, std::string> report_of(const Trace& trace, const std::vector<Order>& orders,
                                                           const std::vector<Outcome>& outcomes);
/// `page` with what stands between the marks replaced; a page without marks gets them at its end.
[[nodiscard]] std::string with_figures(const std::string& page, const std::string& figures);

}  // namespace hanse::replay
