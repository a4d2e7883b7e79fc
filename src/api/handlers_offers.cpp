// Offers and quotes.

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/route.hpp"
#include "api/views.hpp"
#include "ledger/rules.hpp"
#include "market/figures.hpp"
#include "market/place.hpp"
#include "wire/json.hpp"

namespace hanse::api {
namespace {

using model::WhereField;

constexpr std::uint64_t kDefaultDurationS = 3600;

/// Figures to sort by, in the order of the names that `sort` takes.
enum class SortKey : std::uint8_t { value, price, vram, reliability, gpus, cpu, memory, disk, inet_down, inet_up, id };
constexpr std::array<std::string_view, 11> kSortNames{"value",  "price", "vram",      "reliability", "gpus", "cpu",
                                                      "memory", "disk",  "inet_down", "inet_up",     "id"};

struct Order {
  SortKey key = SortKey::value;
  bool descending = false;
};

/// An offer's place in the list: its figure, negated where the order is turned round, then its id. The cursor is the
/// last place shown, so that a page goes on behind it whatever came or went meanwhile.
struct Place {
  std::int64_t figure = 0;
  std::uint64_t id = 0;
  auto operator<=>(const Place&) const = default;
};

Result<Order> parse_order(const Call& call) {
  Order out;
  auto text = call.find("sort").value_or(kSortNames.front());
  if (text.starts_with('-') || text.ends_with('-')) {
    out.descending = true;
    text.starts_with('-') ? text.remove_prefix(1) : text.remove_suffix(1);
  }
  const auto found = std::find(kSortNames.begin(), kSortNames.end(), text);
  if (found == kSortNames.end()) {
    std::string names;
    for (const auto name : kSortNames) names.append(names.empty() ? "" : ", ").append(name);
    return fail(ErrorCode::invalid_argument,
                "sort must be one of " + names + ", with - in front or behind to turn it round");
  }
  out.key = static_cast<SortKey>(found - kSortNames.begin());
  return out;
}

std::int64_t figure_of(const Order& order, const model::Machine& machine, const market::Price& price,
                       std::int64_t reliability) {
  std::int64_t out = 0;
  switch (order.key) {
    case SortKey::value:  // expected cost per useful hour, as matching has it
      out = scale(price.per_gpu_hour, 1'000'000, std::max<std::int64_t>(1, reliability)).value_or(kMaxMoney).micros;
      break;
    case SortKey::price:
      out = price.per_gpu_hour.micros;
      break;
    case SortKey::vram:
      out = market::figure_of(machine, WhereField::vram);
      break;
    case SortKey::reliability:
      out = reliability;
      break;
    case SortKey::gpus:
      out = machine.gpu_count;
      break;
    case SortKey::cpu:
      out = market::figure_of(machine, WhereField::cpu);
      break;
    case SortKey::memory:
      out = market::figure_of(machine, WhereField::memory);
      break;
    case SortKey::disk:
      out = market::figure_of(machine, WhereField::disk);
      break;
    case SortKey::inet_down:
      out = market::figure_of(machine, WhereField::inet_down);
      break;
    case SortKey::inet_up:
      out = market::figure_of(machine, WhereField::inet_up);
      break;
    case SortKey::id:
      break;
  }
  return order.descending ? -out : out;
}

/// "-1200000.17"
std::string format_place(const Place& place) {
  return std::to_string(place.figure) + "." + std::to_string(place.id);
}

Result<std::optional<Place>> parse_place(const Call& call) {
  const auto text = call.find("after");
  if (!text) return std::optional<Place>{};
  const char* const begin = text->data();
  const char* const end = begin + text->size();
  const char* const dot = std::find(begin, end, '.');
  Place out;
  const auto first = std::from_chars(begin, dot, out.figure);
  const auto second =
      dot < end ? std::from_chars(dot + 1, end, out.id) : std::from_chars_result{nullptr, std::errc::invalid_argument};
  if (first.ec != std::errc() || first.ptr != dot || second.ec != std::errc() || second.ptr != end) {
    return fail(ErrorCode::invalid_argument, "after: give the `next` of the page before as it is");
  }
  return std::optional(out);
}

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
    if (*text != "on_demand" && *text != "reserved") {
      return fail(ErrorCode::invalid_argument, "mode must be on_demand or reserved");
    }
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
  const auto after = call.id<model::OfferId>("after");
  if (!after) return fail(after);
  const auto limit = call.limit();
  if (!limit) return fail(limit);
  model::Demand demand;
  demand.duration_s = kDefaultDurationS;
  auto items = nlohmann::json::array();
  std::string next;
  context.node.read([&](const ledger::Ledger& ledger) {
    const auto& state = ledger.state();
    const auto offers = state.offers(*provider, *after, *limit);
    for (const auto* offer : offers) {
      items.push_back(offer_view(state, *offer, demand, now(state, context.clock.now())));
    }
    if (offers.size() == *limit) next = model::format_id(offers.back()->id);
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
      out["explanation"]["text"] =
          (is_spot ? "no machine that is for rent on spot fits: " : "") + market::why_not(book, *wanted, records);
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
