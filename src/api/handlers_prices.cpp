// Prices by class.

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "api/route.hpp"
#include "api/views.hpp"
#include "model/price_class.hpp"
#include "wire/json.hpp"

namespace hanse::api {
namespace {

constexpr std::uint64_t kDepthDurationS = 3600;

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// One that a machine may be of; nullopt for any other text.
std::optional<model::PriceClass> class_of_text(std::string_view text) {
  auto out = text.size() <= model::kMaxClassBytes && is_printable(text) ? model::parse_class(text) : std::nullopt;
  return out && out->gpu.empty() ? std::nullopt : out;
}

/// Free GPUs by the price that they are posted at, the cheapest first.
nlohmann::json depth_of(const ledger::Ledger& ledger, const model::PriceClass& price_class) {
  model::Demand demand;
  demand.where = "gpu=" + price_class.gpu;
  demand.gpu_count = 1;
  demand.duration_s = kDepthDurationS;
  const auto wanted = market::Wanted::from(demand);
  auto out = nlohmann::json::array();
  if (!wanted) return out;  // a name that `where` cannot write
  std::map<Money, std::uint64_t> gpus;
  for (const auto& match : ledger.book().list(*wanted, kDepthOffers)) {
    const auto* offer = ledger.state().offer(match.offer);
    if (model::class_of(offer->machine) != price_class) continue;
    const auto leased = static_cast<std::uint64_t>(std::popcount(offer->leased_devices));
    gpus[offer->prices.on_demand_per_gpu_hour] += offer->machine.gpu_count - leased;
  }
  for (const auto& [price, count] : gpus) out.push_back({{"price_micros", price.micros}, {"gpus", count}});
  return out;
}

/// As on record, which is of the last price step, but for spot: that is of the last auction.
nlohmann::json class_view(const ledger::State& state, const model::ClassPrices& prices) {
  auto current = prices;
  const auto price_class = model::parse_class(prices.price_class);
  const auto* auction = price_class ? state.auction(model::id_of(*price_class)) : nullptr;
  if (auction != nullptr) current.spot = auction->price_per_gpu_hour;
  return wire::to_json(current);
}

}  // namespace

Result<Answer> list_prices(const Context& context, const Call& call) {
  const auto limit = call.limit();
  if (!limit) return fail(limit);
  const std::string after(call.find("after").value_or(""));
  if (call.find("after") && !class_of_text(after)) {
    return fail(ErrorCode::invalid_argument, "after: give the `next` of the page before as it is");
  }
  const auto name = call.find("gpu").value_or("");
  if (name.size() > model::kMaxValueBytes || !is_printable(name)) {
    return fail(ErrorCode::invalid_argument, "gpu must be how a model's name begins, such as h100");
  }
  const std::string gpu = model::fold(model::WhereField::gpu, name);
  auto items = nlohmann::json::array();
  std::string next;
  context.node.read([&](const ledger::Ledger& ledger) {
    // Classes sort by GPU first, so those of one model lie together behind its name.
    const auto classes = ledger.state().classes(std::max(after, gpu), *limit);
    for (const auto* prices : classes) {
      if (!prices->price_class.starts_with(gpu)) return;
      items.push_back(class_view(ledger.state(), *prices));
    }
    if (classes.size() == *limit) next = classes.back()->price_class;
  });
  return json_answer(page(std::move(items), next));
}

Result<Answer> get_price_history(const Context& context, const Call& call) {
  const auto hours = call.integer("hours", kDefaultHistoryHours, 1, model::kPriceHistoryHours);
  if (!hours) return fail(hours);
  const std::string text(call.find("class").value_or(""));
  const auto price_class = class_of_text(text);
  if (!price_class) {
    return fail(ErrorCode::invalid_argument, "class must be one that /v1/prices lists, such as h100-sxm/europe");
  }
  nlohmann::json out;
  context.node.read([&](const ledger::Ledger& ledger) {
    const auto& state = ledger.state();
    const auto id = model::id_of(*price_class);
    const auto* prices = state.class_prices(id);
    if (prices == nullptr) return;
    const std::uint64_t now_hour = static_cast<std::uint64_t>(state.time().ms) / 3'600'000;
    auto points = nlohmann::json::array();
    for (const auto& point : state.price_history(id, now_hour - std::min(now_hour, *hours - 1))) {
      points.push_back({{"hour_ms", point.hour * 3'600'000},
                        {"index_micros", point.index.micros},
                        {"base_micros", point.base.micros},
                        {"spot_micros", point.spot.micros},
                        {"gpus", point.gpus},
                        {"leased", point.leased}});
    }
    out = {{"prices", class_view(state, *prices)}, {"depth", depth_of(ledger, *price_class)}, {"history", points}};
  });
  if (out.is_null()) {
    return fail(ErrorCode::not_found, "nobody offers " + text.substr(0, 96) + ": /v1/prices lists what there is");
  }
  return json_answer(out);
}

}  // namespace hanse::api
