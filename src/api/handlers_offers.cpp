// Offers and quotes.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/offer_order.hpp"
#include "api/route.hpp"
#include "api/views.hpp"
#include "ledger/rules.hpp"
#include "market/place.hpp"
#include "wire/json.hpp"

namespace hanse::api {
namespace {

Result<model::Demand> parse_demand(const Call& call) {
  model::Demand out;
  out.where = call.find("where").value_or("");
  out.duration_s = kDefaultDurationS;
  const auto gpus = call.integer("gpus", 1, 1, model::kMaxDevicesPerMachine);
  if (!gpus) return fail(gpus);
  out.gpu_count = static_cast<std::uint32_t>(*gpus);
  if (const auto text = call.find("duration")) {
    const auto duration = model::parse_duration_s(*text);
    if (!duration) return Call::wrong("duration", duration.error());
    out.duration_s = *duration;
  }
  if (const auto text = call.find("mode")) {
    const auto found = std::find(kListModes.begin(), kListModes.end(), *text);
    if (found == kListModes.end()) return fail(ErrorCode::invalid_argument, "mode must be on_demand or reserved");
    if (*text == "reserved") out.mode = model::Mode::reserved;
  }
  if (const auto text = call.find("disk")) {
    const auto disk = model::parse_size(*text);
    if (!disk) return Call::wrong("disk", disk.error());
    out.disk_bytes = *disk;
  }
  return out;
}

/// As the ledger would: what it refuses is not priced.
Result<market::Wanted> checked(const Context& context, const model::Demand& demand) {
  Result<market::Wanted> out;
  context.node.read([&](const ledger::Ledger& ledger) { out = ledger::check_demand(demand, ledger.state().params()); });
  return out;
}

/// Offers by id, whatever their state.
Result<Answer> list_all_offers(const Context& context, const Call& call) {
  const auto provider = call.account("provider");
  if (!provider) return fail(provider);
  const auto after = parse_place(call);
  if (!after) return fail(after);
  const auto limit = call.limit();
  if (!limit) return fail(limit);
  model::Demand demand;
  demand.duration_s = kDefaultDurationS;
  auto items = nlohmann::json::array();
  std::string next;
  context.node.read([&](const ledger::Ledger& ledger) {
    const auto& state = ledger.state();
    const auto offers = state.offers(*provider, model::OfferId{after->value_or(Place{}).id}, *limit);
    for (const auto* offer : offers) {
      items.push_back(offer_view(state, *offer, demand, now(state, context.clock.now())));
    }
    if (offers.size() == *limit) next = format_place({0, offers.back()->id.value});
  });
  return json_answer(page(std::move(items), next));
}

/// Those that would serve the demand now, in order.
Result<Answer> list_fitting_offers(const Context& context, const Call& call) {
  const auto provider = call.account("provider");
  if (!provider) return fail(provider);
  const auto limit = call.limit();
  if (!limit) return fail(limit);
  const auto order = parse_order(call);
  if (!order) return fail(order);
  const auto after = parse_place(call);
  if (!after) return fail(after);
  const auto demand = parse_demand(call);
  if (!demand) return fail(demand);
  auto wanted = market::Wanted::from(*demand);
  if (!wanted) return Call::wrong("where", wanted.error());
  if (wanted = checked(context, *demand); !wanted) return fail(wanted);

  auto items = nlohmann::json::array();
  std::string next;
  context.node.read([&](const ledger::Ledger& ledger) {
    const auto& state = ledger.state();
    std::vector<std::pair<Place, const market::Match*>> places;
    const auto matches = ledger.book().list(*wanted, ledger.book().size());
    for (const auto& match : matches) {
      if (!provider->is_zero() && match.provider != *provider) continue;
      const auto* owner = state.provider(match.provider);
      const auto reliability = owner != nullptr ? market::reliability_millionths(*owner) : 0;
      const Place place{figure_of(*order, state.offer(match.offer)->machine, match.price, reliability),
                        match.offer.value};
      if (!*after || place > **after) places.emplace_back(place, &match);
    }
    const auto shown = std::min(*limit, places.size());
    std::partial_sort(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(shown), places.end());
    for (std::size_t i = 0; i < shown; ++i) {
      const auto& match = *places[i].second;
      items.push_back(offer_view(state, *state.offer(match.offer), *demand, now(state, context.clock.now())));
    }
    if (shown < places.size()) next = format_place(places[shown - 1].first);
  });
  return json_answer(page(std::move(items), next));
}

}  // namespace

Result<Answer> list_offers(const Context& context, const Call& call) {
  for (const std::string_view name : {"where", "gpus", "duration", "disk", "mode", "sort"}) {
    if (call.find(name)) return list_fitting_offers(context, call);
  }
  return list_all_offers(context, call);
}

Result<Answer> get_offer(const Context& context, const Call& call) {
  const auto id = model::parse_id<model::OfferTag>(call.path_value);
  if (!id) return Call::wrong("id", id.error());
  model::Demand demand;
  demand.duration_s = kDefaultDurationS;
  nlohmann::json out;
  context.node.read([&](const ledger::Ledger& ledger) {
    const auto& state = ledger.state();
    if (const auto* offer = state.offer(*id)) {
      out = offer_view(state, *offer, demand, now(state, context.clock.now()));
    }
  });
  if (out.is_null()) {
    return fail(ErrorCode::not_found,
                "no " + model::format_id(*id) + " is up any more: 'hanse offers' lists those that are");
  }
  return json_answer(out);
}

Result<Answer> quote(const Context& context, const Call& call) {
  const auto json = wire::parse_json(call.body);
  if (!json) return fail(json);
  auto demand = wire::from_json<model::Demand>(*json);
  if (!demand) return fail(demand);
  if (!json->contains("gpu_count")) demand->gpu_count = 1;
  if (!json->contains("machines")) demand->machines = 1;
  if (!json->contains("duration_s")) demand->duration_s = kDefaultDurationS;
  const bool is_spot = demand->mode == model::Mode::spot;
  const auto explain = call.integer("explain", 0, 0, 1);
  if (!explain) return fail(explain);
  if (auto possible = checked(context, *demand); !possible) return fail(possible);
  if (is_spot) demand->max_price_per_gpu_hour = demand->max_cost = {};  // what it pays is the auction's affair
  const auto wanted = market::Wanted::from(*demand);
  if (!wanted) return fail(wanted);

  nlohmann::json out{
      {"fits", false}, {"match", nullptr}, {"members", nlohmann::json::array()}, {"explanation", nullptr}};
  context.node.read([&](const ledger::Ledger& ledger) {
    const auto& state = ledger.state();
    const Time at = now(state, context.clock.now());
    const market::Records records{
        [&](model::OfferId id) -> const model::Offer& { return *state.offer(id); },
        [&](const model::AccountId& id) -> const model::Provider& { return *state.provider(id); }};
    const auto& book = is_spot ? ledger.spot_book() : ledger.book();
    const auto matches = market::place(book, *wanted, records);
    if (matches.empty() || *explain == 1) out["explanation"] = explanation_view(book.explain(*wanted));
    if (matches.empty()) {
      const auto why = market::why_not(book, *wanted, records);
      const bool is_empty = out["explanation"]["offers"] == 0;
      out["explanation"]["text"] = !is_spot   ? why
                                   : is_empty ? "no machine is for rent on spot now: there may be one on demand"
                                              : "no machine that is for rent on spot fits: " + why;
      return;
    }
    out["fits"] = true;
    if (is_spot) return;  // what it gets, and at what price, is the auction's affair too
    for (const auto& match : matches) out["members"].push_back(match_view(state, *demand, match, at));
    out["match"] = out["members"].front();
  });
  return json_answer(out);
}

}  // namespace hanse::api
