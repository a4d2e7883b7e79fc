#include "ledger/admission.hpp"

#include "ledger/spending.hpp"

#include "model/text.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {
namespace {

Result<> check_window(const Tables& tables, Time valid_until) {
  const Time now = tables.head.time;
  if (valid_until <= now) {
    return fail(ErrorCode::expired, "this transaction was valid until " + model::format_time(valid_until) +
                                        " and the network's time is " + model::format_time(now) +
                                        ": sign it anew, and set this machine's clock if it is wrong");
  }
  const auto window_s = static_cast<std::int64_t>(tables.params.max_validity_s);
  if (valid_until <= after_s(now, window_s)) return {};
  return fail(ErrorCode::too_far_ahead, "a transaction may be valid for " +
                                            model::format_duration(tables.params.max_validity_s) +
                                            " at most: sign it anew, and set this machine's clock if it is wrong");
}

Result<> check_scope(const model::KeyGrant& grant, const model::Transaction& tx) {
  for (const auto& operation : tx.operations) {
    const auto name = model::name_of_operation(operation.index());
    const auto& scope = grant.operations;
    if (std::find(scope.begin(), scope.end(), name) != scope.end()) continue;
    return fail(ErrorCode::not_authorized, "this key may not sign " + std::string(name) +
                                               " for the account: sign with the account's own key, or authorise it");
  }
  return {};
}

}  // namespace

Result<std::optional<GrantKey>> admit(const Tables& tables, const Envelope& envelope) {
  if (envelope.error) return std::unexpected(*envelope.error);
  const auto& tx = envelope.tx;
  if (auto window = check_window(tables, tx.valid_until); !window) return fail(window);
  if (tables.replay.contains(tx.valid_until, envelope.hash)) {
    return fail(ErrorCode::replayed, "this very transaction is in the ledger already: look up its receipt");
  }
  if (tx.signer == tx.account) return std::nullopt;
  const GrantKey key{tx.account, tx.signer};
  const auto* grant = tables.grants.find(key);
  if (grant == nullptr) {
    return fail(ErrorCode::not_authorized,
                "the account has not authorised this key: sign with its own, or authorise it");
  }
  if (grant->expires_at <= tables.head.time) {
    return fail(ErrorCode::not_authorized,
                "this key's authorisation ended at " + model::format_time(grant->expires_at) + ": authorise it anew");
  }
  if (auto scope = check_scope(*grant, tx); !scope) return fail(scope);
  return key;
}

Money fee_of(const Tables& tables, const model::Transaction& tx) {
  Money fee;
  for (const auto& operation : tx.operations) fee.micros += tables.fees[operation.index()].micros;
  if (fee.micros == 0 || tables.params.fee_tiers.empty()) return fee;
  const auto* tier = tier_of(tables.params, spent_lately(tables, tx.account, tables.head.time));
  if (tier == nullptr) return fee;
  return {fee.micros - scale(fee, tier->discount_bps, 10'000)->micros};  // genesis sees to it that it is money
}

}  // namespace hanse::ledger
