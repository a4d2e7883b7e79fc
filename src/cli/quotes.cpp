#include "cli/quotes.hpp"

#include <nlohmann/json.hpp>

#include "client/private_file.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

/// What a price depends on beside the offer: a quote for one demand is none for another. On demand it is the same for
/// any time.
Result<nlohmann::json> shape_of(Context& context, const model::Demand& demand) {
  const auto node = context.node_options();
  if (!node) return fail(node);
  return nlohmann::json{{"node", node->url},
                        {"gpu_count", demand.gpu_count},
                        {"duration_s", demand.mode == model::Mode::on_demand ? 0 : demand.duration_s},
                        {"disk_bytes", demand.disk_bytes},
                        {"mode", std::string(model::name_of(demand.mode))}};
}

}  // namespace

void remember_quotes(Context& context, const model::Demand& demand, const std::vector<OfferView>& offers) {
  const auto home = context.home();
  auto shape = shape_of(context, demand);
  if (!home || !shape) return;
  nlohmann::json file{{"for", std::move(*shape)}, {"quotes", nlohmann::json::array()}};
  for (const auto& view : offers) {
    file["quotes"].push_back({{"quote", wire::to_json(view.seen.quote)}, {"until_ms", view.seen.until.ms}});
  }
  static_cast<void>(client::replace_private_file(home->quotes(), file.dump()));
}

std::optional<SeenQuote> recall_quote(Context& context, const model::Demand& demand, model::OfferId offer) {
  const auto home = context.home();
  const auto shape = shape_of(context, demand);
  if (!home || !shape || demand.mode != model::Mode::on_demand || demand.machines > 1) return std::nullopt;
  const auto text = read_text(home->quotes());
  const auto file = text ? wire::parse_json(*text) : fail(text);
  if (!file || !file->is_object() || file->value("for", nlohmann::json()) != *shape) return std::nullopt;
  for (const auto& entry : file->value("quotes", nlohmann::json::array())) {
    const auto part = entry.find("quote");
    const auto until = entry.find("until_ms");
    if (part == entry.end() || until == entry.end() || !until->is_number_integer()) continue;
    const auto quote = wire::from_json<model::Quote>(*part);
    if (quote && quote->offer == offer) return SeenQuote{*quote, Time{until->get<std::int64_t>()}};
  }
  return std::nullopt;
}

}  // namespace hanse::cli
