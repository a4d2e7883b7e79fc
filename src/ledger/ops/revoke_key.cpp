#include "ledger/ops/revoke_key.hpp"

namespace hanse::ledger {

Result<> check(const model::RevokeKey&, const model::Params&) {
  return {};
}

Result<model::Outcome> apply(const model::RevokeKey& op, Context& context) {
  const GrantKey key{context.account, op.key};
  if (!context.tables.grants.find(key)) {
    return fail(ErrorCode::not_found, "this account has not authorised that key, or has revoked it already");
  }
  context.tables.grants.erase(key);
  auto& event = context.emit(model::EventKind::key_revoked);
  event.account = context.account;
  event.counterparty = model::AccountId(op.key);
  return model::Outcome{};
}

}  // namespace hanse::ledger
