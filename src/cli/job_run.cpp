// `hanse run` before the machines: plan, rent, and the same again where one was lost.

#include "cli/job_run.hpp"

#include "cli/registry_auth.hpp"
#include "cli/spot.hpp"
#include "cli/workdir.hpp"
#include "model/text.hpp"
#include "wire/codec.hpp"

namespace hanse::cli {
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
  if (options_.login) report_["plan"]["registry"] = {{"place", options_.login->place}, {"user", options_.login->user}};
  for (const auto& line : workdir_.skipped) context_.say("left out: " + printable(line));
  return 0;
}

Result<> JobRun::scan_workdir() {
  const auto& file = options_.file;
  if (file.workdir.empty()) return {};
  auto tree = scan(file.workdir, Ignoring::listed);
  if (!tree) return fail(tree);
  workdir_ = std::move(*tree);
  if (auto fits = check_disk(workdir_, file.demand.disk_bytes); !fits) return fits;
  report_["plan"]["workdir"] = workdir_json(workdir_);
  return {};
}

/// What goes to a stranger's machine, as the plan says it.
Facts JobRun::sent_lines() const {
  auto out = options_.file.workdir.empty() ? Facts{} : workdir_facts(workdir_, machines());
  if (options_.login) {
    const auto more = registry_facts(*options_.login);
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

Outcome JobRun::plan_and_confirm() {
  auto& file = options_.file;
  const std::string what = "job " + file.job.name + " (" + file.job.image + ")";
  agreed_ = file.demand;
  const bool may_wait = file.retry_on_no_capacity && retry_until_.ms > 0;
  if (on_spot()) {
    auto agreed = confirm_spot(context_, file.demand, {file.bid, file.sealed}, what, sent_lines(), options_.yes);
    if (agreed) {
      report_["plan"].update(*agreed);
      return 0;
    }
    const bool none = agreed.error().code == ErrorCode::no_match;
    if (!none || !may_wait) return refuse(agreed.error(), none ? no_match_hint(agreed.error().message, true) : "");
    return confirm_wait(agreed.error());
  }
  auto plan = make_plan(context_, file.demand, what);
  if (!plan) {
    const bool none = plan.error().code == ErrorCode::no_match;
    if (!none || !may_wait) return refuse(plan.error(), none ? no_match_hint(plan.error().message, true) : "");
    if (!context_.json()) print_err(facts(sent_lines(), context_.terminal.err_color));
    return confirm_wait(plan.error());
  }
  plan->sent = sent_lines();
  report_["plan"].update(plan_json(*plan));
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

Outcome JobRun::attempts() {
  constexpr int kMostPlans = 3;
  for (int plans = 1;;) {
    make_jobs();
    const auto first = request_lease();
    if (!first && first.error().code == ErrorCode::price_changed && plans++ < kMostPlans) {
      context_.say(printable(first.error().message));
      if (auto agreed = plan_and_confirm(); !agreed) return agreed;
      continue;
    }
    if (!first) return std::unexpected(Failure(first.error(), "", interrupt_->count() > 0 ? kInterrupted : -1));
    const auto attempt = serve(*first);
    if (attempt.end == Attempt::End::exited && options_.detach) return detach();
    if (attempt.end == Attempt::End::exited && on_spot()) {
      const auto again = leave_early(attempt);
      if (!again) return refuse(again.error());
      if (!*again) return finish(attempt);
    } else if (attempt.end != Attempt::End::lost) {
      return finish(attempt);
    }
    if (const auto again = after_loss(); !again) return refuse(again.error());
  }
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

}  // namespace hanse::cli
