// `hanse run` after the machines: the leases end, the bill, and whether to rent again where one was lost.

#include "cli/bill.hpp"
#include "cli/job_run.hpp"
#include "cli/lease_link.hpp"
#include "cli/progress.hpp"
#include "cli/show.hpp"
#include "cli/ssh_files.hpp"
#include "model/text.hpp"

namespace hanse::cli {

/// Ends what still runs of an attempt that lost a machine, and takes what it cost off what the run may cost. An error
/// where the job file does not let it begin again.
Result<> JobRun::after_loss() {
  std::optional<LeaseView> lost;
  Money cost;
  for (const auto& job : jobs_) {
    auto view = (*context_.api())->lease(job->lease());
    if (!view)
      return fail(view.error().code,
                  view.error().message + ". 'hanse ps' says what became of " + model::format_id(job->lease()));
    if (!holds_devices(view->lease) && (!lost || view->lease.end_reason != model::EndReason::completed)) lost = *view;
    job->disconnect();
    const auto ended = end_by_consumer(context_, job->lease(), "another machine of its job was lost");
    if (!ended) return fail(ended);
    context_.say(bill_line(make_bill(*ended)));
    cost.micros += ended->accrued.micros;
  }
  if (!lost) return fail(ErrorCode::internal, "no lease of the job has ended; please report it");
  auto again = may_try_again(*lost);
  // The whole run can never cost more than max_cost, however often it starts.
  if (again && agreed_.max_cost.micros > 0) {
    const auto left = subtract(agreed_.max_cost, cost);
    if (!left || left->micros == 0) {
      again = fail(ErrorCode::insufficient_funds,
                   model::format_id(lost->lease.id) + " has " + end_text(lost->lease) + "; max_cost is used up");
    } else {
      agreed_.max_cost = *left;
    }
  }
  if (!again) {
    take_back_request();
    return again;
  }
  context_.say("The machine was lost (" + end_text(lost->lease) + "); renting " +
               (machines() > 1 ? "anew." : "another."));
  endpoint_.clear();
  auto scanned = scan_workdir();
  if (scanned && !context_.json()) print_err(facts(sent_lines(), context_.terminal.err_color));
  return scanned;
}

Result<> JobRun::may_try_again(const LeaseView& ended) {
  const auto& file = options_.file;
  const auto reason = ended.lease.end_reason;
  const std::string how = model::format_id(ended.lease.id) + " has " + end_text(ended.lease) +
                          (ended.lease.note.empty() ? "" : " (" + ended.lease.note + ")");
  const bool left_early = reason == model::EndReason::completed && ended.lease.preempt_at.ms != 0;
  const bool interrupted = reason == model::EndReason::preempted || left_early ||
                           reason == model::EndReason::provider_failed || reason == model::EndReason::never_started;
  if (!interrupted) {
    return fail(ErrorCode::wrong_state, how + (reason == model::EndReason::exhausted
                                                   ? ": max_duration or max_cost was reached before the job ended"
                                                   : " before the job did"));
  }
  const Time now = system_clock().now();
  if (!file.retry_on_interruption || now >= retry_until_) {
    return fail(ErrorCode::io, how + ". With retry: {on: [interruption], for: 4h} the job starts again by itself");
  }
  return {};
}

Outcome JobRun::finish(const Attempt& attempt) {
  Outcome outcome = attempt.exit_code;
  std::string note = "the job ended with exit code " + std::to_string(attempt.exit_code);
  if (attempt.end == Attempt::End::stopped) {
    note = "interrupted by the consumer";
    outcome = kInterrupted;
    context_.say(
        std::string(output_is_lost() ? "\nNobody reads the output any more: ending " : "\nInterrupted: ending ") +
        (machines() > 1 ? "all its machines." : model::format_id(jobs_.front()->lease()) + "."));
  } else if (attempt.end == Attempt::End::failed) {
    note = attempt.failure->error.message.substr(0, 200);
    outcome = std::unexpected(*attempt.failure);
  } else if (machines() == 1) {  // several have brought theirs back, each at its own end
    const auto fetched = fetch_outputs(*jobs_.front(), 0);
    if (attempt.exit_code != 0) context_.say("The job " + exit_text(attempt.exit_code) + ".");
    if (!fetched.is_complete() && attempt.exit_code == 0) outcome = refuse(fetched.error());
    if (!fetched.is_complete() && attempt.exit_code != 0) context_.say(printable(fetched.error().message));
    if (!fetched.is_complete() && interrupt_->count() > 0) outcome = kInterrupted;
  }
  for (const auto& job : jobs_) job->disconnect();
  if (auto ended = end_leases(note); !ended && outcome) outcome = std::move(ended);
  if (attempt.end == Attempt::End::exited) report_["exit_code"] = attempt.exit_code;
  say_missed();
  if (context_.json() && outcome) context_.print_json(report_);
  if (!outcome) outcome.error().report = report_.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return outcome;
}

/// A lease whose job is done and whose outputs may still come: its machine gives all but the files back in a moment.
void JobRun::leave(model::LeaseId lease) {
  constexpr int kLooks = 20;
  const std::string id = model::format_id(lease);
  const std::string fetch = "'hanse attach " + id + "' brings them, 'hanse stop " + id + "' gives them up.";
  auto view = (*context_.api())->lease(lease);
  for (int look = 0; look < kLooks && view && view->lease.keep_s > 0 && holds_devices(view->lease); ++look) {
    if (interrupt_->wait(500)) break;
    view = (*context_.api())->lease(lease);
  }
  report_["left"].push_back({{"lease", id}, {"state", view ? std::string(name_of(view->lease.state)) : "unknown"}});
  if (view && view->lease.state == model::LeaseState::ended) {
    context_.say(id + " has " + end_text(view->lease) + ": what did not come is gone with it.");
  } else if (view && view->lease.state == model::LeaseState::kept) {
    report_["left"].back()["kept_until_ms"] = view->lease.kept_until.ms;
    context_.say(id + " keeps its files until " + model::format_time(view->lease.kept_until) + ": " + fetch);
  } else if (view && view->lease.keep_s > 0) {
    context_.say(id + " keeps its files for " + model::format_duration(view->lease.keep_s) + ": " + fetch);
  } else {
    context_.say(id + " goes on for about two minutes (its provider's fetch_grace), and its files with it: " + fetch);
  }
}

/// How much of the output neither came here nor is on a machine any more: exit codes do not say it.
void JobRun::say_missed() {
  std::uint64_t missed = 0;
  for (const auto& job : jobs_) missed += job->missed_bytes();
  report_["missed_bytes"] = missed;
  if (missed > 0) context_.say("warning: " + rough_size(missed) + " of the job's output are missing.");
}

/// All that still run, and prints the bills. An error, told too, where one may go on costing.
Outcome JobRun::end_leases(const std::string& note) {
  Outcome outcome = 0;
  Money cost;
  for (const auto& job : jobs_) {
    const auto lease = job->lease();
    if (left_.contains(lease)) {
      leave(lease);
      continue;
    }
    const auto ended = end_by_consumer(context_, lease, note);
    if (!ended) {
      const std::string stop = "'hanse stop " + model::format_id(lease) + "'";
      context_.say("warning: " + model::format_id(lease) + " could not be ended (" + printable(ended.error().message) +
                   ") and may go on costing until it is: try " + stop);
      report_["left"].push_back({{"lease", model::format_id(lease)}, {"state", "unknown"}});
      if (outcome) outcome = refuse(ended.error(), "try " + stop);
      continue;
    }
    if (const auto home = context_.home()) forget_ssh_host(lease, *home);
    const Bill bill = make_bill(*ended);
    cost.micros += bill.amount.micros + bill.keeping.micros;
    context_.say(context_.style_err(bill_line(bill), Style::dim));
    if (machines() == 1) report_["bill"] = bill_json(bill);
    if (machines() > 1) report_["bills"].push_back(bill_json(bill));
  }
  if (machines() > 1) context_.say(context_.style_err("All machines: " + model::format_money(cost), Style::dim));
  return outcome;
}

Outcome JobRun::detach() {
  for (const auto& job : jobs_) {
    const std::string id = model::format_id(job->lease());
    const auto view = (*context_.api())->lease(job->lease());
    const auto known = view ? publish_to_ssh(context_, view->lease) : fail(view);
    if (!known) context_.say("warning: plain ssh does not know " + id + ": " + printable(known.error().message));
    if (!context_.json()) context_.print(id + "\n");
  }
  if (context_.json()) context_.print_json(report_);
  const std::string id = model::format_id(jobs_.front()->lease());
  context_.say("The job runs on its own. 'hanse logs -f " + id + "' follows it, 'hanse stop " + id + "' ends it" +
               (machines() > 1 ? ", and so for the others." : "."));
  const auto& file = options_.file;
  if (!file.job.outputs.empty() && file.demand.keep_s > 0) {
    context_.say("Its outputs stay for up to " + model::format_duration(file.demand.keep_s) +
                 " once it is over: 'hanse attach " + id + "', from any terminal, brings them back.");
  } else if (!file.job.outputs.empty()) {
    context_.say(
        "warning: nothing keeps its outputs: they go about two minutes after its end. `keep: 1h` lets them stay.");
  }
  return 0;
}

}  // namespace hanse::cli
