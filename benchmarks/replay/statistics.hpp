#pragma once

// What a trace is like in numbers: measured from real data (measured.hpp has those), and from generated ones to see
// that they are alike.

#include <array>

#include "replay/trace.hpp"

namespace hanse::replay {

/// The jobs of one cluster with fewer than eight GPUs, or the others.
struct GroupStatistics {
  double jobs_per_day = 0;
  double mean_run_h = 0;
  std::array<double, 11> run_minutes{};   ///< Deciles of the duration, from the shortest to the longest.
  std::array<double, 4> size_share{};     ///< 1, 2, 4 GPUs; of large ones 8, 16, 32, 64. Others count as the one below.
  std::array<double, 24> hour_share{};    ///< Of arrivals, by hour of the day (UTC).
  std::array<double, 7> weekday_share{};  ///< From Monday.
};

struct PriceStatistics {
  std::array<double, kQuantiles> credits{};  ///< The mean of each quantile over time.
  double log_sd = 0;                         ///< Of the logarithm of the median at each midnight.
  double log_step_sd = 0;                    ///< Of its change from one midnight to the next.
  double offers = 0;
};

struct Statistics {
  std::array<std::array<GroupStatistics, 2>, kClusters.size()> groups;  ///< By cluster; small, large.
  std::array<PriceStatistics, kModels.size()> prices;
};

/// Of the first four weeks. Jobs that were there at the beginning count for nothing.
[[nodiscard]] Statistics statistics_of(const Trace& trace);

/// As measured.hpp has it.
[[nodiscard]] std::string format_statistics(const Statistics& statistics);

}  // namespace hanse::replay
