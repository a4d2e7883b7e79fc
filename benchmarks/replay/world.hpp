#pragma once

// A month of one network: providers with machines, consumers with the orders of a workload, and the real ledger, driven
// by transactions alone, a block a minute. The ledger holds its invariants in every block; all of them are checked over
// everything at every midnight.

#include <functional>
#include <memory>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "replay/workload.hpp"

namespace hanse::replay {

struct Scenario {
  bool steering = true;  ///< Off: the network's base prices stay where they begin (max_step_bps 0).
  bool spot = true;      ///< Off: no machine is for rent on spot, and who may be pre-empted asks on demand.

  [[nodiscard]] std::string name() const;
};
inline constexpr std::array<Scenario, 4> kScenarios{{{true, true}, {true, false}, {false, true}, {false, false}}};

// The supply of each class, an assumption: 144 GPUs.
inline constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 3> kMachines{{{8, 15}, {4, 4}, {2, 4}}};
inline constexpr std::uint32_t kMachinesPerProvider = 2;
inline constexpr int kFixedPercent = 40, kIndexPercent = 20;  ///< Of machines; the others are `auto`.
inline constexpr int kSpotFloorPercent = 50;                  ///< Of the posted price at the beginning.
inline constexpr std::int64_t kLostWorkS = 600;               ///< What a pre-empted job has to do again, at most.

/// One class in one hour.
struct Hour {
  double use = 0;                        ///< Leased GPUs ÷ GPUs, over the hour.
  Money base, index, spot, list;         ///< At its end; 0: there is none. List: the median of the price lists.
  std::uint32_t free = 0, stranded = 0;  ///< GPUs at its end; stranded: free beside leased ones of the same machine.
  std::uint32_t preempted = 0;
  std::uint32_t waiting = 0;        ///< Orders at its end.
  std::int64_t revenue_micros = 0;  ///< What leases earned in it.
};

/// What became of an order.
struct Fate {
  bool filled = false;  ///< It got GPUs at least once.
  bool ended = false;   ///< Done, lapsed or cut short; else it waits or runs at the end.
  bool done = false;
  std::int64_t wait_s = 0;  ///< Until it first got GPUs.
  std::uint32_t preempted = 0;
};

struct Outcome {
  Scenario scenario;
  std::vector<std::vector<Hour>> hours;  ///< By class, then by hour.
  std::vector<Fate> fates;               ///< By order.
  std::int64_t gpu_s = 0;                ///< Leased and running.
  std::int64_t revenue_micros = 0;       ///< By the replay's own count.
  std::int64_t paid_micros = 0;          ///< By the ledger: what consumers paid or owe for what was delivered.
  std::int64_t received_micros = 0;      ///< By the ledger: what providers have, and what is pending for them.
  std::uint64_t transactions = 0, blocks = 0, whole_checks = 0;
  std::uint64_t late = 0;  ///< Transactions refused because their lease or request had ended in the same block.
  Hash app_hash;
};

using OnDay = std::function<void(std::int64_t day)>;

/// internal names the scenario, the time and what broke.
[[nodiscard]] Result<Outcome> replay(const Trace& trace, const std::vector<Order>& orders, Scenario scenario,
                                     std::int64_t days, const OnDay& on_day = {});

}  // namespace hanse::replay
