#include "ledger/ops/settle.hpp"

#include "ledger/leases.hpp"
#include "ledger/rules.hpp"

namespace hanse::ledger {

Result<> check(const model::Settle&, const model::Params&) {
  return {};
}

Result<model::Outcome> apply(const model::Settle& op, Context& context) {
  if (auto lease = find_lease(context, op.lease); !lease) return fail(lease);
  settle_lease(context, op.lease);
  model::Outcome outcome;
  outcome.lease = op.lease;
  return outcome;
}

}  // namespace hanse::ledger
