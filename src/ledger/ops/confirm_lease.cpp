#include "ledger/ops/confirm_lease.hpp"

#include "ledger/leases.hpp"
#include "ledger/providers.hpp"
#include "ledger/rules.hpp"
#include "model/text.hpp"

namespace hanse::ledger {

Result<> check(const model::ConfirmLease& op, const model::Params&) {
  if (op.host_key.is_zero()) return fail(ErrorCode::invalid_argument, "the host key is missing");
  return check_endpoint(op.endpoint);
}

Result<model::Outcome> apply(const model::ConfirmLease& op, Context& context) {
  auto lease = find_lease(context, op.lease);
  if (!lease) return fail(lease);
  if ((*lease)->provider != context.account) {
    return fail(ErrorCode::not_authorized, model::format_id(op.lease) + " is another provider's to confirm");
  }
  if ((*lease)->state != model::LeaseState::matched) {
    return fail(ErrorCode::wrong_state, model::format_id(op.lease) + " runs already or has ended");
  }
  if ((*lease)->start_deadline <= context.now()) {
    return fail(ErrorCode::wrong_state, "the start deadline of " + model::format_id(op.lease) + " has passed");
  }
  // Deciding whether a key is one costs as much as a signature: the one that was checked at registration is not again.
  if (op.host_key != context.tables.providers.at(context.account).host_key) {
    if (auto key = check_key("the host key", op.host_key); !key) return fail(key);
  }
  sign_of_life(context, context.account);
  start_lease(context, op.lease, op.endpoint, op.host_key);
  model::Outcome outcome;
  outcome.lease = op.lease;
  return outcome;
}

}  // namespace hanse::ledger
