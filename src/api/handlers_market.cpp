// Accounts and providers.

#include <nlohmann/json.hpp>

#include "api/route.hpp"
#include "api/views.hpp"
#include "wire/json.hpp"

namespace hanse::api {

Result<Answer> get_account(const Context& context, const Call& call) {
  const auto id = model::parse_address(call.path_value);
  if (!id) return Call::wrong("address", id.error());
  model::Account account{*id, Money{}};
  auto grants = nlohmann::json::array();
  nlohmann::json spending;
  context.node.read([&](const ledger::Ledger& ledger) {
    // Every address is an account: one that was never paid just holds nothing.
    if (const auto* found = ledger.state().account(*id)) account = *found;
    for (const auto& grant : ledger.state().grants_of(*id)) grants.push_back(wire::to_json(grant));
    spending = spending_view(ledger.state().incentive(*id, now(ledger.state(), context.clock.now())));
  });
  return json_answer(
      {{"account", wire::to_json(account)}, {"grants", std::move(grants)}, {"spending", std::move(spending)}});
}

Result<Answer> list_providers(const Context& context, const Call& call) {
  const auto after = call.account("after");
  if (!after) return fail(after);
  const auto limit = call.limit();
  if (!limit) return fail(limit);
  auto items = nlohmann::json::array();
  std::string next;
  context.node.read([&](const ledger::Ledger& ledger) {
    const auto& state = ledger.state();
    const auto providers = state.providers(*after, *limit);
    for (const auto* provider : providers) {
      items.push_back(provider_view(state, *provider, now(state, context.clock.now())));
    }
    if (providers.size() == *limit) next = model::format_address(providers.back()->account);
  });
  return json_answer(page(std::move(items), next));
}

Result<Answer> get_provider(const Context& context, const Call& call) {
  const auto id = model::parse_address(call.path_value);
  if (!id) return Call::wrong("address", id.error());
  nlohmann::json out;
  context.node.read([&](const ledger::Ledger& ledger) {
    const auto& state = ledger.state();
    if (const auto* found = state.provider(*id)) {
      out = provider_view(state, *found, now(state, context.clock.now()));
    }
  });
  if (out.is_null()) {
    return fail(ErrorCode::not_found, call.path_value + " is no provider: 'hanse offers' shows who rents out");
  }
  return json_answer(out);
}

Result<Answer> list_auctions(const Context& context, const Call&) {
  nlohmann::json out;
  context.node.read([&](const ledger::Ledger& ledger) {
    const auto& state = ledger.state();
    const auto& params = state.params();
    const bool held = params.auction_period_s > 0;
    const Time next = held ? model::next_auction(now(state, context.clock.now()), params) : Time{};
    out = {{"next_ms", next.ms},
           {"reveals_from_ms", held ? model::reveals_from(next, params).ms : 0},
           {"period_s", params.auction_period_s},
           {"preempt_notice_s", params.preempt_notice_s},
           {"items", nlohmann::json::array()}};
    for (const auto* auction : state.auctions()) out["items"].push_back(wire::to_json(*auction));
  });
  return json_answer(out);
}

}  // namespace hanse::api
