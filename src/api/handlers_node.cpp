// The network, its blocks, transactions and events.

#include <nlohmann/json.hpp>

#include "api/metrics.hpp"
#include "api/route.hpp"
#include "api/views.hpp"
#include "base/version.hpp"
#include "wire/json.hpp"

namespace hanse::api {
namespace {

// Many events may concern others: a page looks at so many at most, and its `next` goes on behind them.
constexpr std::size_t kMaxEventsScanned = 10'000;

std::unexpected<Error> no_transaction(const std::string& hash) {
  return fail(ErrorCode::not_found,
              "no transaction " + hash + " is in a block: submit it again (it enters at most once), or check the hash");
}

}  // namespace

Result<Answer> get_status(const Context& context, const Call&) {
  const auto stats = context.node.stats();
  nlohmann::json out{{"version", version()},
                     {"node",
                      {{"blocks", stats.blocks},
                       {"transactions", stats.transactions},
                       {"refused", stats.refused},
                       {"queued", stats.queued}}}};
  context.node.read([&](const ledger::Ledger& ledger) {
    const auto& state = ledger.state();
    const auto counts = state.counts();
    out["network"] = state.network();
    out["height"] = state.height();
    out["time_ms"] = state.time().ms;
    out["app_hash"] = to_hex(state.app_hash().view());
    out["last_event_sequence"] = state.last_event_sequence();
    out["issued_micros"] = state.issued().micros;
    out["treasury_micros"] = state.treasury().micros;
    out["counts"] = {{"accounts", counts.accounts},
                     {"providers", counts.providers},
                     {"offers", counts.offers},
                     {"requests", counts.requests},
                     {"leases", counts.leases}};
  });
  return json_answer(out);
}

Result<Answer> get_params(const Context& context, const Call&) {
  nlohmann::json out;
  context.node.read([&](const ledger::Ledger& ledger) { out = wire::to_json(ledger.state().params()); });
  return json_answer(out);
}

Result<Answer> get_block(const Context& context, const Call& call) {
  const auto height = Call::whole("height", call.path_value, 1, kMaxCursor);
  if (!height) return fail(height);
  const auto block = context.node.store().block(*height);
  if (!block) {
    return fail(ErrorCode::not_found,
                "there is no block " + std::to_string(*height) + " yet: 'hanse status' says how many there are");
  }
  auto hashes = nlohmann::json::array();
  for (const auto& bytes : block->transactions) hashes.push_back(to_hex(wire::transaction_hash(bytes).view()));
  return json_answer({{"height", block->height},
                      {"time_ms", block->time.ms},
                      {"beacon", to_hex(block->beacon.view())},
                      {"transactions", std::move(hashes)}});
}

Result<Answer> get_transaction(const Context& context, const Call& call) {
  const auto hash = fixed_from_hex<32>(call.path_value);
  if (!hash) return Call::wrong("hash", hash.error());
  const auto receipt = context.node.store().receipt(*hash);
  if (!receipt) return no_transaction(call.path_value.substr(0, 64));
  nlohmann::json out{{"receipt", wire::to_json(*receipt)}, {"transaction", nullptr}};
  const auto block = context.node.store().block(receipt->height);
  if (block && receipt->index < block->transactions.size()) {
    // What stands in a block may be any bytes: then there is a receipt and nothing to show.
    const auto signed_tx = wire::decode<model::SignedTransaction>(block->transactions[receipt->index]);
    if (const auto tx = signed_tx ? wire::decode<model::Transaction>(signed_tx->body) : fail(signed_tx)) {
      out["transaction"] = wire::to_json(*tx);
    }
  }
  return json_answer(out);
}

Result<Answer> list_events(const Context& context, const Call& call) {
  const auto after = call.integer("after", 0, 0, kMaxCursor);
  if (!after) return fail(after);
  const auto limit = call.limit();
  if (!limit) return fail(limit);
  const auto account = call.account("account");
  if (!account) return fail(account);

  auto items = nlohmann::json::array();
  std::uint64_t cursor = *after;
  bool more = true;
  for (std::size_t scanned = 0; more && items.size() < *limit && scanned < kMaxEventsScanned;) {
    const auto events = context.node.store().events(cursor, *limit);
    more = events.size() == *limit;
    scanned += events.size();
    for (const auto& event : events) {
      if (items.size() == *limit) break;
      cursor = event.sequence;
      if (account->is_zero() || event.account == *account || event.counterparty == *account) {
        items.push_back(wire::to_json(event));
      }
    }
    more = more || (!events.empty() && events.back().sequence > cursor);
  }
  return json_answer(page(std::move(items), more ? std::to_string(cursor) : std::string()));
}

Result<Answer> get_openapi(const Context& context, const Call&) {
  return Answer{200, kJsonType, context.openapi};
}

Result<Answer> get_metrics(const Context& context, const Call&) {
  return Answer{200, kMetricsType, context.metrics.text(context.node)};
}

Result<Answer> get_health(const Context&, const Call&) {
  return json_answer({{"status", "ok"}});
}

}  // namespace hanse::api
