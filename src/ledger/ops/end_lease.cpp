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
    return fail(ErrorCode::wrong_state, model::format_id(op.lease) + " runs already, or did: end it as completed");
  }
  if (lease.state == model::LeaseState::kept) {
    end_keeping(context, op.lease, EndReason::completed, std::min(context.now(), lease.kept_until));
    return {};
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
  if (lease.state == model::LeaseState::kept) {
    if (op.reason == EndReason::completed) {
      return fail(ErrorCode::wrong_state, model::format_id(op.lease) + "'s files are kept until " +
                                              model::format_time(lease.kept_until) +
                                              ": its consumer ends that before, or you say provider_failed");
    }
    end_keeping(context, op.lease, op.reason, std::min(context.now(), lease.kept_until));
    return {};
  }
  if (op.reason == EndReason::completed && !lease.early_rates.empty() && lease.job_hash.is_zero() &&
      context.now() < lease.ends_at) {
    return fail(ErrorCode::wrong_state, model::format_id(op.lease) +
                                            " is reserved and has no job that could be done: its consumer ends it "
                                            "early, or you say provider_failed");
  }
  const Time at = std::min(context.now(), due_end(lease));
  op.reason == EndReason::completed ? end_run(context, op.lease, op.reason, at, op.note)
                                    : end_lease(context, op.lease, op.reason, at, op.note);
  return {};
}

/// One who rents from itself is taken as the consumer, unless it says what only a provider can: that it failed, or, by
/// an authorised key as agents have them, that the job of a lease whose files are to be kept is done.
bool acts_as_provider(const model::EndLease& op, const model::Lease& lease, const Context& context) {
  if (lease.provider != context.account) return false;
  if (lease.consumer != context.account || op.reason == EndReason::provider_failed) return true;
  return context.grant && lease.keep_s > 0 && lease.state == model::LeaseState::running &&
         op.reason == EndReason::completed;
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
  if ((*lease)->consumer != context.account && (*lease)->provider != context.account) {
    return fail(ErrorCode::not_authorized, model::format_id(op.lease) + " is neither yours nor on your machine");
  }
  if (!is_live(**lease)) return fail(ErrorCode::wrong_state, model::format_id(op.lease) + " has ended already");
  auto ended = acts_as_provider(op, **lease, context) ? end_by_provider(op, **lease, context)
                                                      : end_by_consumer(op, **lease, context);
  if (!ended) return fail(ended);
  model::Outcome outcome;
  outcome.lease = op.lease;
  return outcome;
}

}  // namespace hanse::ledger
