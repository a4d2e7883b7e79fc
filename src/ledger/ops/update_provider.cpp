#include "ledger/ops/update_provider.hpp"

#include "ledger/rules.hpp"

namespace hanse::ledger {

Result<> check(const model::UpdateProvider& op, const model::Params&) {
  if (auto name = check_text("the name", op.name, 1, 64); !name) return name;
  if (auto endpoint = check_endpoint(op.endpoint); !endpoint) return endpoint;
  return check_key("the host key", op.host_key);
}

Result<model::Outcome> apply(const model::UpdateProvider& op, Context& context) {
  if (auto provider = find_provider(context, context.account); !provider) return fail(provider);
  context.tables.providers.change(context.account, [&](model::Provider& p) {
    p.name = op.name;
    p.endpoint = op.endpoint;
    p.host_key = op.host_key;
  });
  context.provider_changed(context.account);
  context.emit(model::EventKind::provider_updated).account = context.account;
  return model::Outcome{};
}

}  // namespace hanse::ledger
