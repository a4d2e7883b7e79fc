#pragma once

// The one table of what the server answers. Requests are dispatched by it and the OpenAPI document is made from it, so
// that neither can know something that the other does not. Immutable; thread-safe.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.hpp"
#include "api/problem.hpp"
#include "base/clock.hpp"
#include "consensus/node.hpp"

namespace hanse::api {

class Metrics;

/// What handlers work with. Outlives every request.
struct Context {
  consensus::Node& node;
  Clock& clock;
  const Metrics& metrics;
  const std::string& openapi;
};

using Handler = Result<Answer> (*)(const Context&, const Call&);

/// What a connection does with a request beyond calling the handler.
enum class Way : std::uint8_t {
  handler,  ///< nothing
  submit,   ///< no handler: the body is submitted and the answer waits for its block
  events,   ///< the handler, unless it is a WebSocket upgrade
};

struct Parameter {
  std::string_view name;
  std::string_view schema;  ///< Name of a schema in api/schema.hpp.
  std::string_view description;
  bool required = false;  ///< Of a query; what stands in the path always is.
};

struct Route {
  std::string_view method;  ///< "GET" or "POST"
  std::string_view path;    ///< "/v1/offers/{id}": one {…} at most, the last segment or the one before it.
  std::string_view operation;
  std::string_view summary;
  std::vector<Parameter> path_parameters;
  std::vector<Parameter> query;
  std::string_view body_type, body_schema;      ///< Of a POST.
  std::string_view answer_type, answer_schema;  ///< Of status 200.
  std::vector<unsigned> problems;               ///< Statuses besides those that every route may answer with.
  Handler handler = nullptr;
  Way way = Way::handler;
  bool is_public = false;  ///< A read of what is everyone's: pages of any origin may do it (api/origins.hpp).
};

std::span<const Route> routes();

/// Statuses that any route may answer with.
inline constexpr unsigned kCommonProblems[] = {400, 405, 408, 413, 431, 500, 503};

/// Finds the route and sets call.path_value; nullptr if there is none. HEAD goes where GET goes.
const Route* find_route(std::string_view method, Call& call);

/// The answer where there is no such route. To OPTIONS: what the path takes, or all that any does for "*". To another
/// method: 405 and what the path takes. 404 if nothing is there.
Answer answer_without_route(std::string_view method, const Call& call);

/// Checks that the query has no parameter that the route does not know, then calls its handler. Errors become
/// problems. Requires a handler.
Answer answer(const Context& context, const Route& route, const Call& call);
/// The first half of that, for routes that go another way.
Result<> check_query(const Route& route, const Call& call);

// The handlers, by file. Each answers as its route's summary says.
Result<Answer> get_status(const Context&, const Call&);  // handlers_node.cpp
Result<Answer> get_params(const Context&, const Call&);
Result<Answer> get_block(const Context&, const Call&);
Result<Answer> get_transaction(const Context&, const Call&);
Result<Answer> list_events(const Context&, const Call&);
Result<Answer> get_openapi(const Context&, const Call&);
Result<Answer> get_metrics(const Context&, const Call&);
Result<Answer> get_health(const Context&, const Call&);
Result<Answer> get_account(const Context&, const Call&);  // handlers_market.cpp
Result<Answer> list_providers(const Context&, const Call&);
Result<Answer> get_provider(const Context&, const Call&);
Result<Answer> list_auctions(const Context&, const Call&);
Result<Answer> list_offers(const Context&, const Call&);  // handlers_offers.cpp
Result<Answer> get_offer(const Context&, const Call&);
Result<Answer> quote(const Context&, const Call&);
Result<Answer> list_prices(const Context&, const Call&);  // handlers_prices.cpp
Result<Answer> get_price_history(const Context&, const Call&);
Result<Answer> list_requests(const Context&, const Call&);  // handlers_leases.cpp
Result<Answer> get_request(const Context&, const Call&);
Result<Answer> list_leases(const Context&, const Call&);
Result<Answer> get_lease(const Context&, const Call&);
Result<Answer> get_invoice(const Context&, const Call&);

}  // namespace hanse::api
