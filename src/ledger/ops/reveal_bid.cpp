#include "ledger/ops/reveal_bid.hpp"

#include "ledger/rules.hpp"
#include "model/spot.hpp"
#include "model/text.hpp"

namespace hanse::ledger {
namespace {

Result<> check_time(const Context& context) {
  const Time auction = model::next_auction(context.now(), context.params());
  const Time from = model::reveals_from(auction, context.params());
  if (context.now() >= from) return {};
  return fail(ErrorCode::wrong_state, "bids are revealed from " + model::format_time(from) + " to " +
                                          model::format_time(auction) + ": send it then, so that nobody can outbid it");
}

Result<> check_bid(const model::RevealBid& op, const model::Request& request) {
  if (model::hash_bid(op.bid_per_gpu_hour, op.salt, request.consumer) != request.sealed_bid) {
    return fail(ErrorCode::invalid_argument, "this bid and salt are not what " + model::format_id(op.request) +
                                                 " committed to: give those that its sealed bid was made of");
  }
  const Money most = request.demand.max_price_per_gpu_hour;
  if (most.micros == 0 || op.bid_per_gpu_hour <= most) return {};
  return fail(ErrorCode::invalid_argument,
              "the bid is above the request's max_price of " + model::format_money(most) + " credits per GPU-hour");
}

}  // namespace

Result<> check(const model::RevealBid& op, const model::Params&) {
  return check_bid_amount(op.bid_per_gpu_hour);
}

Result<model::Outcome> apply(const model::RevealBid& op, Context& context) {
  const auto* request = context.tables.requests.find(op.request);
  if (request == nullptr) {
    return fail(ErrorCode::not_found, "there is no " + model::format_id(op.request) + ", or it has ended");
  }
  if (request->consumer != context.account) {
    return fail(ErrorCode::not_authorized,
                model::format_id(op.request) + " is another account's: only its consumer may reveal its bid");
  }
  if (request->sealed_bid.is_zero() || request->bid_per_gpu_hour.micros != 0) {
    return fail(ErrorCode::wrong_state, model::format_id(op.request) + " has no bid to reveal, or did so already");
  }
  if (auto time = check_time(context); !time) return fail(time);
  if (auto bid = check_bid(op, *request); !bid) return fail(bid);
  context.tables.requests.change(op.request, [&](model::Request& r) { r.bid_per_gpu_hour = op.bid_per_gpu_hour; });
  auto& event = context.emit(model::EventKind::bid_revealed);
  event.account = context.account;
  event.request = op.request;
  event.amount = op.bid_per_gpu_hour;
  model::Outcome outcome;
  outcome.request = op.request;
  return outcome;
}

}  // namespace hanse::ledger
