#include "ledger/ops/authorize_key.hpp"

#include "ledger/rules.hpp"

namespace hanse::ledger {
namespace {

Result<> check_scope(const std::vector<std::string>& operations) {
  constexpr auto& known = model::Names<model::Operation>::names;
  if (operations.empty()) {
    return fail(ErrorCode::invalid_argument, "name at least one operation that the key may sign");
  }
  for (auto name = operations.begin(); name != operations.end(); ++name) {
    if (*name == "authorize_key" || *name == "revoke_key") {
      return fail(ErrorCode::invalid_argument, *name + " is for the account's own key alone: leave it out");
    }
    if (std::find(known.begin(), known.end(), *name) == known.end()) {
      return fail(ErrorCode::invalid_argument, "there is no operation \"" + *name + "\"");
    }
    if (std::find(operations.begin(), name, *name) != name) {
      return fail(ErrorCode::invalid_argument, "operation " + *name + " is named twice");
    }
  }
  return {};
}

std::size_t count_grants(const std::set<GrantKey>& all, const model::AccountId& owner) {
  std::size_t count = 0;
  for (auto key = all.lower_bound({owner, {}}); key != all.end() && key->owner == owner; ++key) ++count;
  return count;
}

}  // namespace

Result<> check(const model::AuthorizeKey& op, const model::Params&) {
  if (auto scope = check_scope(op.operations); !scope) return scope;
  if (!is_valid(op.spend_limit)) {
    return fail(ErrorCode::invalid_argument, "the spend limit must be from 0 to 9000000000 credits");
  }
  if (op.expires_at > kMaxTime) return fail(ErrorCode::invalid_argument, "the expiry is beyond all time");
  return check_key("the authorised key", op.key);
}

Result<model::Outcome> apply(const model::AuthorizeKey& op, Context& context) {
  if (op.key == context.account) {
    return fail(ErrorCode::invalid_argument, "this is the account's own key, which may sign everything already");
  }
  if (op.expires_at <= context.now()) {
    return fail(ErrorCode::invalid_argument, "the expiry lies in the past: the key could never sign");
  }
  auto& grants = context.tables.grants;
  const GrantKey key{context.account, op.key};
  const model::KeyGrant grant{context.account, op.key, op.operations, op.spend_limit, Money{}, op.expires_at};
  if (grants.find(key)) {
    grants.change(key, [&](model::KeyGrant& g) { g = grant; });
  } else {
    const auto count = count_grants(grants.index.by_owner, context.account);
    if (count >= model::kMaxGrants) {
      return fail(ErrorCode::limit_reached, "an account may authorise 64 keys: revoke one first");
    }
    grants.insert(grant);
  }
  auto& event = context.emit(model::EventKind::key_authorized);
  event.account = context.account;
  event.counterparty = model::AccountId(op.key);
  event.amount = op.spend_limit;
  return model::Outcome{};
}

}  // namespace hanse::ledger
