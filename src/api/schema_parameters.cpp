// Schemas of what requests say: the parameters of paths and queries, and the body of a quote.

#include "api/bounds.hpp"
#include "api/offer_order.hpp"
#include "api/schema.hpp"
#include "api/schema_parts.hpp"
#include "market/check.hpp"
#include "model/lease.hpp"
#include "model/price_class.hpp"
#include "model/prices.hpp"
#include "model/text.hpp"
#include "model/where.hpp"

namespace hanse::api {
namespace {

using nlohmann::json;

/// Some key's.
std::string example_address() {
  model::AccountId id;
  for (std::size_t i = 0; i < id.data.size(); ++i) id.data[i] = static_cast<std::uint8_t>(i + 1);
  return model::format_address(id);
}

/// With '-' in front or behind.
std::string sort_pattern() {
  std::string names;
  for (const auto name : kSortNames) names.append(names.empty() ? "" : "|").append(name);
  return "(-?(" + names + ")|(" + names + ")-)";
}

json number_text(const std::string& pattern) {
  return part::with(part::with(part::text(pattern), "minLength", 2), "maxLength", model::kMaxNumberText);
}

json described(json schema, const char* format, std::string description) {
  return part::with(part::with(std::move(schema), "format", format), "description", std::move(description));
}

json where_schema() {
  auto out = described(part::text_up_to(model::kMaxWhereBytes), "hanse-where",
                       "Constraints on a machine, all of which hold; empty: any machine. In bytes of UTF-8, not more.");
  return part::with(std::move(out), "examples",
                    {"gpu in [H100,A100] vram>=80GB", "country in [EU] reliability>=0.99", ""});
}

/// "If it fits `when`, then it fits `then` too."
json implies(json when, json then) {
  return {{"if", std::move(when)}, {"then", std::move(then)}};
}
json has(const char* property, json schema) {
  return {{"properties", {{property, std::move(schema)}}}, {"required", {property}}};
}

/// Of one type in every network, whatever its longest is.
json seconds(std::uint64_t least, std::uint64_t most) {
  return part::with(part::number(static_cast<std::int64_t>(least), most), "format", "int64");
}

/// Of a quote: `demand` as the ledger keeps it, within what may be asked for. What is left out has its default, or 0.
json demand_schema(json demand, const model::Params& params) {
  demand.erase("required");
  auto& fields = demand["properties"];
  fields["where"] = schema_ref("Where");
  fields["offer"] = part::text("(" + model::id_pattern<model::OfferTag>() + ")?");
  fields["gpu_count"] = part::with(part::number(1, model::kMaxDevicesPerMachine), "default", 1);
  fields["machines"] = part::with(part::number(1, model::kMaxMachines), "default", 1);
  fields["duration_s"] = part::with(seconds(1, params.max_duration_s), "default", kDefaultDurationS);
  fields["disk_bytes"] = part::number(0, market::kMaxBytes);
  fields["keep_s"] = seconds(0, params.max_keep_s);
  const json several = has("machines", {{"minimum", 2}});
  demand["allOf"] = {implies(has("mode", {{"const", "spot"}}), {{"properties", {{"machines", {{"maximum", 1}}}}}}),
                     implies(has("placement", {{"enum", {"same_provider", "same_country"}}}), several),
                     implies(several, {{"properties", {{"offer", {{"maxLength", 0}}}}}}),
                     implies(has("keep_s", {{"minimum", 1}}), has("disk_bytes", {{"minimum", 1}}))};
  demand["description"] =
      "On spot `where` says nothing of the price, and there is one machine. A placement is of several machines, and an "
      "offer is one machine. Files are kept on a disk of their own.";
  demand["examples"] = {{{"gpu_count", 1}, {"duration_s", 3600}},
                        {{"where", "gpu in [H100] vram>=80GB"},
                         {"gpu_count", 8},
                         {"machines", 4},
                         {"placement", "same_provider"},
                         {"duration_s", 86400},
                         {"mode", "reserved"}}};
  return demand;
}

void add_cursors(json& out) {
  out["Cursor"] = part::number(0, kMaxCursor);
  out["EventCursor"] = part::text("[0-9]{1,19}");
  out["PlaceCursor"] = part::with_example(part::text("[0-9a-fA-F]{" + std::to_string(2 * kPlaceBytes) + "}"),
                                          format_place({1'200'000, 17}));
  out["PageLimit"] = part::with(part::number(1, kMaxPage), "default", kDefaultPage);
}

}  // namespace

void add_parameter_schemas(json& out, const model::Params& params) {
  out["Address"] = part::with_example(described(part::text(model::address_pattern(true)), "hanse-address",
                                                "A public key in bech32m (BIP-350), wholly in lower or upper case."),
                                      example_address());
  out["OfferId"] = part::with_example(part::text(model::id_pattern<model::OfferTag>()), "offer-7");
  out["RequestId"] = part::with_example(part::text(model::id_pattern<model::RequestTag>()), "request-7");
  out["LeaseId"] = part::with_example(part::text(model::id_pattern<model::LeaseTag>()), "lease-7");
  out["Hash"] = part::with_example(part::text("[0-9a-fA-F]{64}"), std::string(64, '7'));
  out["Height"] = part::number(1, kMaxCursor);
  out["Explain"] = part::with(part::number(0, 1), "default", 0);
  out["GpuCount"] = part::with(part::number(1, model::kMaxDevicesPerMachine), "default", 1);
  out["Where"] = where_schema();
  out["Duration"] = part::with_example(
      described(number_text(model::duration_pattern()), "hanse-duration",
                "Units from large to small. From 1s to " + model::format_duration(params.max_duration_s) + "."),
      "12h");
  out["Size"] =
      part::with_example(described(number_text(model::size_pattern()), "hanse-size",
                                   "A whole number of bytes, up to " + model::format_size(model::kMaxSizeBytes) + "."),
                         "200GB");
  out["OfferSort"] = part::with(part::with_example(part::text(sort_pattern()), "-vram"), "default", kSortNames[0]);
  out["OfferMode"] = part::with(part::one_of(kListModes), "default", kListModes[0]);
  out["LeaseListState"] = part::one_of(kLeaseListStates);
  out["HistoryHours"] = part::with(part::number(1, model::kPriceHistoryHours), "default", kDefaultHistoryHours);
  out["PriceClass"] = part::with_example(
      part::with(part::text(model::class_pattern()), "maxLength", model::kMaxClassBytes), "h100-sxm/europe");
  out["NamePrefix"] = part::with_example(part::with(part::text("[ -~]*"), "maxLength", model::kMaxValueBytes), "h100");
  out["QuoteDemand"] = demand_schema(out.at("Demand"), params);
  out["SignedTransaction"] = {{"type", "string"},
                              {"format", "binary"},
                              {"maxLength", model::kMaxTransactionBytes},
                              {"description", "The protobuf bytes of a hanse.v1.SignedTransaction."}};
  add_cursors(out);
}

}  // namespace hanse::api
