#include "api/schema.hpp"

#include <nlohmann/json.hpp>

#include "model/transaction.hpp"
#include "wire/codec.hpp"
#include "wire/kinds.hpp"

namespace hanse::api {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxJobText = 4096;

json integer(std::uint64_t maximum = 0) {
  json out{{"type", "integer"}, {"minimum", 0}};
  if (maximum != 0) out["maximum"] = maximum;
  return out;
}
json text(std::string_view pattern) {
  return {{"type", "string"}, {"pattern", pattern}};
}
json one_of(std::vector<std::string> names) {
  return {{"type", "string"}, {"enum", std::move(names)}};
}
json or_null(json schema) {
  return {{"oneOf", json::array({std::move(schema), {{"type", "null"}}})}};
}
json list_of(json item, std::size_t limit) {
  return {{"type", "array"}, {"items", std::move(item)}, {"maxItems", limit}};
}

/// An object that has all of these and nothing else.
json object(json properties) {
  auto names = json::array();
  for (const auto& item : properties.items()) names.push_back(item.key());
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(names)},
          {"additionalProperties", false}};
}

template <class T>
json names_of() {
  using hanse::name_of;
  using model::name_of;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < wire::count_of<T>(); ++i) names.emplace_back(name_of(static_cast<T>(i)));
  return one_of(std::move(names));
}

/// The schema of a field's type. Ids, accounts and fixed bytes are "" where they are none.
template <class T>
json schema_of(std::uint32_t limit, std::uint32_t item_limit) {
  if constexpr (wire::List<T>) {
    return list_of(schema_of<typename T::value_type>(item_limit, 0), limit);
  } else if constexpr (wire::OneOf<T>) {
    return schema_ref("Operation");
  } else if constexpr (model::Described<T>) {
    return schema_ref(model::Describe<T>::name);
  } else if constexpr (std::is_enum_v<T>) {
    return names_of<T>();
  } else if constexpr (wire::IsId<T>::value) {
    return text("^(" + std::string(T::tag::prefix) + "[1-9][0-9]*)?$");
  } else if constexpr (std::same_as<T, Money> || std::same_as<T, Time>) {
    return integer();
  } else if constexpr (std::same_as<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::integral<T>) {
    if constexpr (std::is_signed_v<T>) return {{"type", "integer"}};
    return integer(sizeof(T) < 8 ? std::numeric_limits<T>::max() : 0);
  } else if constexpr (std::same_as<T, crypto::PublicKey>) {
    return text("^(hanse1[a-z0-9]+)?$");
  } else if constexpr (wire::Fixed<T>) {
    return text("^([0-9a-f]{" + std::to_string(T::size * 2) + "})?$");
  } else if constexpr (std::same_as<T, Bytes>) {
    return {{"type", "string"}, {"pattern", "^([0-9a-f]{2})*$"}, {"maxLength", limit * 2}};
  } else {
    return {{"type", "string"}, {"maxLength", limit}};
  }
}

/// `all`: every key is required, as answers have it; a request may leave out what is zero.
template <model::Described T>
json record(bool all = true) {
  auto properties = json::object();
  model::for_each_field<T>([&]<class Owner, class Member>(const model::Field<Owner, Member>& field) {
    properties[std::string(field.name)] = schema_of<Member>(field.limit, field.item_limit);
  });
  json out = object(std::move(properties));
  if (!all) out.erase("required");
  return out;
}

template <std::size_t... Index>
void add_operations(json& out, std::index_sequence<Index...>) {
  auto choices = json::array();
  const auto add = [&]<std::size_t I>() {
    using Op = std::variant_alternative_t<I, model::Operation>;
    const std::string name(model::Describe<Op>::name);
    out[name] = record<Op>();
    choices.push_back(object({{std::string(model::name_of_operation(I)), schema_ref(name)}}));
  };
  (add.template operator()<Index>(), ...);
  out["Operation"] = {{"oneOf", std::move(choices)}};
}

void add_records(json& out) {
#define HANSE_SCHEMA(R) out[std::string(model::Describe<model::R>::name)] = record<model::R>();
  HANSE_SCHEMA(Account)
  HANSE_SCHEMA(KeyGrant)
  HANSE_SCHEMA(FeeTier)
  HANSE_SCHEMA(Params)
  HANSE_SCHEMA(Provider)
  HANSE_SCHEMA(Measurement)
  HANSE_SCHEMA(Machine)
  HANSE_SCHEMA(Discount)
  HANSE_SCHEMA(PriceList)
  HANSE_SCHEMA(Offer)
  HANSE_SCHEMA(Request)
  HANSE_SCHEMA(TermRate)
  HANSE_SCHEMA(RateChange)
  HANSE_SCHEMA(Lease)
  HANSE_SCHEMA(Auction)
  HANSE_SCHEMA(Outcome)
  HANSE_SCHEMA(Receipt)
  HANSE_SCHEMA(Transaction)
  HANSE_SCHEMA(Event)
  HANSE_SCHEMA(ClassPrices)
#undef HANSE_SCHEMA
  out["Demand"] = record<model::Demand>(false);
  out["Quote"] = record<model::Quote>();
  add_operations(out, std::make_index_sequence<std::variant_size_v<model::Operation>>());
}

void add_parameters(json& out) {
  out["Address"] = text("^hanse1[a-z0-9]+$");
  out["OfferId"] = text("^(offer-)?[1-9][0-9]*$");
  out["RequestId"] = text("^(request-)?[1-9][0-9]*$");
  out["LeaseId"] = text("^(lease-)?[1-9][0-9]*$");
  out["Hash"] = text("^[0-9a-fA-F]{64}$");
  out["Height"] = {{"type", "integer"}, {"minimum", 1}};
  out["Cursor"] = integer();
  out["PageLimit"] = {{"type", "integer"}, {"minimum", 1}, {"maximum", 1000}, {"default", 100}};
  out["Explain"] = {{"type", "integer"}, {"minimum", 0}, {"maximum", 1}};
  out["GpuCount"] = {{"type", "integer"}, {"minimum", 1}, {"maximum", model::kMaxDevicesPerMachine}};
  out["Where"] = {{"type", "string"}, {"maxLength", model::kMaxWhereBytes}};
  out["Duration"] = text("^([0-9]+[smhdw])+$");
  out["Size"] = text("^[0-9.]+[A-Za-z]+$");
  out["OfferSort"] = text("^-?(value|price|vram|reliability|gpus|cpu|memory|disk|inet_down|inet_up|id)$");
  out["OfferMode"] = one_of({"on_demand", "reserved"});
  out["LeaseListState"] = one_of({"live", "ended"});
  out["HistoryHours"] = {{"type", "integer"}, {"minimum", 1}, {"maximum", model::kPriceHistoryHours}, {"default", 168}};
  out["Text"] = {{"type", "string"}};
  out["Object"] = {{"type", "object"}};
  out["Binary"] = {{"type", "string"}, {"format", "binary"}};
}

/// What api/views.cpp and the handlers make.
void add_market_views(json& out) {
  const json boolean{{"type", "boolean"}};
  const json string{{"type", "string"}};
  out["Price"] = object({{"rate_micros_per_hour", integer()},
                         {"price_micros_per_gpu_hour", integer()},
                         {"term_discount_bps", integer(10'000)},
                         {"volume_discount_bps", integer(10'000)}});
  out["PriceHistory"] =
      object({{"prices", schema_ref("ClassPrices")},
              {"depth", list_of(object({{"price_micros", integer()}, {"gpus", integer()}}), kMaxJobText)},
              {"history", list_of(object({{"hour_ms", integer()},
                                          {"index_micros", integer()},
                                          {"base_micros", integer()},
                                          {"spot_micros", integer()},
                                          {"gpus", integer()},
                                          {"leased", integer()}}),
                                  model::kPriceHistoryHours)}});
  out["SpendingView"] = object({{"spent_micros", integer()},
                                {"fee_discount_bps", integer(10'000)},
                                {"next_tier", or_null(schema_ref("FeeTier"))}});
  out["AccountView"] = object({{"account", schema_ref("Account")},
                               {"grants", {{"type", "array"}, {"items", schema_ref("KeyGrant")}}},
                               {"spending", schema_ref("SpendingView")}});
  out["ProviderView"] = object(
      {{"provider", schema_ref("Provider")}, {"reliability_millionths", integer(1'000'000)}, {"reachable", boolean}});
  out["OfferView"] = object({{"offer", schema_ref("Offer")},
                             {"price", or_null(schema_ref("Price"))},
                             {"quote", or_null(schema_ref("Quote"))},
                             {"quoted_until_ms", or_null(integer())},
                             {"provider_name", string},
                             {"reliability_millionths", integer(1'000'000)},
                             {"free_devices", integer(model::kMaxDevicesPerMachine)},
                             {"reachable", boolean}});
  const json exit = object({{"after_s", integer()}, {"cost_micros", integer()}, {"at_term_rate_micros", integer()}});
  out["QuoteMatch"] = object({{"offer", schema_ref("OfferView")},
                              {"provider", schema_ref("ProviderView")},
                              {"devices", integer()},
                              {"price", schema_ref("Price")},
                              {"lock_micros", integer()},
                              {"keep_rate_micros_per_hour", integer()},
                              {"keep_reserve_micros", integer()},
                              {"early_exits", list_of(exit, 3)}});
  const json ruled = object({{"constraint", string},
                             {"offers", integer()},
                             {"only_this", integer()},
                             {"best", string},
                             {"price", or_null(schema_ref("Price"))},
                             {"offer", text("^(offer-[1-9][0-9]*)?$")}});
  out["Explanation"] =
      object({{"offers", integer()}, {"fitting", integer()}, {"text", string}, {"ruled", list_of(ruled, kMaxJobText)}});
  out["AuctionsView"] = object({{"next_ms", integer()},
                                {"reveals_from_ms", integer()},
                                {"period_s", integer()},
                                {"preempt_notice_s", integer()},
                                {"items", {{"type", "array"}, {"items", schema_ref("Auction")}}}});
  out["QuoteView"] = object({{"fits", boolean},
                             {"match", or_null(schema_ref("QuoteMatch"))},
                             {"members", list_of(schema_ref("QuoteMatch"), model::kMaxMachines)},
                             {"explanation", or_null(schema_ref("Explanation"))}});
}

void add_lease_views(json& out) {
  const json boolean{{"type", "boolean"}};
  out["RequestView"] = object({{"request", schema_ref("Request")}, {"live", boolean}});
  out["Accrual"] = object({{"billed_s", integer()},
                           {"accrued_micros", integer()},
                           {"keep_micros", integer()},
                           {"pending_micros", integer()},
                           {"escrow_micros", integer()},
                           {"left_now_micros", integer()}});
  out["LeaseView"] = object({{"lease", schema_ref("Lease")}, {"accrual", schema_ref("Accrual")}, {"live", boolean}});
  json invoice = json::object();
  for (const auto* name :
       {"gpu_count", "rate_micros_per_hour", "started_at_ms", "until_ms", "running_s", "billed_s", "accrued_micros",
        "keep_rate_micros_per_hour", "keep_micros", "kept_until_ms", "locked_micros", "released_micros",
        "pending_micros", "unspent_micros", "escrow_micros", "refunded_micros"}) {
    invoice[name] = integer();
  }
  invoice["lease"] = text("^lease-[1-9][0-9]*$");
  invoice["consumer"] = invoice["provider"] = schema_ref("Address");
  invoice["state"] = names_of<model::LeaseState>();
  invoice["end_reason"] = names_of<model::EndReason>();
  invoice["final"] = boolean;
  out["Invoice"] = object(std::move(invoice));
}

void add_node_views(json& out) {
  const json hash = text("^[0-9a-f]{64}$");
  const auto counters = [](std::initializer_list<const char*> names) {
    auto properties = json::object();
    for (const auto* name : names) properties[name] = integer();
    return object(std::move(properties));
  };
  out["Status"] = object({{"version", {{"type", "string"}}},
                          {"network", {{"type", "string"}}},
                          {"height", integer()},
                          {"time_ms", integer()},
                          {"app_hash", hash},
                          {"last_event_sequence", integer()},
                          {"issued_micros", integer()},
                          {"treasury_micros", integer()},
                          {"counts", counters({"accounts", "providers", "offers", "requests", "leases"})},
                          {"node", counters({"blocks", "transactions", "refused", "queued"})}});
  out["TransactionView"] =
      object({{"receipt", schema_ref("Receipt")}, {"transaction", or_null(schema_ref("Transaction"))}});
  out["BlockView"] = object({{"height", integer()},
                             {"time_ms", integer()},
                             {"beacon", hash},
                             {"transactions", list_of(hash, model::kMaxBlockTransactions)}});
  out["Health"] = object({{"status", one_of({"ok"})}});
  out["Problem"] = object({{"type", {{"type", "string"}}},
                           {"title", {{"type", "string"}}},
                           {"status", {{"type", "integer"}, {"minimum", 400}, {"maximum", 599}}},
                           {"detail", {{"type", "string"}}},
                           {"code", names_of<ErrorCode>()}});
  // A transaction's problem has its receipt too.
  out["Problem"]["properties"]["receipt"] = schema_ref("Receipt");
}

}  // namespace

json schema_ref(std::string_view name) {
  return {{"$ref", "#/components/schemas/" + std::string(name)}};
}

json schemas() {
  auto out = json::object();
  add_records(out);
  add_parameters(out);
  add_market_views(out);
  add_lease_views(out);
  add_node_views(out);
  for (const auto& [name, item] : {std::pair{"ProviderPage", "ProviderView"}, std::pair{"OfferPage", "OfferView"},
                                   std::pair{"PricePage", "ClassPrices"}, std::pair{"RequestPage", "RequestView"},
                                   std::pair{"LeasePage", "LeaseView"}, std::pair{"EventPage", "Event"}}) {
    out[name] = object({{"items", list_of(schema_ref(item), 1000)}, {"next", {{"type", {"string", "null"}}}}});
  }
  return out;
}

}  // namespace hanse::api
