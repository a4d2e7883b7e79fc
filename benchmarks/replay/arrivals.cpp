#include "replay/arrivals.hpp"

#include <algorithm>
#include <bit>
#include <deque>

#include "base/rng.hpp"

namespace hanse::replay {
namespace {

/// One group of one cluster, minute by minute.
class Group {
 public:
  Group(std::uint32_t unit, std::uint32_t most, std::uint64_t seed) : unit_(unit), most_(most), rng_(seed) {}

  void step(const GroupCount& count, std::int64_t at_s) {
    const std::int64_t jobs = count.jobs - before_.jobs, gpus = count.gpus - before_.gpus;
    if (jobs > 0) {
      for (const auto size : share_out(gpus, jobs, unit_, most_)) arrive(size, at_s);
    } else if (jobs < 0) {
      for (const auto size : share_out(-gpus, -jobs, unit_, most_)) leave(size, at_s);
    }
    while (static_cast<std::int64_t>(running_.size()) < count.running && !waiting_.empty()) {
      running_.push_back({waiting_.front(), at_s});
      waiting_.pop_front();
    }
    before_ = count;
  }

  std::vector<Job> finish(std::int64_t end_s) {
    while (!running_.empty()) end(running_.size() - 1, end_s);
    for (const auto job : waiting_) jobs_[job].run_s = 0;  // never seen to run
    std::erase_if(jobs_, [](const Job& job) { return job.run_s == 0; });
    return std::move(jobs_);
  }

 private:
  struct Running {
    std::size_t job;
    std::int64_t since_s;
  };

  void arrive(std::uint32_t gpus, std::int64_t at_s) {
    waiting_.push_back(jobs_.size());
    jobs_.push_back({at_s, 0, gpus});
  }

  void leave(std::uint32_t gpus, std::int64_t at_s) {
    if (running_.empty()) {
      if (!waiting_.empty()) waiting_.pop_front();  // it gave up
      return;
    }
    std::vector<std::size_t> equals;
    for (std::size_t i = 0; i < running_.size(); ++i) {
      if (jobs_[running_[i].job].gpus == gpus) equals.push_back(i);
    }
    end(equals.empty() ? rng_.below(running_.size()) : equals[rng_.below(equals.size())], at_s);
  }

  void end(std::size_t place, std::int64_t at_s) {
    jobs_[running_[place].job].run_s = std::max(at_s - running_[place].since_s, kMinuteS);
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(place));
  }

  std::uint32_t unit_, most_;
  Rng rng_;
  GroupCount before_;
  std::vector<Job> jobs_;
  std::deque<std::size_t> waiting_;
  std::vector<Running> running_;
};

}  // namespace

std::vector<std::uint32_t> share_out(std::int64_t gpus, std::int64_t jobs, std::uint32_t unit, std::uint32_t most) {
  std::vector<std::uint32_t> out;
  std::int64_t left = std::max<std::int64_t>(gpus / unit, jobs);
  for (; jobs > 1; --jobs) {
    const auto largest = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(left - (jobs - 1))));
    const auto size = std::min<std::int64_t>(largest, most / unit);
    out.push_back(static_cast<std::uint32_t>(size) * unit);
    left -= size;
  }
  if (jobs == 1) out.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(left, most / unit)) * unit);
  return out;
}

std::vector<Job> jobs_of(const std::vector<DemandRow>& rows, std::uint64_t seed) {
  Group small(1, kGpusPerNode - 1, 2 * seed), large(kGpusPerNode, kMaxJobGpus, 2 * seed + 1);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto at_s = static_cast<std::int64_t>(i) * kMinuteS;
    small.step(rows[i].small, at_s);
    large.step(rows[i].large, at_s);
  }
  const auto end_s = static_cast<std::int64_t>(rows.size()) * kMinuteS;
  auto jobs = small.finish(end_s);
  const auto others = large.finish(end_s);
  jobs.insert(jobs.end(), others.begin(), others.end());
  std::stable_sort(jobs.begin(), jobs.end(), [](const Job& a, const Job& b) { return a.arrive_s < b.arrive_s; });
  return jobs;
}

}  // namespace hanse::replay
