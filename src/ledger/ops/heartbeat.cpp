#include "ledger/ops/heartbeat.hpp"

#include "ledger/providers.hpp"
#include "ledger/rules.hpp"

namespace hanse::ledger {

Result<> check(const model::Heartbeat&, const model::Params&) {
  return {};
}

Result<model::Outcome> apply(const model::Heartbeat&, Context& context) {
  if (auto provider = find_provider(context, context.account); !provider) return fail(provider);
  sign_of_life(context, context.account);
  return model::Outcome{};
}

}  // namespace hanse::ledger
