#pragma once

// What is replayed: the jobs of GPU clusters and the list prices of rented GPUs, over four weeks that go round. Read
// from real data (data.hpp) or made from a seed with the same statistics (generate.hpp).

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/money.hpp"
#include "base/time.hpp"

namespace hanse::replay {

inline constexpr std::int64_t kMinuteS = 60, kHourS = 3600, kDayS = 86'400;
inline constexpr std::int64_t kPeriodS = 28 * kDayS;  ///< Whole weeks, so that what comes after falls on its weekday.
inline constexpr std::uint32_t kGpusPerNode = 8;      ///< Jobs that take as many or more take whole machines.
inline constexpr std::uint32_t kMaxJobGpus = 64;      ///< Eight machines: what is larger is cut to it.

struct Job {
  std::int64_t arrive_s = 0;  ///< Since the trace began; 0: it was there already.
  std::int64_t run_s = 0;     ///< How long it computes once it has its GPUs; whole minutes.
  std::uint32_t gpus = 1;     ///< 1 to 7, or a multiple of 8.

  [[nodiscard]] bool is_large() const { return gpus >= kGpusPerNode; }
  bool operator==(const Job&) const = default;
};

struct Cluster {
  std::string name;
  std::vector<Job> jobs;  ///< By arrival.
};

inline constexpr std::size_t kQuantiles = 5;
inline constexpr std::array<int, kQuantiles> kQuantilePercent{10, 25, 50, 75, 90};

/// What a GPU-hour of one model cost in price lists.
struct ListPrice {
  std::int64_t at_s = 0;
  std::array<Money, kQuantiles> quantiles;  ///< Ascending.
  std::uint32_t offers = 0;                 ///< That the quantiles are of.

  [[nodiscard]] Money median() const { return quantiles[2]; }
  /// Between the quantiles on straight lines; outside of them the outermost.
  [[nodiscard]] Money at_percent(int percent) const;
  bool operator==(const ListPrice&) const = default;
};

struct Model {
  std::string name;  ///< As offers name it: "H100-SXM".
  std::uint64_t vram_bytes = 0;
  std::vector<ListPrice> prices;  ///< By time, the first at 0; each holds until the next.

  /// Of any time from 0 on; after four weeks the first comes again.
  [[nodiscard]] const ListPrice& price_at(std::int64_t at_s) const;
};

struct Trace {
  std::string source;  ///< One sentence for the report.
  Time begin;          ///< A midnight in UTC.
  std::vector<Cluster> clusters;
  std::vector<Model> models;
};

/// The models that are replayed, without prices; `file` is their name in the data.
struct KnownModel {
  const char* name;
  const char* file;
  std::uint64_t vram_bytes;
};
inline constexpr std::array<KnownModel, 6> kModels{{{"A100-PCIE", "A100_80GB_PCIe", 80'000'000'000},
                                                    {"A100-SXM", "A100_80GB_SXM4", 80'000'000'000},
                                                    {"H100-PCIE", "H100_80GB_PCIe", 80'000'000'000},
                                                    {"H100-SXM", "H100_80GB_SXM5", 80'000'000'000},
                                                    {"H200-SXM", "H200_141GB", 141'000'000'000},
                                                    {"B200-SXM", "B200_180GB", 180'000'000'000}}};
inline constexpr std::array<const char*, 2> kClusters{"vcpDC", "vc6YE"};

/// 2020-05-01, a Friday: when the demand data begins.
inline constexpr Time kTraceBegin{1'588'291'200'000};

}  // namespace hanse::replay
