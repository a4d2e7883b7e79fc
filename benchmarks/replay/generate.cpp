#include "replay/generate.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

#include "replay/measured.hpp"

namespace hanse::replay {
namespace {

constexpr std::int64_t kWarmUpS = 14 * kDayS;  // jobs that began so long before are there at the beginning

std::size_t pick(Rng& rng, std::span<const double> shares) {
  double left = uniform(rng);
  std::size_t i = 0;
  while (i + 1 < shares.size() && left >= shares[i]) left -= shares[i++];
  return i;
}

/// Durations between the deciles, on straight lines of the logarithm. In the last tenth, which has most of the hours,
/// the line is bent so that the mean is the measured one.
class RunTimes {
 public:
  explicit RunTimes(const GroupStatistics& group) : minutes_(group.run_minutes) {
    double low = 1, high = 64;
    for (int i = 0; i < 40; ++i) {
      bend_ = (low + high) / 2;
      double sum_h = 0;
      for (int u = 0; u < 1000; ++u) sum_h += at((u + 0.5) / 1000) / 60 / 1000;
      (sum_h > group.mean_run_h ? low : high) = bend_;
    }
  }

  [[nodiscard]] std::int64_t pick_s(Rng& rng) const { return std::llround(at(uniform(rng))) * kMinuteS; }

 private:
  [[nodiscard]] double at(double share) const {
    const double place = share * static_cast<double>(minutes_.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    double part = place - static_cast<double>(below);
    if (below + 2 == minutes_.size()) part = std::pow(part, bend_);
    return minutes_[below] * std::pow(minutes_[below + 1] / minutes_[below], part);
  }

  std::array<double, 11> minutes_;
  double bend_ = 1;
};

void generate_group(const GroupStatistics& group, bool large, Rng& rng, std::vector<Job>& jobs) {
  const RunTimes run_times(group);
  for (std::int64_t at_s = -kWarmUpS; at_s < kPeriodS; at_s += kMinuteS) {
    const auto clock_s = kTraceBegin.ms / 1000 + at_s;
    const double hour = group.hour_share[static_cast<std::size_t>(clock_s % kDayS / kHourS)] * 24;
    const double weekday = group.weekday_share[static_cast<std::size_t>((clock_s / kDayS + 3) % 7)] * 7;
    if (uniform(rng) >= group.jobs_per_day * hour * weekday / (24 * 60)) continue;
    const auto units = std::uint32_t{1} << pick(rng, group.size_share);
    const auto gpus = large ? std::min(units * kGpusPerNode, kMaxJobGpus) : std::min(units, kGpusPerNode / 2);
    Job job{at_s, run_times.pick_s(rng), gpus};
    if (at_s <= 0) {
      job.run_s += at_s;
      job.arrive_s = 0;
    }
    if (job.run_s > 0) jobs.push_back(job);
  }
}

/// The logarithm of the price level goes back to 0 from day to day, as fast as the measured steps and spread say.
std::vector<ListPrice> generate_prices(const PriceStatistics& like, Rng& rng) {
  const double variance = like.log_sd * like.log_sd;
  const double keeps =
      variance > 0 ? std::clamp(1 - like.log_step_sd * like.log_step_sd / (2 * variance), 0.0, 0.99) : 0;
  const double step_sd = like.log_sd * std::sqrt(1 - keeps * keeps);
  double level = like.log_sd * normal(rng);
  std::vector<ListPrice> out;
  for (std::int64_t at_s = 0; at_s < kPeriodS; at_s += kDayS) {
    ListPrice price;
    price.at_s = at_s;
    for (std::size_t i = 0; i < kQuantiles; ++i) {
      price.quantiles[i] = Money{std::llround(like.credits[i] * std::exp(level) * 1e6)};
    }
    price.offers = static_cast<std::uint32_t>(std::lround(like.offers));
    out.push_back(price);
    level = keeps * level + step_sd * normal(rng);
  }
  return out;
}

}  // namespace

double uniform(Rng& rng) {
  return (static_cast<double>(rng.next() >> 11) + 0.5) / 9007199254740992.0;  // 2^53
}

double normal(Rng& rng) {
  const double radius = std::sqrt(-2 * std::log(uniform(rng)));
  return radius * std::cos(2 * std::numbers::pi * uniform(rng));
}

Trace generate_trace(std::uint64_t seed) {
  Rng rng(seed);
  Trace trace;
  trace.source = "Generated from seed " + std::to_string(seed) + " with the statistics of the real data.";
  trace.begin = kTraceBegin;
  for (std::size_t i = 0; i < kClusters.size(); ++i) {
    Cluster cluster{kClusters[i], {}};
    for (const bool large : {false, true}) generate_group(kMeasured.groups[i][large], large, rng, cluster.jobs);
    std::stable_sort(cluster.jobs.begin(), cluster.jobs.end(),
                     [](const Job& a, const Job& b) { return a.arrive_s < b.arrive_s; });
    trace.clusters.push_back(std::move(cluster));
  }
  for (std::size_t i = 0; i < kModels.size(); ++i) {
    trace.models.push_back({kModels[i].name, kModels[i].vram_bytes, generate_prices(kMeasured.prices[i], rng)});
  }
  return trace;
}

}  // namespace hanse::replay
