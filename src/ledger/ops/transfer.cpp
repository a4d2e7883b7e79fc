#include "ledger/ops/transfer.hpp"

#include "ledger/rules.hpp"

namespace hanse::ledger {

Result<> check(const model::Transfer& op, const model::Params&) {
  if (op.amount.micros <= 0 || !is_valid(op.amount)) {
    return fail(ErrorCode::invalid_argument, "the amount must be above 0 and at most 9000000000 credits");
  }
  if (op.to.is_zero()) return fail(ErrorCode::invalid_argument, "the transfer names no receiver");
  return check_text("the memo", op.memo, 0, 128);
}

Result<model::Outcome> apply(const model::Transfer& op, Context& context) {
  if (op.to == context.account) {
    return fail(ErrorCode::invalid_argument, "the receiver is the sender: name another account");
  }
  if (auto spent = context.spend(op.amount, "the transfer"); !spent) return fail(spent);
  context.credit(op.to, op.amount);
  auto& event = context.emit(model::EventKind::transferred);
  event.account = context.account;
  event.counterparty = op.to;
  event.amount = op.amount;
  event.note = op.memo;
  return model::Outcome{};
}

}  // namespace hanse::ledger
