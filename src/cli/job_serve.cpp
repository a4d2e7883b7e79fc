// `hanse run` on its machines: one LeaseJob each, all at once.

#include <thread>

#include "cli/job_run.hpp"
#include "cli/lease_link.hpp"
#include "model/text.hpp"

namespace hanse::cli {

void JobRun::make_jobs() {
  jobs_.clear();
  contexts_.clear();
  stop_ = std::make_unique<StopSource>(*interrupt_);
  for (std::uint32_t rank = 0; rank < machines(); ++rank) {
    if (machines() > 1) {
      contexts_.push_back(std::make_unique<Context>());
      contexts_.back()->globals = context_.globals;
    }
    auto& context = machines() > 1 ? *contexts_.back() : context_;
    auto& job =
        *jobs_.emplace_back(std::make_unique<LeaseJob>(context, options_.file, workdir_, *stop_, rank, machines()));
    if (options_.login) job.login = &*options_.login;
    // Files that go with the lease come home before its time is over, as they are then.
    const bool goes_with_it = options_.file.demand.keep_s == 0 && !options_.file.job.outputs.empty();
    if (goes_with_it) job.on_last_call = [this, &job, rank] { last_call(job, rank); };
  }
  if (!endpoint_.empty()) jobs_.front()->connect_ahead(endpoint_, host_key_);
}

/// On `first` and those numbered on from it. Of several, the first attempt that is no success; its end is that of all.
Attempt JobRun::serve(model::LeaseId first) {
  if (machines() == 1) {
    auto attempt = jobs_.front()->run(first, options_.detach);
    report_["lease"] = model::format_id(jobs_.front()->lease());
    return attempt;
  }
  context_.say("The job starts on " + std::to_string(machines()) + " machines; its lines bear the rank of each.");
  std::optional<Attempt> failure;
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t rank = 0; rank < machines(); ++rank) {
      threads.emplace_back([&, rank] { serve_one(rank, {first.value + rank}, failure); });
    }
  }
  report_["leases"] = nlohmann::json::array();
  for (const auto& job : jobs_) report_["leases"].push_back(model::format_id(job->lease()));
  if (interrupt_->count() > 0) return {Attempt::End::stopped, 0, std::nullopt};
  return failure.value_or(Attempt{Attempt::End::exited, 0, std::nullopt});
}

void JobRun::serve_one(std::uint32_t rank, model::LeaseId lease, std::optional<Attempt>& failure) {
  auto& job = *jobs_[rank];
  auto attempt = job.run(lease, options_.detach);
  if (attempt.end == Attempt::End::stopped) return;
  const bool exited = attempt.end == Attempt::End::exited;
  if (exited && !options_.detach) {
    const auto fetched = fetch_outputs(job, rank);
    if (!fetched.is_complete() && attempt.exit_code == 0) {
      attempt = {Attempt::End::failed, 0, Failure(fetched.error())};
    } else if (!fetched.is_complete()) {
      job.say(printable(fetched.error().message));
    }
  }
  if (attempt.end == Attempt::End::exited && attempt.exit_code == 0) {
    // Nothing waits for it: it need not cost any more while the others go on.
    if (!options_.detach) {
      const std::lock_guard lock(mutex_);
      if (auto ended = end_by_consumer(context_, job.lease(), "the job ended with exit code 0"); !ended) {
        job.say("warning: its machine could not be ended yet: " + printable(ended.error().message));
      }
    }
    return;
  }
  const std::lock_guard lock(mutex_);
  if (failure || stop_->stopped()) return;
  const std::string how = exited            ? "ended with exit code " + std::to_string(attempt.exit_code)
                          : attempt.failure ? "failed"
                                            : "was lost";  // why is said at the end
  job.say(how + ": the others end with it.");
  failure = std::move(attempt);
  stop_->stop();
}

/// Into the run's folder; of several machines into one each, "rank-0". A lease whose outputs may still come is left as
/// it is.
FetchedOutputs JobRun::fetch_outputs(LeaseJob& job, std::uint32_t rank) {
  const auto folder = machines() == 1 ? options_.folder : options_.folder / ("rank-" + std::to_string(rank));
  auto fetched = job.fetch_outputs(folder);
  const std::lock_guard lock(mutex_);
  for (const auto& one : fetched.copied) report_["outputs"].push_back(one.target.string());
  for (auto& one : fetched.missing_json()) report_["missing"].push_back(std::move(one));
  if (!fetched.is_complete() && fetched.may_still_come()) left_.insert(job.lease());
  return fetched;
}

/// The job goes on; what it wrote after this is lost with its lease.
void JobRun::last_call(LeaseJob& job, std::uint32_t rank) {
  job.say(model::format_id(job.lease()) + " ends soon, and its files with it: its outputs come back as they are now. " +
          "`keep: 1h` in the job file lets them stay.");
  const auto fetched = fetch_outputs(job, rank);
  if (!fetched.is_complete()) job.say(printable(fetched.error().message));
  const std::lock_guard lock(mutex_);
  left_.erase(job.lease());
}

}  // namespace hanse::cli
