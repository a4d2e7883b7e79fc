#pragma once

// What consumers ask for: the jobs of a trace, each class (GPU model) with its own weeks of them, and with what the
// data does not have: what they are willing to pay, how long they wait, which may be pre-empted. The same for every
// scenario.

#include <vector>

#include "replay/trace.hpp"

namespace hanse::replay {

// Assumptions; the report names them.
inline constexpr double kWillingnessLogSd = 0.35;        ///< Log-normal around the list price's median at arrival.
inline constexpr int kPreemptiblePercent = 40;           ///< Of jobs on one machine; those on several never are.
inline constexpr std::int64_t kLeastPatienceS = kHourS;  ///< A job waits as long as it runs, within these.
inline constexpr std::int64_t kMostPatienceS = kDayS;
inline constexpr std::uint32_t kConsumers = 200;  ///< Each job is one of theirs, all as likely.

struct Order {
  std::int64_t at_s = 0;
  std::size_t model = 0;
  std::uint32_t gpus = 1;  ///< Of each machine.
  std::uint32_t machines = 1;
  std::int64_t run_s = 0;
  std::int64_t patience_s = 0;
  Money ceiling;  ///< Per GPU-hour: the most that it pays.
  bool preemptible = false;
  std::uint32_t consumer = 0;
};

/// By time. Class c replays the two clusters from a week of its own on, so that no two have the same month and all
/// keep the days of the week.
[[nodiscard]] std::vector<Order> orders_of(const Trace& trace, std::int64_t days, std::uint64_t seed);

}  // namespace hanse::replay
