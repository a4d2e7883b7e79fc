#pragma once

// One `hanse run`: from the job file to the bill. Every way out of it ends the lease or says how to.

#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "cli/context.hpp"
#include "cli/file_tree.hpp"
#include "cli/forwarder.hpp"
#include "cli/interrupt.hpp"
#include "cli/output_stream.hpp"
#include "cli/plan.hpp"
#include "cli/ssh_client.hpp"
#include "client/job_file.hpp"

namespace hanse::cli {

struct RunOptions {
  client::JobFile file;
  std::filesystem::path folder;  ///< Where outputs go: the workdir, or the job file's folder.
  bool yes = false;
  bool detach = false;
};

class JobRun {
 public:
  JobRun(Context& context, RunOptions options) : context_(context), options_(std::move(options)) {}

  /// The job's exit code, or why there is none.
  Outcome run();

 private:
  /// How one lease went.
  struct Attempt {
    enum class End { exited, interrupted, lost, failed };
    End end = End::failed;
    int exit_code = 0;
    std::optional<Failure> failure;  ///< When failed.
  };

  Outcome prepare();
  Outcome plan_and_confirm();
  Outcome confirm_wait(const Error& why);
  Outcome attempts();
  Result<> scan_workdir();
  [[nodiscard]] bool on_spot() const { return options_.file.demand.mode == model::Mode::spot; }
  Result<model::LeaseId> bid(const crypto::PublicKey& access);
  Result<bool> leave_early(model::LeaseId lease, const Attempt& attempt);
  void take_back_request();
  Result<model::LeaseId> request_lease();
  Result<model::LeaseId> await_match(model::RequestId request);
  void connect_ahead();

  Attempt serve(model::LeaseId& lease);
  Result<> start_job(model::LeaseId& lease);
  Result<> enter(model::LeaseId& lease);
  Result<> log_in(Result<std::unique_ptr<SshSession>> session, model::LeaseId lease);
  Result<LeaseView> moved_lease(model::LeaseId& lease);
  Result<> ask_job(const std::string& subsystem, ByteView input, std::string_view wanted);
  Result<> copy_workdir(bool resume);
  void start_forwards(model::LeaseId lease);
  Attempt follow(model::LeaseId lease);
  Result<> reconnect(model::LeaseId lease);
  Outcome fetch_outputs();

  Outcome finish(model::LeaseId lease, const Attempt& attempt);
  Outcome detach(model::LeaseId lease);
  Result<bool> may_try_again(const LeaseView& ended);

  Context& context_;
  RunOptions options_;
  std::optional<Interrupt> interrupt_;  ///< From the moment that money is involved.
  LocalTree workdir_;
  std::unique_ptr<client::EventStream> events_;
  std::optional<Plan> plan_;  ///< Until its request is in.
  model::Demand agreed_;      ///< The job's, held to what was agreed to.
  model::RequestId request_;
  Time retry_until_;            ///< 0: no retry.
  std::string endpoint_;        ///< Of the provider that the plan names ...
  crypto::PublicKey host_key_;  ///< ... and its key.
  std::future<Result<std::unique_ptr<SshSession>>> ahead_;
  std::unique_ptr<SshSession> session_;
  std::unique_ptr<Forwarder> forwarder_;
  std::optional<OutputFollower> output_;
  nlohmann::json report_ = nlohmann::json::object();  ///< What --json prints when all is over.
};

}  // namespace hanse::cli
