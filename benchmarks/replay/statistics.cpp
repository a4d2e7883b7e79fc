#include "replay/statistics.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/check.hpp"

namespace hanse::replay {
namespace {

constexpr double kDays = static_cast<double>(kPeriodS) / kDayS;

struct Spread {
  double sum = 0, squares = 0;
  int count = 0;

  void add(double value) {
    sum += value;
    squares += value * value;
    ++count;
  }
  [[nodiscard]] double mean() const { return count == 0 ? 0 : sum / count; }
  [[nodiscard]] double deviation() const {
    return count == 0 ? 0 : std::sqrt(std::max(0.0, squares / count - mean() * mean()));
  }
};

GroupStatistics group_of(const Trace& trace, const Cluster& cluster, bool large) {
  GroupStatistics out;
  std::vector<double> minutes;
  for (const auto& job : cluster.jobs) {
    if (job.arrive_s == 0 || job.arrive_s >= kPeriodS || job.is_large() != large) continue;
    const auto at_s = trace.begin.ms / 1000 + job.arrive_s;
    ++out.hour_share[static_cast<std::size_t>(at_s % kDayS / kHourS)];
    ++out.weekday_share[static_cast<std::size_t>((at_s / kDayS + 3) % 7)];  // the epoch was a Thursday
    const auto units = large ? job.gpus / kGpusPerNode : job.gpus;
    ++out.size_share[std::min<std::size_t>(std::bit_width(units) - 1, 3)];
    minutes.push_back(static_cast<double>(job.run_s) / kMinuteS);
  }
  if (minutes.empty()) return out;
  const auto all = static_cast<double>(minutes.size());
  for (auto& share : out.hour_share) share /= all;
  for (auto& share : out.weekday_share) share /= all;
  for (auto& share : out.size_share) share /= all;
  out.jobs_per_day = all / kDays;
  out.mean_run_h = std::accumulate(minutes.begin(), minutes.end(), 0.0) / all / 60;
  std::sort(minutes.begin(), minutes.end());
  for (std::size_t i = 0; i < out.run_minutes.size(); ++i) {
    out.run_minutes[i] = minutes[(minutes.size() - 1) * i / (out.run_minutes.size() - 1)];
  }
  return out;
}

PriceStatistics prices_of(const Model& model) {
  PriceStatistics out;
  Spread logs, steps;
  double before = 0;
  for (std::int64_t at_s = 0; at_s < kPeriodS; at_s += kDayS) {
    const auto& price = model.price_at(at_s);
    for (std::size_t i = 0; i < kQuantiles; ++i) {
      out.credits[i] += static_cast<double>(price.quantiles[i].micros) / 1e6 / kDays;
    }
    out.offers += price.offers / kDays;
    const double log = std::log(static_cast<double>(price.median().micros));
    logs.add(log);
    if (at_s > 0) steps.add(log - before);
    before = log;
  }
  out.log_sd = logs.deviation();
  out.log_step_sd = steps.deviation();
  return out;
}

}  // namespace

Statistics statistics_of(const Trace& trace) {
  HANSE_CHECK(trace.clusters.size() == kClusters.size() && trace.models.size() == kModels.size());
  Statistics out;
  for (std::size_t i = 0; i < kClusters.size(); ++i) {
    for (const bool large : {false, true}) out.groups[i][large] = group_of(trace, trace.clusters[i], large);
  }
  for (std::size_t i = 0; i < kModels.size(); ++i) out.prices[i] = prices_of(trace.models[i]);
  return out;
}

std::string format_statistics(const Statistics& statistics) {
  const auto list = [](const auto& values) { return fmt::format("{{{:.3f}}}", fmt::join(values, ", ")); };
  std::string out;
  for (std::size_t i = 0; i < kClusters.size(); ++i) {
    for (const auto& group : statistics.groups[i]) {
      out += fmt::format("// {}, {} GPUs\n{{{:.3f}, {:.3f}, {},\n {},\n {},\n {}}},\n", kClusters[i],
                         &group == &statistics.groups[i][0] ? "1 to 7" : "8 and more", group.jobs_per_day,
                         group.mean_run_h, fmt::format("{{{}}}", fmt::join(group.run_minutes, ", ")),
                         list(group.size_share), list(group.hour_share), list(group.weekday_share));
    }
  }
  for (std::size_t i = 0; i < kModels.size(); ++i) {
    const auto& price = statistics.prices[i];
    out += fmt::format("{{{}, {:.4f}, {:.4f}, {:.1f}}},  // {}\n", list(price.credits), price.log_sd, price.log_step_sd,
                       price.offers, kModels[i].name);
  }
  return out;
}

}  // namespace hanse::replay
