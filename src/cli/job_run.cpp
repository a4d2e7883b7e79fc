// The outer half of `hanse run`: plan, rent, try again, end, bill. The inner half (job_serve.cpp) is what happens on
// the machine.

#include "cli/job_run.hpp"

#include "cli/bill.hpp"
#include "cli/copy.hpp"
#include "cli/lease_link.hpp"
#include "cli/progress.hpp"
#include "cli/show.hpp"
#include "cli/spot.hpp"
#include "cli/ssh_files.hpp"
#include "model/text.hpp"
#include "wire/codec.hpp"

namespace hanse::cli {
namespace {

/// As a person here would write it: relative, where that does not climb.
std::string from_here(const std::filesystem::path& path) {
  std::error_code error;
  const auto relative = std::filesystem::proximate(path, error);
  return error || relative.empty() || *relative.begin() == ".." ? path.string() : relative.string();
}

}  // namespace

Outcome JobRun::run() {
  if (auto prepared = prepare(); !prepared) return prepared;
  if (auto agreed = plan_and_confirm(); !agreed) return agreed;
  if (const auto wallet = context_.unlock(); !wallet) return refuse(wallet.error());
  interrupt_.emplace();
  return attempts();
}

/// Everything that can be wrong here is found before anything is paid.
Outcome JobRun::prepare() {
  context_.unlock_ahead();
  auto& file = options_.file;
  file.job.salt = random_bytes<32>();  // for its size; each request has its own
  file.job.wait_for_workdir = !file.workdir.empty();
  if (file.retry_for_s > 0) retry_until_ = after_s(system_clock().now(), static_cast<std::int64_t>(file.retry_for_s));
  if (wire::encode(file.job).size() > model::kMaxJobBytes) {
    return refuse(ErrorCode::too_large, "the job has more than 256 KiB",
                  "put long scripts into files of the workdir instead of `setup` and `run`");
  }
  if (auto scanned = scan_workdir(); !scanned) return refuse(scanned.error());
  for (const auto& line : workdir_.skipped) context_.say("left out: " + printable(line));
  return 0;
}

Result<> JobRun::scan_workdir() {
  const auto& file = options_.file;
  if (file.workdir.empty()) return {};
  IgnoreList ignore;
  if (const auto path = file.workdir / ".hanseignore"; std::filesystem::exists(path)) {
    const auto text = read_text(path);
    if (!text) return fail(text);
    ignore = IgnoreList::parse(*text);
  }
  auto tree = scan(file.workdir, ignore);
  if (!tree) return fail(tree);
  workdir_ = std::move(*tree);
  return {};
}

Outcome JobRun::plan_and_confirm() {
  auto& file = options_.file;
  const std::string what = "job " + file.job.name + " (" + file.job.image + ")";
  agreed_ = file.demand;
  const bool may_wait = file.retry_on_no_capacity && retry_until_.ms > 0;
  if (on_spot()) {
    const auto agreed = confirm_spot(context_, file.demand, {file.bid, file.sealed}, what, options_.yes);
    if (agreed) return 0;
    const bool none = agreed.error().code == ErrorCode::no_match;
    if (!none || !may_wait) return refuse(agreed.error(), none ? no_match_hint(agreed.error().message) : "");
    return confirm_wait(agreed.error());
  }
  auto plan = make_plan(context_, file.demand, what);
  if (!plan) {
    const bool none = plan.error().code == ErrorCode::no_match;
    if (!none || !may_wait) return refuse(plan.error(), none ? no_match_hint(plan.error().message) : "");
    return confirm_wait(plan.error());
  }
  report_["plan"] = plan_json(*plan);
  if (auto agreed = confirm(context_, *plan, options_.yes); !agreed) return refuse(agreed.error());
  hold_to(*plan, agreed_);
  endpoint_ = plan->endpoint;
  host_key_ = plan->host_key;
  plan_ = std::move(*plan);
  return 0;
}

Outcome JobRun::confirm_wait(const Error& why) {
  context_.say(printable(why.message));
  context_.say("Nothing fits now; the request waits until " + model::format_time(retry_until_) +
               " for a machine within the job's limits.");
  if (options_.yes || ask_yes_no(context_.terminal, "Wait for one and go on then?")) return 0;
  return refuse(ErrorCode::no_match, "nothing was rented", "--yes waits without asking");
}

void JobRun::connect_ahead() {
  if (endpoint_.empty()) return;
  // Connecting takes several round trips and does not need to know the lease yet.
  ahead_ = std::async(std::launch::async,
                      [endpoint = endpoint_, key = host_key_] { return SshSession::connect(endpoint, key); });
}

Outcome JobRun::attempts() {
  constexpr int kMostPlans = 3;
  for (int plans = 1;;) {
    connect_ahead();
    const auto lease = request_lease();
    if (!lease && lease.error().code == ErrorCode::price_changed && plans++ < kMostPlans) {
      context_.say(printable(lease.error().message));
      if (auto agreed = plan_and_confirm(); !agreed) return agreed;
      continue;
    }
    if (!lease) return std::unexpected(Failure(lease.error(), "", interrupt_->count() > 0 ? kInterrupted : -1));
    model::LeaseId id = *lease;
    auto attempt = serve(id);
    report_["lease"] = model::format_id(id);
    if (attempt.end == Attempt::End::exited && options_.detach) return detach(id);
    if (attempt.end == Attempt::End::exited && on_spot()) {
      const auto again = leave_early(id, attempt);
      if (!again) return refuse(again.error());
      if (!*again) return finish(id, attempt);
    } else if (attempt.end != Attempt::End::lost) {
      return finish(id, attempt);
    }
    // The lease ended under it. Whether to rent again is the job file's say.
    const auto ended = (*context_.api())->lease(id);
    if (!ended) return refuse(ended.error(), "'hanse ps' says what became of " + model::format_id(id));
    context_.say(bill_line(make_bill(*ended)));
    const auto again = may_try_again(*ended);
    if (!again) {
      take_back_request();
      return refuse(again.error());
    }
    context_.say("The machine was lost (" + state_text(ended->lease) + "); renting another.");
    session_.reset();
    forwarder_.reset();
    endpoint_.clear();
    if (auto scanned = scan_workdir(); !scanned) return refuse(scanned.error());
  }
}

Result<bool> JobRun::may_try_again(const LeaseView& ended) {
  const auto& file = options_.file;
  const auto reason = ended.lease.end_reason;
  const std::string how = model::format_id(ended.lease.id) + " has " + state_text(ended.lease) +
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
  // The whole run can never cost more than max_cost, however often it starts.
  if (agreed_.max_cost.micros > 0) {
    const auto left = subtract(agreed_.max_cost, ended.accrued);
    if (!left || left->micros == 0) return fail(ErrorCode::insufficient_funds, how + "; max_cost is used up");
    agreed_.max_cost = *left;
  }
  return true;
}

Result<model::LeaseId> JobRun::request_lease() {
  const auto access = context_.access_key();
  if (!access) return fail(access);
  if (on_spot()) return bid(access->public_key());
  options_.file.job.salt = random_bytes<32>();
  const bool waits = options_.file.retry_on_no_capacity && retry_until_ > system_clock().now();
  if (waits && !events_) {
    const auto status = (*context_.api())->status();
    if (!status) return fail(status);
    const auto options = context_.node_options();
    if (!options) return fail(options);
    events_ = client::EventStream::open(*options, {status->last_event_sequence, *context_.address()});
  }
  model::SubmitRequest request{
      agreed_, wire::job_hash(options_.file.job), access->public_key(), waits ? retry_until_ : Time{}, {}, {}};
  // A machine that is rented in place of a lost one is not the one that was planned.
  const auto plan = std::exchange(plan_, std::nullopt);
  const auto receipt = plan ? submit(context_, *plan, std::move(request)) : context_.send({std::move(request)});
  if (!receipt) return fail(receipt);
  if (receipt->outcomes.empty()) return fail(ErrorCode::internal, "the receipt names no request; please report it");
  request_ = receipt->outcomes.front().request;
  if (const auto lease = receipt->outcomes.front().lease) return lease;
  return await_match(request_);
}

Result<model::LeaseId> JobRun::await_match(model::RequestId request) {
  context_.say(model::format_id(request) + " waits for a machine until " + model::format_time(retry_until_) +
               "; Ctrl-C takes it back.");
  while (interrupt_->count() == 0) {
    const auto event = events_->next(500);
    if (!event && event.error().code != ErrorCode::unavailable) return fail(event);
    if (!event) {
      interrupt_->wait(1000);
      continue;
    }
    if (!*event || (*event)->request != request) continue;
    if ((*event)->kind == model::EventKind::request_matched && (*event)->lease) return (*event)->lease;
    if ((*event)->kind == model::EventKind::request_ended) {
      return fail(ErrorCode::no_match, "no machine that fits came free in time: " + (*event)->note);
    }
  }
  const auto cancelled = context_.send({model::CancelRequest{request}});
  if (!cancelled) {
    return fail(cancelled.error().code,
                "interrupted, and the request could not be taken back: " + cancelled.error().message +
                    ". Try 'hanse cancel " + model::format_id(request) + "'");
  }
  return fail(ErrorCode::wrong_state, "interrupted; the request is taken back and nothing was paid");
}

Outcome JobRun::finish(model::LeaseId lease, const Attempt& attempt) {
  Outcome outcome = attempt.exit_code;
  std::string note = "the job ended with exit code " + std::to_string(attempt.exit_code);
  if (attempt.end == Attempt::End::interrupted) {
    note = "interrupted by the consumer";
    outcome = kInterrupted;
    context_.say((output_is_lost() ? "\nNobody reads the output any more: ending " : "\nInterrupted: ending ") +
                 model::format_id(lease) + ".");
  } else if (attempt.end == Attempt::End::failed) {
    note = attempt.failure->error.message.substr(0, 200);
    outcome = std::unexpected(*attempt.failure);
  } else if (auto fetched = fetch_outputs(); !fetched && attempt.exit_code == 0) {
    outcome = std::move(fetched);
  } else if (!fetched) {
    context_.say(printable(fetched.error().error.message));  // the job failed: that its output is missing is no news
  }
  forwarder_.reset();
  session_.reset();
  const auto ended = end_by_consumer(context_, lease, note);
  if (!ended) {
    const std::string stop = "'hanse stop " + model::format_id(lease) + "'";
    context_.say("warning: " + model::format_id(lease) + " could not be ended (" + printable(ended.error().message) +
                 ") and may go on costing until it is: try " + stop);
    if (outcome) return refuse(ended.error(), "try " + stop);
    return outcome;
  }
  if (const auto home = context_.home()) forget_ssh_host(lease, *home);
  const Bill bill = make_bill(*ended);
  context_.say(context_.style_err(bill_line(bill), Style::dim));
  report_["bill"] = bill_json(bill);
  if (attempt.end == Attempt::End::exited) report_["exit_code"] = attempt.exit_code;
  if (context_.json() && outcome) context_.print_json(report_);
  return outcome;
}

Outcome JobRun::detach(model::LeaseId lease) {
  const std::string id = model::format_id(lease);
  const auto view = (*context_.api())->lease(lease);
  const auto known = view ? publish_to_ssh(context_, view->lease) : fail(view);
  if (!known) context_.say("warning: plain ssh does not know " + id + ": " + printable(known.error().message));
  if (context_.json()) {
    context_.print_json(report_);
  } else {
    context_.print(id + "\n");
  }
  context_.say("The job runs on its own. 'hanse logs -f " + id + "' follows it, 'hanse stop " + id + "' ends it.");
  return 0;
}

Outcome JobRun::fetch_outputs() {
  if (options_.file.outputs.empty()) return 0;
  auto sftp = Sftp::open(*session_);
  if (!sftp) return refuse(sftp.error());
  Progress progress(context_.terminal, "copying outputs", Unit::bytes, context_.json());
  CopyOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); };
  options.stopped = [&] { return interrupt_->count() > 0; };
  for (const auto& output : options_.file.outputs) {
    const auto target = options_.folder / output;
    const auto report = download(**sftp, "/workspace/" + output, target, options);
    if (!report) {
      progress.finish();
      return refuse(report.error().code == ErrorCode::not_found ? ErrorCode::io : report.error().code,
                    "output " + output + " did not come back: " + report.error().message);
    }
    for (const auto& line : report->skipped) context_.say("left out: " + printable(line));
    report_["outputs"].push_back(target.string());
    context_.say(output + ": " + rough_size(report->bytes) + " to " + from_here(target));
  }
  return 0;
}

}  // namespace hanse::cli
