#include "replay/workload.hpp"

#include <algorithm>
#include <cmath>

#include "replay/generate.hpp"

namespace hanse::replay {
namespace {

/// The jobs of a cluster as they come when it is entered at `shift_s`, for `length_s`: first those that are there.
std::vector<Job> jobs_from(const Cluster& cluster, std::int64_t shift_s, std::int64_t length_s) {
  std::vector<Job> out;
  for (const auto& job : cluster.jobs) {
    const auto left_s = job.arrive_s + job.run_s - shift_s;
    if (job.arrive_s <= shift_s && left_s > 0) out.push_back({0, std::min(left_s, job.run_s), job.gpus});
  }
  for (std::int64_t round_s = -shift_s; round_s < length_s; round_s += kPeriodS) {
    for (const auto& job : cluster.jobs) {
      if (job.arrive_s == 0 || job.arrive_s >= kPeriodS) continue;
      const auto at_s = round_s + job.arrive_s;
      if (at_s > 0 && at_s < length_s) out.push_back({at_s, job.run_s, job.gpus});
    }
  }
  return out;
}

}  // namespace

std::vector<Order> orders_of(const Trace& trace, std::int64_t days, std::uint64_t seed) {
  constexpr std::int64_t kWeeks = kPeriodS / (7 * kDayS);
  Rng rng(seed);
  std::vector<Order> out;
  for (std::size_t model = 0; model < trace.models.size(); ++model) {
    for (std::size_t i = 0; i < trace.clusters.size(); ++i) {
      const auto number = static_cast<std::int64_t>(model);
      const auto week = (number + static_cast<std::int64_t>(i) * (number / kWeeks)) % kWeeks;
      for (const auto& job : jobs_from(trace.clusters[i], week * 7 * kDayS, days * kDayS)) {
        Order order;
        order.at_s = job.arrive_s;
        order.model = model;
        order.gpus = job.is_large() ? kGpusPerNode : job.gpus;
        order.machines = job.is_large() ? job.gpus / kGpusPerNode : 1;
        order.run_s = job.run_s;
        order.patience_s = std::clamp(job.run_s, kLeastPatienceS, kMostPatienceS);
        const auto median = static_cast<double>(trace.models[model].price_at(job.arrive_s).median().micros);
        order.ceiling =
            Money{std::max<std::int64_t>(std::llround(median * std::exp(kWillingnessLogSd * normal(rng))), 1)};
        order.preemptible = static_cast<int>(rng.below(100)) < kPreemptiblePercent && order.machines == 1;
        order.consumer = static_cast<std::uint32_t>(rng.below(kConsumers));
        out.push_back(order);
      }
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const Order& a, const Order& b) { return a.at_s < b.at_s; });
  return out;
}

}  // namespace hanse::replay
