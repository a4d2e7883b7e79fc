#include "api/route.hpp"

#include <algorithm>

namespace hanse::api {
namespace {

constexpr std::string_view kAfterOfList = "The `next` of the page before.";

Parameter after(std::string_view schema) {
  return {"after", schema, kAfterOfList};
}
Parameter limit() {
  return {"limit", "PageLimit", "The most items on the page."};
}

Route get(std::string_view path, std::string_view operation, std::string_view summary, std::string_view schema,
          Handler handler) {
  Route out;
  out.method = "GET";
  out.path = path;
  out.operation = operation;
  out.summary = summary;
  out.answer_type = kJsonType;
  out.answer_schema = schema;
  out.handler = handler;
  out.is_public = true;
  return out;
}

Route with_id(Route route, Parameter parameter) {
  route.path_parameters = {parameter};
  route.problems.push_back(404);
  return route;
}

Route with_problem(Route route, unsigned status) {
  route.problems.push_back(status);
  return route;
}

Route with_query(Route route, std::vector<Parameter> query) {
  route.query = std::move(query);
  return route;
}

Route post_quote() {
  Route out;
  out.method = "POST";
  out.path = "/v1/quotes";
  out.operation = "quote";
  out.summary = "What would serve this demand now, at what price; or why nothing would.";
  out.body_type = kJsonType;
  out.body_schema = "QuoteDemand";
  out.answer_type = kJsonType;
  out.answer_schema = "QuoteView";
  out.query = {{"explain", "Explain", "1: with what rules the other offers out, though something fits."}};
  out.problems = {415, 422};
  out.handler = quote;
  return out;
}

Route post_transaction() {
  Route out;
  out.method = "POST";
  out.path = "/v1/transactions";
  out.operation = "submitTransaction";
  out.summary =
      "Enters a SignedTransaction and answers once its block is durable. Safe to repeat: a repeated one is answered "
      "with its first receipt. What the ledger refused is a problem with the `receipt` in it.";
  out.body_type = kTransactionType;
  out.body_schema = "SignedTransaction";
  out.answer_type = kJsonType;
  out.answer_schema = "Receipt";
  out.problems = {403, 415, 422, 504};
  out.way = Way::submit;
  return out;
}

Route get_events() {
  Route out = with_query(
      get("/v1/events", "listEvents",
          "A page of events; as a WebSocket, one event a text frame, from the one after `after` on, without end.",
          "EventPage", list_events),
      {{"after", "Cursor", "Only events with a greater sequence."},
       limit(),
       {"account", "Address", "Only events where it is account or counterparty."}});
  out.problems = {426};
  out.way = Way::events;
  return out;
}

std::vector<Route> make_market_routes() {
  const Parameter address{"address", "Address", "An account's address."};
  return {
      with_id(get("/v1/accounts/{address}", "getAccount", "An account's balance and the keys it authorised.",
                  "AccountView", get_account),
              address),
      with_query(get("/v1/providers", "listProviders", "All providers, by account.", "ProviderPage", list_providers),
                 {after("Address"), limit()}),
      with_id(get("/v1/providers/{address}", "getProvider", "One provider.", "ProviderView", get_provider), address),
      with_query(
          get("/v1/offers", "listOffers",
              "All offers by id; with any of where, gpus, duration, disk and sort: those that would serve such a "
              "demand now.",
              "OfferPage", list_offers),
          {{"where", "Where", "Constraints in the `where` language, such as `gpu in [H100] price<=2.50`."},
           {"gpus", "GpuCount", "Devices on one machine; 1 if not given."},
           {"duration", "Duration", "How long, such as 12h; 1h if not given."},
           {"disk", "Size", "Size of /workspace, such as 200GB."},
           {"mode", "OfferMode", "Whose price: on_demand if not given, or reserved for that duration."},
           {"sort", "OfferSort", "The order; `-` in front turns it round."},
           {"provider", "Address", "Only this provider's."},
           after("PlaceCursor"),
           limit()}),
      with_id(get("/v1/offers/{id}", "getOffer", "One offer.", "OfferView", get_offer),
              {"id", "OfferId", "As offer-7 or 7."}),
      get("/v1/auctions", "listAuctions",
          "When the next spot auction is, and the last one of each class: what a GPU-hour cleared at.", "AuctionsView",
          list_auctions),
      post_quote(),
      with_query(get("/v1/prices", "listPrices",
                     "What a GPU-hour costs by class (GPU model and region): the index of what leases paid, and the "
                     "base price that follows use.",
                     "PricePage", list_prices),
                 {{"gpu", "NamePrefix", "Only classes of GPUs whose name begins so, such as h100."},
                  after("PriceClass"),
                  limit()}),
      with_query(with_problem(get("/v1/prices/history", "getPriceHistory",
                                  "A class's prices hour by hour, and how many GPUs are free at which price.",
                                  "PriceHistory", get_price_history),
                              404),
                 {{"class", "PriceClass", "As h100-sxm/europe.", true},
                  {"hours", "HistoryHours", "How far back; a week if not given."}}),
  };
}

std::vector<Route> make_lease_routes() {
  const Parameter lease{"id", "LeaseId", "As lease-7 or 7."};
  return {
      with_query(get("/v1/requests", "listRequests", "Requests that wait or are matched, by id.", "RequestPage",
                     list_requests),
                 {{"consumer", "Address", "Only this account's."}, after("RequestId"), limit()}),
      with_id(get("/v1/requests/{id}", "getRequest", "One request, also after it ended.", "RequestView", get_request),
              {"id", "RequestId", "As request-7 or 7."}),
      with_query(
          get("/v1/leases", "listLeases",
              "Leases by id: all whose money is not all paid out; with state=live only matched and running ones; "
              "with state=ended all that ended, newest first.",
              "LeasePage", list_leases),
          {{"consumer", "Address", "Only those it rents."},
           {"provider", "Address", "Only those it rents out."},
           {"state", "LeaseListState", "Ended ones are listed for one account."},
           after("LeaseId"),
           limit()}),
      with_id(get("/v1/leases/{id}", "getLease", "One lease and what it has earned by now, also long after it ended.",
                  "LeaseView", get_lease),
              lease),
      with_id(get("/v1/leases/{id}/invoice", "getInvoice",
                  "The bill by the second. accrued = released + pending; escrow = pending + unspent; locked = "
                  "released + refunded + escrow.",
                  "Invoice", get_invoice),
              lease),
  };
}

std::vector<Route> make_routes() {
  std::vector<Route> out{
      post_transaction(),  // first, for it is asked for most
      get("/v1/status", "getStatus", "The network and how far it is.", "Status", get_status),
      get("/v1/params", "getParams", "What genesis fixed.", "Params", get_params),
      with_id(get("/v1/transactions/{hash}", "getTransaction", "A transaction and its receipt.", "TransactionView",
                  get_transaction),
              {"hash", "Hash", "Of the encoded SignedTransaction, in hex."}),
      with_id(
          get("/v1/blocks/{height}", "getBlock", "A block and the hashes of its transactions.", "BlockView", get_block),
          {"height", "Height", "From 1."}),
      get_events(),
  };
  for (auto& route : make_market_routes()) out.push_back(std::move(route));
  for (auto& route : make_lease_routes()) out.push_back(std::move(route));
  out.push_back(get("/v1/openapi.json", "getOpenapi", "This document.", "OpenApi", get_openapi));
  out.push_back(get("/metrics", "getMetrics", "Figures for Prometheus.", "Metrics", get_metrics));
  out.back().answer_type = kMetricsType;
  out.back().is_public = false;  // how busy a node is, is its operator's to tell
  out.push_back(get("/healthz", "getHealth", "Answers while the node works.", "Health", get_health));
  return out;
}

/// Does the path fit the template? Then `value` is what stands for its {…}.
bool fits(std::string_view path, std::string_view pattern, std::string& value) {
  const auto open = pattern.find('{');
  if (open == pattern.npos) return path == pattern;
  const auto rest = pattern.substr(pattern.find('}') + 1);
  if (path.size() <= open + rest.size() || !path.starts_with(pattern.substr(0, open)) || !path.ends_with(rest)) {
    return false;
  }
  const auto found = path.substr(open, path.size() - open - rest.size());
  if (found.find('/') != found.npos) return false;
  value = found;
  return true;
}

/// As Allow lists them; empty if there is no such path.
std::string methods_of(std::string_view path) {
  std::string out, ignored;
  for (const auto& route : routes()) {
    if (!fits(path, route.path, ignored)) continue;
    out += out.empty() ? "" : ", ";
    out += route.method == "GET" ? "GET, HEAD" : route.method;
  }
  return out.empty() ? out : out + ", OPTIONS";
}

}  // namespace

std::span<const Route> routes() {
  static const std::vector<Route> table = make_routes();
  return table;
}

const Route* find_route(std::string_view method, Call& call) {
  if (method == "HEAD") method = "GET";
  for (const auto& route : routes()) {
    if (route.method != method || !fits(call.path(), route.path, call.path_value)) continue;
    return &route;
  }
  return nullptr;
}

Answer answer_without_route(std::string_view method, const Call& call) {
  const bool is_options = method == "OPTIONS";
  std::string allow = is_options && call.path() == "*" ? "GET, HEAD, POST, OPTIONS" : methods_of(call.path());
  if (allow.empty()) {
    return problem({ErrorCode::not_found,
                    "there is nothing at " + call.path().substr(0, 128) + ": /v1/openapi.json lists what is"});
  }
  auto out = is_options ? Answer{204, {}, {}, {}}
                        : problem({ErrorCode::unsupported, call.path().substr(0, 128) + " takes " + allow}, 405);
  out.allow = std::move(allow);
  return out;
}

Result<> check_query(const Route& route, const Call& call) {
  for (const auto& [name, value] : call.query()) {
    const auto is_it = [&](const Parameter& parameter) { return parameter.name == name; };
    if (std::any_of(route.query.begin(), route.query.end(), is_it)) continue;
    std::vector<std::string_view> known;
    for (const auto& parameter : route.query) known.push_back(parameter.name);
    const auto meant = model::nearest(name, known);
    return fail(ErrorCode::invalid_argument,
                "unknown parameter \"" + name.substr(0, 64) + "\"" +
                    (meant.empty() ? std::string(": /v1/openapi.json lists what this path takes")
                                   : ": did you mean \"" + std::string(meant) + "\"?"));
  }
  return {};
}

Answer answer(const Context& context, const Route& route, const Call& call) {
  if (const auto ok = check_query(route, call); !ok) return problem(ok.error());
  auto out = route.handler(context, call);
  return out ? std::move(*out) : problem(out.error());
}

}  // namespace hanse::api
