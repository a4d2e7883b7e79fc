#include "ledger/ops/end_lease.hpp"

#include "ledger/accrual.hpp"
#include "ledger/leases.hpp"
#include "ledger/requests.hpp"
#include "ledger/rules.hpp"
#include "model/text.hpp"

namespace hanse::ledger {
namespace {

using model::EndReason;

Result<> end_by_consumer(const model::EndLease& op, const model::Lease& lease, Context& context) {
  if (op.reason == EndReason::provider_failed) {
    return fail(ErrorCode::not_authorized, "only the provider says that it failed: end the lease as completed");
  }
  if (lease.state == model::LeaseState::matched) {
    end_lease(context, op.lease, EndReason::cancelled, context.now(), op.note);
    return {};
  }
  if (op.reason == EndReason::cancelled) {
    return fail(ErrorCode::wrong_state, model::format_id(op.lease) + " runs already: end it as completed");
  }
  end_lease(context, op.lease, EndReason::completed, std::min(context.now(), due_end(lease)), op.note);
  return {};
}

Result<> end_by_provider(const model::EndLease& op, const model::Lease& lease, Context& context) {
  if (op.reason == EndReason::cancelled) {
    return fail(ErrorCode::not_authorized,
                "only the consumer cancels: a provider that cannot serve says "
                "provider_failed");
  }
  if (lease.state == model::LeaseState::matched) {
    if (op.reason == EndReason::completed) {
      return fail(ErrorCode::wrong_state, model::format_id(op.lease) + " never ran: it cannot be completed");
    }
    fail_start(context, op.lease, op.note);
    return {};
  }
  if (op.reason == EndReason::completed && !lease.early_rates.empty() && lease.job_hash.is_zero() &&
      context.now() < lease.ends_at) {
    return fail(ErrorCode::wrong_state, model::format_id(op.lease) +
                                            " is reserved and has no job that could be done: its consumer ends it "
                                            "early, or you say provider_failed");
  }
  end_lease(context, op.lease, op.reason, std::min(context.now(), due_end(lease)), op.note);
  return {};
}

}  // namespace

Result<> check(const model::EndLease& op, const model::Params&) {
  const bool known =
      op.reason == EndReason::completed || op.reason == EndReason::cancelled || op.reason == EndReason::provider_failed;
  if (!known) {
    return fail(ErrorCode::invalid_argument, "the reason must be completed, cancelled or provider_failed");
  }
  return check_text("the note", op.note, 0, 256);
}

Result<model::Outcome> apply(const model::EndLease& op, Context& context) {
  auto lease = find_lease(context, op.lease);
  if (!lease) return fail(lease);
  const bool by_consumer = (*lease)->consumer == context.account;
  if (!by_consumer && (*lease)->provider != context.account) {
    return fail(ErrorCode::not_authorized, model::format_id(op.lease) + " is neither yours nor on your machine");
  }
  if (!is_live(**lease)) return fail(ErrorCode::wrong_state, model::format_id(op.lease) + " has ended already");
  // One who rents from itself is taken as the consumer, unless it says what only a provider can.
  const bool as_consumer =
      by_consumer && !((*lease)->provider == context.account && op.reason == EndReason::provider_failed);
  auto ended = as_consumer ? end_by_consumer(op, **lease, context) : end_by_provider(op, **lease, context);
  if (!ended) return fail(ended);
  model::Outcome outcome;
  outcome.lease = op.lease;
  return outcome;
}

}  // namespace hanse::ledger
