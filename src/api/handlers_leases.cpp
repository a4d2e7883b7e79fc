// Requests, leases and their invoices: live ones from the state, ended ones from the store's history.

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "api/route.hpp"
#include "api/views.hpp"

namespace hanse::api {
namespace {

/// Looks at so many leases for one page at most; its `next` goes on behind them.
constexpr std::size_t kMaxLeasesScanned = 10'000;

struct LeaseQuery {
  model::AccountId consumer, provider;
  model::LeaseId after;
  std::size_t limit = 0;
  std::string_view state;
};

std::vector<const model::Lease*> next_leases(const ledger::State& state, const LeaseQuery& query, model::LeaseId after,
                                             std::size_t limit) {
  return query.provider.is_zero() ? state.leases_of_consumer(query.consumer, after, limit)
                                  : state.leases_of_provider(query.provider, after, limit);
}

bool concerns(const LeaseQuery& query, const model::Lease& lease) {
  return (query.consumer.is_zero() || lease.consumer == query.consumer) &&
         (query.provider.is_zero() || lease.provider == query.provider);
}

Result<LeaseQuery> parse_query(const Call& call) {
  LeaseQuery out;
  const auto consumer = call.account("consumer");
  if (!consumer) return fail(consumer);
  const auto provider = call.account("provider");
  if (!provider) return fail(provider);
  const auto after = call.id<model::LeaseId>("after");
  if (!after) return fail(after);
  const auto limit = call.limit();
  if (!limit) return fail(limit);
  out.consumer = *consumer;
  out.provider = *provider;
  out.after = *after;
  out.limit = *limit;
  if (const auto state = call.find("state")) {
    out.state = *state;
    if (std::find(kLeaseListStates.begin(), kLeaseListStates.end(), out.state) == kLeaseListStates.end()) {
      return fail(ErrorCode::invalid_argument, "state must be live or ended");
    }
  }
  if (out.state == "ended" && out.consumer.is_zero() && out.provider.is_zero()) {
    return fail(ErrorCode::invalid_argument, "ended leases are listed for one account: give consumer or provider");
  }
  return out;
}

/// What is in the state, oldest first.
nlohmann::json list_current(const ledger::State& state, const LeaseQuery& query, Time at) {
  auto items = nlohmann::json::array();
  model::LeaseId cursor = query.after;
  bool more = true;
  for (std::size_t scanned = 0; more && items.size() < query.limit && scanned < kMaxLeasesScanned;) {
    const auto leases = next_leases(state, query, cursor, query.limit);
    more = leases.size() == query.limit;
    scanned += leases.size();
    for (const auto* lease : leases) {
      if (items.size() == query.limit) {
        more = true;
        break;
      }
      cursor = lease->id;
      const bool wanted = query.state.empty() || lease->state != model::LeaseState::ended;
      if (wanted && concerns(query, *lease)) items.push_back(lease_view(state, *lease, true, at));
    }
  }
  return page(std::move(items), more ? model::format_id(cursor) : std::string());
}

/// Inside a read. What a block has just closed is no longer in the state and may not be in the store yet.
std::optional<model::Lease> find_archived(const consensus::Node& node, model::LeaseId id) {
  for (const auto& archived : node.just_archived()) {
    if (archived.lease && archived.lease->id == id) return archived.lease;
  }
  return node.store().archived_lease(id);
}
std::optional<model::Request> find_archived(const consensus::Node& node, model::RequestId id) {
  for (const auto& archived : node.just_archived()) {
    if (archived.request && archived.request->id == id) return archived.request;
  }
  return node.store().archived_request(id);
}

/// Ended leases of one account, newest first: those that still hold money from the state, the others from history.
nlohmann::json list_ended(const ledger::State& state, const consensus::Node& node, const LeaseQuery& query, Time at) {
  std::map<std::uint64_t, nlohmann::json, std::greater<>> found;
  const auto is_before = [&](model::LeaseId id) { return !query.after || id < query.after; };
  model::LeaseId cursor;
  for (;;) {  // ends: an account's live leases are bounded by a parameter
    const auto leases = next_leases(state, query, cursor, kMaxPage);
    for (const auto* lease : leases) {
      cursor = lease->id;
      if (lease->state != model::LeaseState::ended || !is_before(lease->id) || !concerns(query, *lease)) continue;
      found.emplace(lease->id.value, lease_view(state, *lease, true, at));
    }
    if (leases.size() < kMaxPage) break;
  }
  for (const auto& [lease, request] : node.just_archived()) {
    const bool wanted = lease && is_before(lease->id) && concerns(query, *lease);
    if (wanted) found.emplace(lease->id.value, lease_view(state, *lease, false, at));
  }
  const auto& account = query.provider.is_zero() ? query.consumer : query.provider;
  std::size_t taken = 0;
  model::LeaseId before = query.after;
  for (std::size_t scanned = 0; taken <= query.limit && scanned < kMaxLeasesScanned;) {
    const auto leases = node.store().archived_leases_of(account, before, query.limit + 1);
    for (const auto& lease : leases) {
      before = lease.id;
      if (concerns(query, lease)) taken += found.emplace(lease.id.value, lease_view(state, lease, false, at)).second;
    }
    scanned += leases.size();
    if (leases.size() <= query.limit) break;
  }
  auto items = nlohmann::json::array();
  std::string next;
  for (auto& [id, view] : found) {
    if (items.size() == query.limit) {
      next = items.back()["lease"]["id"].get<std::string>();
      break;
    }
    items.push_back(std::move(view));
  }
  return page(std::move(items), next);
}

/// Calls `view` with the lease wherever it is kept.
Result<Answer> with_lease(const Context& context, const Call& call,
                          const std::function<nlohmann::json(const ledger::State&, const model::Lease&, bool)>& view) {
  const auto id = model::parse_id<model::LeaseTag>(call.path_value);
  if (!id) return Call::wrong("id", id.error());
  nlohmann::json out;
  context.node.read([&](const ledger::Ledger& ledger) {
    const auto& state = ledger.state();
    if (const auto* live = state.lease(*id)) {
      out = view(state, *live, true);
    } else if (const auto archived = find_archived(context.node, *id)) {
      out = view(state, *archived, false);
    }
  });
  if (out.is_null()) {
    return fail(ErrorCode::not_found, "there is no " + model::format_id(*id) + ": 'hanse ps -a' lists yours");
  }
  return json_answer(out);
}

}  // namespace

Result<Answer> list_requests(const Context& context, const Call& call) {
  const auto consumer = call.account("consumer");
  if (!consumer) return fail(consumer);
  const auto after = call.id<model::RequestId>("after");
  if (!after) return fail(after);
  const auto limit = call.limit();
  if (!limit) return fail(limit);
  auto items = nlohmann::json::array();
  std::string next;
  context.node.read([&](const ledger::Ledger& ledger) {
    const auto requests = ledger.state().requests(*consumer, *after, *limit);
    for (const auto* request : requests) items.push_back(request_view(*request, true));
    if (requests.size() == *limit) next = model::format_id(requests.back()->id);
  });
  return json_answer(page(std::move(items), next));
}

Result<Answer> get_request(const Context& context, const Call& call) {
  const auto id = model::parse_id<model::RequestTag>(call.path_value);
  if (!id) return Call::wrong("id", id.error());
  nlohmann::json out;
  context.node.read([&](const ledger::Ledger& ledger) {
    if (const auto* live = ledger.state().request(*id)) {
      out = request_view(*live, true);
    } else if (const auto archived = find_archived(context.node, *id)) {
      out = request_view(*archived, false);
    }
  });
  if (out.is_null()) {
    return fail(ErrorCode::not_found, "there is no " + model::format_id(*id) + ": 'hanse ps' lists yours");
  }
  return json_answer(out);
}

Result<Answer> list_leases(const Context& context, const Call& call) {
  const auto query = parse_query(call);
  if (!query) return fail(query);
  nlohmann::json out;
  context.node.read([&](const ledger::Ledger& ledger) {
    const auto& state = ledger.state();
    const Time at = now(state, context.clock.now());
    out = query->state == "ended" ? list_ended(state, context.node, *query, at) : list_current(state, *query, at);
  });
  return json_answer(out);
}

Result<Answer> get_lease(const Context& context, const Call& call) {
  return with_lease(context, call, [&](const ledger::State& state, const model::Lease& lease, bool live) {
    return lease_view(state, lease, live, now(state, context.clock.now()));
  });
}

Result<Answer> get_invoice(const Context& context, const Call& call) {
  return with_lease(context, call, [&](const ledger::State& state, const model::Lease& lease, bool) {
    return invoice_view(state, lease, now(state, context.clock.now()));
  });
}

}  // namespace hanse::api
