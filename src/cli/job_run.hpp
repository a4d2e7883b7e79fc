#pragma once

// One `hanse run`: from the job file to the bill. Every way out of it ends the leases or says how to. A job of several
// machines runs on all of them at once (LeaseJob): the first that fails ends the others.

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "cli/context.hpp"
#include "cli/file_tree.hpp"
#include "cli/interrupt.hpp"
#include "cli/lease_job.hpp"
#include "cli/plan.hpp"
#include "client/job_file.hpp"
#include "client/registry_login.hpp"

namespace hanse::cli {

struct RunOptions {
  client::JobFile file;
  std::optional<client::RegistryLogin> login;  ///< What the machine pulls the image with.
  std::filesystem::path folder;                ///< Where outputs go: the workdir, or the job file's folder.
  bool yes = false;
  bool detach = false;
};

class JobRun {
 public:
  JobRun(Context& context, RunOptions options) : context_(context), options_(std::move(options)) {}

  /// The job's exit code, of several machines that of the first that failed; or why there is none.
  Outcome run();

 private:
  Outcome prepare();
  Outcome plan_and_confirm();
  Outcome confirm_wait(const Error& why);
  Outcome attempts();
  Result<> scan_workdir();
  [[nodiscard]] Facts sent_lines() const;
  [[nodiscard]] std::uint32_t machines() const { return options_.file.demand.machines; }
  [[nodiscard]] bool on_spot() const { return options_.file.demand.mode == model::Mode::spot; }
  Result<model::LeaseId> bid(const crypto::PublicKey& access);
  Result<bool> leave_early(const Attempt& attempt);
  void take_back_request();
  Result<model::LeaseId> request_lease();
  Result<model::LeaseId> await_match(model::RequestId request);

  void make_jobs();
  Attempt serve(model::LeaseId first);
  void serve_one(std::uint32_t rank, model::LeaseId lease, std::optional<Attempt>& failure);
  FetchedOutputs fetch_outputs(LeaseJob& job, std::uint32_t rank);
  void last_call(LeaseJob& job, std::uint32_t rank);

  Outcome finish(const Attempt& attempt);
  Outcome end_leases(const std::string& note);
  void say_missed();
  void leave(model::LeaseId lease);
  Outcome detach();
  Result<> may_try_again(const LeaseView& ended);
  Result<> after_loss();

  Context& context_;
  RunOptions options_;
  std::optional<Interrupt> interrupt_;  ///< From the moment that money is involved.
  LocalTree workdir_;
  std::unique_ptr<client::EventStream> events_;
  std::optional<Plan> plan_;  ///< Until its request is in.
  model::Demand agreed_;      ///< The job's, held to what was agreed to.
  model::RequestId request_;
  Time retry_until_;            ///< 0: no retry.
  std::string endpoint_;        ///< Of the provider that the plan names, the first of several ...
  crypto::PublicKey host_key_;  ///< ... and its key.

  std::vector<std::unique_ptr<Context>> contexts_;  ///< Of the jobs, where there are several.
  std::unique_ptr<StopSource> stop_;                ///< Of this attempt's jobs.
  std::vector<std::unique_ptr<LeaseJob>> jobs_;     ///< By rank.
  std::set<model::LeaseId> left_;                   ///< Not to be ended: they hold outputs that may still come.
  std::mutex mutex_;  ///< Guards `context_` and `report_` while several jobs run, and which failed first.
  nlohmann::json report_ = nlohmann::json::object();  ///< What --json prints when all is over.
};

}  // namespace hanse::cli
