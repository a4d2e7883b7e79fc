#include "ledger/ops/register_provider.hpp"

#include "ledger/rules.hpp"

namespace hanse::ledger {

Result<> check(const model::RegisterProvider& op, const model::Params&) {
  if (auto name = check_text("the name", op.name, 1, 64); !name) return name;
  if (auto endpoint = check_endpoint(op.endpoint); !endpoint) return endpoint;
  return check_key("the host key", op.host_key);
}

Result<model::Outcome> apply(const model::RegisterProvider& op, Context& context) {
  if (context.tables.providers.find(context.account)) {
    return fail(ErrorCode::already_exists, "this account is a provider already: change what it says instead");
  }
  model::Provider provider;
  provider.account = context.account;
  provider.name = op.name;
  provider.endpoint = op.endpoint;
  provider.host_key = op.host_key;
  provider.registered_at = context.now();
  provider.last_heartbeat_at = context.now();
  context.tables.providers.insert(std::move(provider));
  const auto timeout_s = static_cast<std::int64_t>(context.params().heartbeat_timeout_s);
  const Time silent_at = after_ms(after_s(context.now(), timeout_s), 1);
  context.tables.watches.insert({context.account, Liveness::reachable, silent_at});
  context.liveness_changed(context.account);
  context.emit(model::EventKind::provider_registered).account = context.account;
  return model::Outcome{};
}

}  // namespace hanse::ledger
