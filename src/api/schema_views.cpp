// Schemas of what answers add to the records: of api/views.cpp, the handlers and problems.

#include "api/bounds.hpp"
#include "api/problem.hpp"
#include "api/schema.hpp"
#include "api/schema_parts.hpp"
#include "market/book.hpp"
#include "model/block.hpp"
#include "model/lease.hpp"
#include "model/offer.hpp"
#include "model/prices.hpp"
#include "model/transaction.hpp"

namespace hanse::api {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxExits = 3;               // of a reserved term: after 25, 50 and 75 %
constexpr std::size_t kMaxExplanationText = 2048;  // market::Explanation::text, and what a quote leads it by

json plain_text() {
  return {{"type", "string"}};
}
json own_id(const std::string& prefix) {
  return part::text(prefix + "[1-9][0-9]{0,19}");
}
json own_address() {
  return part::text(model::address_pattern(false));
}

void add_price_views(json& out) {
  out["Price"] = part::object({{"rate_micros_per_hour", part::money()},
                               {"price_micros_per_gpu_hour", part::money()},
                               {"term_discount_bps", part::basis_points()},
                               {"volume_discount_bps", part::basis_points()}});
  const json depth = part::object({{"price_micros", part::money()}, {"gpus", part::count()}});
  const json hour = part::object({{"hour_ms", part::time()},
                                  {"index_micros", part::money()},
                                  {"base_micros", part::money()},
                                  {"spot_micros", part::money()},
                                  {"gpus", part::count()},
                                  {"leased", part::count()}});
  out["PriceHistory"] = part::object({{"prices", schema_ref("ClassPrices")},
                                      {"depth", part::list_of(depth, kDepthOffers)},
                                      {"history", part::list_of(hour, model::kPriceHistoryHours)}});
  out["AuctionsView"] = part::object({{"next_ms", part::time()},
                                      {"reveals_from_ms", part::time()},
                                      {"period_s", part::count()},
                                      {"preempt_notice_s", part::count()},
                                      {"items", {{"type", "array"}, {"items", schema_ref("Auction")}}}});
}

void add_market_views(json& out) {
  out["SpendingView"] = part::object({{"spent_micros", part::money()},
                                      {"fee_discount_bps", part::basis_points()},
                                      {"next_tier", part::or_null(schema_ref("FeeTier"))}});
  out["AccountView"] = part::object({{"account", schema_ref("Account")},
                                     {"grants", part::list_of(schema_ref("KeyGrant"), model::kMaxGrants)},
                                     {"spending", schema_ref("SpendingView")}});
  out["ProviderView"] = part::object({{"provider", schema_ref("Provider")},
                                      {"reliability_millionths", part::millionths()},
                                      {"reachable", part::flag()}});
  out["OfferView"] = part::object({{"offer", schema_ref("Offer")},
                                   {"price", part::or_null(schema_ref("Price"))},
                                   {"quote", part::or_null(schema_ref("Quote"))},
                                   {"quoted_until_ms", part::or_null(part::time())},
                                   {"provider_name", part::text_up_to(model::kMaxValueBytes)},
                                   {"reliability_millionths", part::millionths()},
                                   {"free_devices", part::number(0, model::kMaxDevicesPerMachine)},
                                   {"reachable", part::flag()}});
}

void add_quote_views(json& out) {
  const json exit = part::object(
      {{"after_s", part::count()}, {"cost_micros", part::money()}, {"at_term_rate_micros", part::money()}});
  out["QuoteMatch"] = part::object({{"offer", schema_ref("OfferView")},
                                    {"provider", schema_ref("ProviderView")},
                                    {"devices", part::number(0, UINT64_MAX)},
                                    {"price", schema_ref("Price")},
                                    {"lock_micros", part::money()},
                                    {"keep_rate_micros_per_hour", part::money()},
                                    {"keep_reserve_micros", part::money()},
                                    {"early_exits", part::list_of(exit, kMaxExits)}});
  const json ruled = part::object({{"constraint", plain_text()},
                                   {"offers", part::count()},
                                   {"only_this", part::count()},
                                   {"best", plain_text()},
                                   {"price", part::or_null(schema_ref("Price"))},
                                   {"offer", part::text("(offer-[1-9][0-9]{0,19})?")}});
  out["Explanation"] = part::object({{"offers", part::count()},
                                     {"fitting", part::count()},
                                     {"text", part::text_up_to(kMaxExplanationText)},
                                     {"ruled", part::list_of(ruled, market::kMaxRuled)}});
  out["QuoteView"] = part::object({{"fits", part::flag()},
                                   {"match", part::or_null(schema_ref("QuoteMatch"))},
                                   {"members", part::list_of(schema_ref("QuoteMatch"), model::kMaxMachines)},
                                   {"explanation", part::or_null(schema_ref("Explanation"))}});
}

void add_lease_views(json& out) {
  out["RequestView"] = part::object({{"request", schema_ref("Request")}, {"live", part::flag()}});
  out["Accrual"] = part::object({{"billed_s", part::count()},
                                 {"accrued_micros", part::money()},
                                 {"keep_micros", part::money()},
                                 {"pending_micros", part::money()},
                                 {"escrow_micros", part::money()},
                                 {"left_now_micros", part::money()}});
  out["LeaseView"] =
      part::object({{"lease", schema_ref("Lease")}, {"accrual", schema_ref("Accrual")}, {"live", part::flag()}});
  json invoice{{"lease", own_id("lease-")},
               {"consumer", own_address()},
               {"provider", own_address()},
               {"state", part::names_of<model::LeaseState>()},
               {"end_reason", part::names_of<model::EndReason>()},
               {"gpu_count", part::number(0, model::kMaxDevicesPerMachine)},
               {"started_at_ms", part::time()},
               {"until_ms", part::time()},
               {"kept_until_ms", part::time()},
               {"running_s", part::count()},
               {"billed_s", part::count()},
               {"final", part::flag()}};
  for (const auto* name :
       {"rate_micros_per_hour", "accrued_micros", "keep_rate_micros_per_hour", "keep_micros", "locked_micros",
        "released_micros", "pending_micros", "unspent_micros", "escrow_micros", "refunded_micros"}) {
    invoice[name] = part::money();
  }
  out["Invoice"] = part::object(std::move(invoice));
}

void add_node_views(json& out) {
  const auto counters = [](std::initializer_list<const char*> names) {
    auto properties = json::object();
    for (const auto* name : names) properties[name] = part::count();
    return part::object(std::move(properties));
  };
  out["Status"] = part::object({{"version", plain_text()},
                                {"network", plain_text()},
                                {"height", part::count()},
                                {"time_ms", part::time()},
                                {"app_hash", part::hash()},
                                {"last_event_sequence", part::count()},
                                {"issued_micros", part::money()},
                                {"treasury_micros", part::money()},
                                {"counts", counters({"accounts", "providers", "offers", "requests", "leases"})},
                                {"node", counters({"blocks", "transactions", "refused", "queued"})}});
  out["TransactionView"] =
      part::object({{"receipt", schema_ref("Receipt")}, {"transaction", part::or_null(schema_ref("Transaction"))}});
  out["BlockView"] = part::object({{"height", part::count()},
                                   {"time_ms", part::time()},
                                   {"beacon", part::hash()},
                                   {"transactions", part::list_of(part::hash(), model::kMaxBlockTransactions)}});
  out["Health"] = part::object({{"status", part::one_of(std::vector{"ok"})}});
  out["Metrics"] = plain_text();
  out["OpenApi"] = {{"type", "object"}, {"required", {"openapi", "info", "paths", "components"}}};
}

/// Of the statuses of errors; a transaction's has its receipt too.
void add_problems(json& out) {
  json codes = part::names_of<ErrorCode>();
  codes["enum"].erase(0);  // ok
  json problem = part::object({{"type", part::text("urn:hanse:error:[a-z_]+")},
                               {"title", plain_text()},
                               {"status", part::number(400, 599)},
                               {"detail", plain_text()},
                               {"code", std::move(codes)}});
  json with_receipt = problem;
  with_receipt["properties"]["receipt"] = schema_ref("Receipt");
  with_receipt["required"].push_back("receipt");
  out["TransactionProblem"] = std::move(with_receipt);
  const Error example{ErrorCode::not_found, "there is no lease-7: 'hanse ps -a' lists yours"};
  out["Problem"] = part::with_example(std::move(problem), problem_json(example, status_of(example.code)));
}

struct List {
  const char* name;
  const char* item;
  const char* cursor;
};
constexpr List kLists[] = {{"ProviderPage", "ProviderView", "Address"}, {"OfferPage", "OfferView", "PlaceCursor"},
                           {"PricePage", "ClassPrices", "PriceClass"},  {"RequestPage", "RequestView", "RequestId"},
                           {"LeasePage", "LeaseView", "LeaseId"},       {"EventPage", "Event", "EventCursor"}};

}  // namespace

json schema_ref(std::string_view name) {
  return {{"$ref", "#/components/schemas/" + std::string(name)}};
}

void add_view_schemas(json& out) {
  add_price_views(out);
  add_market_views(out);
  add_quote_views(out);
  add_lease_views(out);
  add_node_views(out);
  add_problems(out);
  for (const auto& list : kLists) {
    out[list.name] = part::object(
        {{"items", part::list_of(schema_ref(list.item), kMaxPage)}, {"next", part::or_null(schema_ref(list.cursor))}});
  }
}

json schemas(const model::Params& params) {
  auto out = json::object();
  add_record_schemas(out);
  add_parameter_schemas(out, params);
  add_view_schemas(out);
  return out;
}

}  // namespace hanse::api
