#include "ledger/ops/submit_request.hpp"

#include "ledger/leases.hpp"
#include "ledger/requests.hpp"
#include "ledger/rules.hpp"
#include "model/text.hpp"

namespace hanse::ledger {
namespace {

constexpr std::size_t kMaxExplanationBytes = 2048;  // the bound of Outcome::explanation

std::string explain(const Context& context, const market::Wanted& wanted) {
  std::string text = why_not(context, wanted);
  if (text.size() > kMaxExplanationBytes) text.resize(kMaxExplanationBytes);
  return text;
}

Result<> check_wait(const Context& context, Time wait_until) {
  if (wait_until.ms == 0) return {};
  if (wait_until <= context.now()) {
    return fail(ErrorCode::invalid_argument, "the time to wait until lies in the past: give a later one, or none");
  }
  const auto most_s = context.params().max_wait_s;
  if (wait_until > after_s(context.now(), static_cast<std::int64_t>(most_s))) {
    return fail(ErrorCode::invalid_argument, "a request may wait for " + model::format_duration(most_s) + " at most");
  }
  return {};
}

model::RequestId insert_request(const model::SubmitRequest& op, Context& context) {
  model::Request request;
  request.id = {context.tables.head.next_request++};
  request.consumer = context.account;
  request.access_key = op.access_key.is_zero() ? context.account : op.access_key;
  request.job_hash = op.job_hash;
  request.demand = op.demand;
  request.state = model::RequestState::ended;  // until the caller matches it or lets it wait
  request.submitted_at = context.now();
  request.wait_until = op.wait_until;
  return context.tables.requests.insert(std::move(request)).id;
}

}  // namespace

Result<> check(const model::SubmitRequest& op, const model::Params& params) {
  if (op.demand.duration_s == 0 || op.demand.duration_s > params.max_duration_s) {
    return fail(ErrorCode::invalid_argument,
                "the duration must be from 1s to " + model::format_duration(params.max_duration_s));
  }
  if (op.wait_until > kMaxTime || op.wait_until < Time{}) {
    return fail(ErrorCode::invalid_argument, "the time to wait until is no time");
  }
  if (auto wanted = market::Wanted::from(op.demand); !wanted) return fail(wanted);
  return op.access_key.is_zero() ? Result<>{} : check_key("the access key", op.access_key);
}

Result<model::Outcome> apply(const model::SubmitRequest& op, Context& context) {
  if (auto wait = check_wait(context, op.wait_until); !wait) return fail(wait);
  const auto& requests = context.tables.requests.index;
  if (auto room = check_limit(context, requests.by_consumer.count(context.account), "requests"); !room) {
    return fail(room);
  }
  if (op.demand.machines > 1) {
    const auto leases = context.tables.leases.index.by_consumer.count(context.account);
    if (auto room = check_limit(context, leases + op.demand.machines - 1, "leases"); !room) return fail(room);
  }
  const auto wanted = market::Wanted::from(op.demand);
  if (!wanted) return fail(wanted);
  const auto matches = find_place(context, *wanted);
  if (matches.empty() && op.wait_until.ms == 0) return fail(ErrorCode::no_match, explain(context, *wanted));

  model::Outcome outcome;
  if (!matches.empty()) {
    if (auto spent = context.spend(market::lock_of(matches), "the lease's escrow"); !spent) return fail(spent);
    outcome.request = insert_request(op, context);
    outcome.offer = matches.front().offer;
    outcome.lease = match_leases(context, outcome.request, matches);
    return outcome;
  }
  outcome.explanation = explain(context, *wanted);
  outcome.request = insert_request(op, context);
  context.tables.requests.change(outcome.request, [](model::Request& r) { r.state = model::RequestState::waiting; });
  auto& event = context.emit(model::EventKind::request_waiting);
  event.account = context.account;
  event.request = outcome.request;
  event.note = outcome.explanation;
  return outcome;
}

}  // namespace hanse::ledger
