#include "ledger/ops/submit_request.hpp"

#include "ledger/leases.hpp"
#include "ledger/quotes.hpp"
#include "ledger/requests.hpp"
#include "ledger/rules.hpp"
#include "ledger/spot.hpp"
#include "model/text.hpp"

namespace hanse::ledger {
namespace {

constexpr std::size_t kMaxExplanationBytes = 2048;  // the bound of Outcome::explanation

std::string explain(const Context& context, const market::Wanted& wanted) {
  std::string text = why_not(context, wanted);
  if (text.size() > kMaxExplanationBytes) text.resize(kMaxExplanationBytes);
  return text;
}

Result<> check_wait(const Context& context, Time wait_until) {
  if (wait_until.ms == 0) return {};
  if (wait_until <= context.now()) {
    return fail(ErrorCode::invalid_argument, "the time to wait until lies in the past: give a later one, or none");
  }
  const auto most_s = context.params().max_wait_s;
  if (wait_until > after_s(context.now(), static_cast<std::int64_t>(most_s))) {
    return fail(ErrorCode::invalid_argument, "a request may wait for " + model::format_duration(most_s) + " at most");
  }
  return {};
}

Result<> check_quote(const model::Quote& quote, const model::Demand& demand) {
  const auto invalid = [](std::string_view what) {
    return fail(ErrorCode::invalid_argument, "quote: " + std::string(what));
  };
  if (quote == model::Quote{}) return {};
  if (!quote.offer) return invalid("it names no offer");
  if (!is_valid(quote.rate_per_hour) || !is_valid(quote.keep_rate_per_hour)) {
    return invalid("its rates are no amounts of money");
  }
  if (quote.seen_at <= Time{} || quote.seen_at > kMaxTime) return invalid("the time at which it was seen is no time");
  if (demand.machines > 1) return invalid("it is of one machine: a gang is held to max_price and max_cost");
  if (demand.mode == model::Mode::spot) return invalid("spot prices are not quoted: name the most that you bid");
  if (demand.offer && demand.offer != quote.offer) {
    return invalid("it is of " + model::format_id(quote.offer) + ", and " + model::format_id(demand.offer) +
                   " is asked for");
  }
  return {};
}

/// Where it goes, by its quote if it names one.
Result<QuotedPlace> place(const model::SubmitRequest& op, const market::Wanted& wanted, const Context& context) {
  if (op.quote.offer) return place_quoted(context, wanted, op.quote);
  return QuotedPlace{find_place(context, wanted), {}};
}

model::RequestId insert_request(const model::SubmitRequest& op, Context& context) {
  model::Request request;
  request.id = {context.tables.head.next_request++};
  request.consumer = context.account;
  request.access_key = op.access_key.is_zero() ? context.account : op.access_key;
  request.job_hash = op.job_hash;
  request.demand = op.demand;
  request.state = model::RequestState::ended;  // until the caller matches it or lets it wait
  request.submitted_at = context.now();
  request.wait_until = op.wait_until;
  if (is_spot(request)) {
    request.sealed_bid = op.sealed_bid;
    if (op.sealed_bid.is_zero()) request.bid_per_gpu_hour = op.demand.max_price_per_gpu_hour;
    if (request.wait_until.ms == 0) {
      request.wait_until = after_s(context.now(), static_cast<std::int64_t>(context.params().max_wait_s));
    }
  }
  return context.tables.requests.insert(std::move(request)).id;
}

/// A spot request bids: openly with max_price, or sealed.
Result<> check_spot(const model::SubmitRequest& op, const model::Params& params) {
  const bool sealed = !op.sealed_bid.is_zero();
  if (op.demand.mode != model::Mode::spot) {
    return sealed ? fail(ErrorCode::invalid_argument, "only a spot request bids: set mode to spot") : Result<>{};
  }
  if (params.auction_period_s == 0) {
    return fail(ErrorCode::unsupported, "this network holds no spot auctions: use mode on_demand");
  }
  if (op.demand.max_price_per_gpu_hour.micros == 0) {
    return sealed ? Result<>{}
                  : fail(ErrorCode::invalid_argument, "a spot request bids: give max_price, or a sealed bid");
  }
  if (auto bid = check_bid_amount(op.demand.max_price_per_gpu_hour); !bid) return bid;
  if (lock_of_bid(op.demand, op.demand.max_price_per_gpu_hour)) return {};
  return fail(ErrorCode::overflow, "that bid for that long is more than money can express");
}

/// What a spot request waits for, in words.
std::string say_auction(const Context& context, const model::Request& request, const market::Wanted& wanted) {
  const auto& params = context.params();
  Time auction = model::next_auction(context.now(), params);
  if (request.submitted_at >= model::reveals_from(auction, params)) {
    auction = after_s(auction, static_cast<std::int64_t>(params.auction_period_s));
  }
  std::string text = request.bid_per_gpu_hour.micros != 0
                         ? "It bids " + model::format_money(request.bid_per_gpu_hour) + " per GPU-hour"
                         : "Its bid is sealed: reveal it from " +
                               model::format_time(model::reveals_from(auction, params)) + " on, to take part";
  text += " in the auction at " + model::format_time(auction) + ".";
  if (context.spot_book.find(wanted)) return text;
  return text + " No machine that is for rent on spot fits it now: it waits for one.";
}

Result<model::Outcome> apply_spot(const model::SubmitRequest& op, const market::Wanted& wanted, Context& context) {
  model::Outcome outcome;
  outcome.request = insert_request(op, context);
  auto plain = wanted;  // what it pays is the auction's affair
  plain.demand.max_price_per_gpu_hour = {};
  plain.demand.max_cost = {};
  outcome.explanation = say_auction(context, context.tables.requests.at(outcome.request), plain);
  let_wait(context, outcome.request, outcome.explanation);
  return outcome;
}

}  // namespace

Result<> check(const model::SubmitRequest& op, const model::Params& params) {
  if (op.wait_until > kMaxTime || op.wait_until < Time{}) {
    return fail(ErrorCode::invalid_argument, "the time to wait until is no time");
  }
  if (auto wanted = check_demand(op.demand, params); !wanted) return fail(wanted);
  if (auto spot = check_spot(op, params); !spot) return spot;
  if (auto quote = check_quote(op.quote, op.demand); !quote) return quote;
  return op.access_key.is_zero() ? Result<>{} : check_key("the access key", op.access_key);
}

Result<model::Outcome> apply(const model::SubmitRequest& op, Context& context) {
  if (auto wait = check_wait(context, op.wait_until); !wait) return fail(wait);
  const auto& requests = context.tables.requests.index;
  if (auto room = check_limit(context, requests.by_consumer.count(context.account), "requests"); !room) {
    return fail(room);
  }
  if (op.demand.machines > 1 || op.demand.keep_s > 0) {
    const auto leases = context.tables.leases.index.by_consumer.count(context.account);
    if (auto room = check_limit(context, leases + op.demand.machines - 1, "leases"); !room) return fail(room);
  }
  const auto wanted = market::Wanted::from(op.demand);
  if (!wanted) return fail(wanted);
  if (op.demand.mode == model::Mode::spot) return apply_spot(op, *wanted, context);
  const auto found = place(op, *wanted, context);
  if (!found) return fail(found);
  const auto& matches = found->matches;
  if (matches.empty() && op.wait_until.ms == 0) return fail(ErrorCode::no_match, explain(context, *wanted));

  model::Outcome outcome;
  if (!matches.empty()) {
    if (auto spent = context.spend(market::lock_of(matches), "the lease's escrow"); !spent) return fail(spent);
    outcome.request = insert_request(op, context);
    outcome.offer = matches.front().offer;
    outcome.lease = match_leases(context, outcome.request, matches, op.quote.offer ? &found->prices : nullptr);
    return outcome;
  }
  outcome.explanation = explain(context, *wanted);
  outcome.request = insert_request(op, context);
  let_wait(context, outcome.request, outcome.explanation);
  make_room(context, outcome.request, *wanted);
  const auto& request = context.tables.requests.at(outcome.request);
  if (request.lease) {
    // Those that left had not started: it has their place already.
    outcome.lease = request.lease;
    outcome.offer = context.tables.leases.at(request.lease).offer;
    outcome.explanation.clear();
  }
  return outcome;
}

}  // namespace hanse::ledger
