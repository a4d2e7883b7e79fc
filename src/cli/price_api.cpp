#include "cli/price_api.hpp"

#include "wire/json.hpp"

namespace hanse::cli {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

std::unexpected<Error> misunderstood() {
  return fail(ErrorCode::malformed,
              "the node's answer has not the form that this program knows: is it a hanse node of "
              "this version?");
}

std::int64_t number(const nlohmann::json& from, const char* key) {
  const auto found = from.find(key);
  return found == from.end() || !found->is_number_integer() ? 0 : found->get<std::int64_t>();
}

}  // namespace

Result<std::vector<model::ClassPrices>> list_prices(NodeApi& api, const std::string& gpu) {
  std::vector<model::ClassPrices> out;
  const std::string target = "/v1/prices?limit=1000&gpu=" + url_encode(gpu);
  for (std::string next; true;) {
    const auto answer = api.raw(next.empty() ? target : target + "&after=" + url_encode(next));
    if (!answer) return fail(answer);
    if (!answer->contains("items") || !answer->at("items").is_array()) return misunderstood();
    for (const auto& item : answer->at("items")) {
      auto prices = wire::from_json<model::ClassPrices>(item);
      if (!prices) return fail(prices);
      out.push_back(std::move(*prices));
    }
    const auto after = answer->find("next");
    if (after == answer->end() || !after->is_string()) return out;
    if (after->get<std::string>() == next) return misunderstood();
    next = after->get<std::string>();
  }
}

Result<PriceHistory> price_history(NodeApi& api, const std::string& price_class, std::uint64_t hours) {
  auto answer = api.raw("/v1/prices/history?class=" + url_encode(price_class) + "&hours=" + std::to_string(hours));
  if (!answer) return fail(answer);
  for (const char* const part : {"prices", "depth", "history"}) {
    if (!answer->contains(part)) return misunderstood();
  }
  auto prices = wire::from_json<model::ClassPrices>(answer->at("prices"));
  if (!prices) return fail(prices);
  PriceHistory out;
  out.prices = std::move(*prices);
  for (const auto& item : answer->at("history")) {
    if (!item.is_object()) return misunderstood();
    model::PricePoint point;
    point.hour = static_cast<std::uint64_t>(std::max<std::int64_t>(number(item, "hour_ms"), 0) / kHourMs);
    point.index = Money{number(item, "index_micros")};
    point.base = Money{number(item, "base_micros")};
    point.spot = Money{number(item, "spot_micros")};
    out.points.push_back(point);
  }
  for (const auto& item : answer->at("depth")) {
    if (!item.is_object()) return misunderstood();
    out.depth.push_back({Money{number(item, "price_micros")}, static_cast<std::uint64_t>(number(item, "gpus"))});
  }
  out.raw = std::move(*answer);
  return out;
}

}  // namespace hanse::cli
