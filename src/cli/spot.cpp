#include "cli/spot.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/plan.hpp"
#include "cli/progress.hpp"
#include "cli/show.hpp"
#include "client/private_file.hpp"
#include "market/price.hpp"
#include "model/spot.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

constexpr int kLookMs = 300;
constexpr std::int64_t kMarginS = 10;  ///< For clocks that differ, and blocks that come late.

/// By what the request committed to: its id is not known before it is sent.
std::filesystem::path bid_file(const Home& home, const Hash& sealed) {
  return home.bids() / (to_hex(sealed.view()) + ".json");
}

struct KeptBid {
  Money per_gpu_hour;
  FixedBytes<32> salt;
};

Result<KeptBid> read_bid(const Home& home, const model::Request& request) {
  const auto file = bid_file(home, request.sealed_bid);
  const auto text = client::read_small_file(file);
  if (!text) {
    return fail(ErrorCode::not_found,
                "what reveals the bid of " + model::format_id(request.id) +
                    " is not in this home folder: it was made with another (--home), or was "
                    "revealed already; without it the request waits until it ends or is cancelled");
  }
  const auto kept = wire::parse_json(*text);
  const bool is_whole = kept && kept->is_object() && kept->contains("salt") && (*kept)["salt"].is_string() &&
                        kept->contains("bid_micros_per_gpu_hour") &&
                        (*kept)["bid_micros_per_gpu_hour"].is_number_integer();
  const auto salt = fixed_from_hex<32>(is_whole ? (*kept)["salt"].get<std::string>() : "");
  if (!salt) {
    return fail(ErrorCode::malformed, file.string() + " is damaged: the bid cannot be revealed; cancel the request");
  }
  return KeptBid{Money{(*kept)["bid_micros_per_gpu_hour"].get<std::int64_t>()}, *salt};
}

void forget_bid(Context& context, const model::Request& request) {
  std::error_code ignored;
  if (const auto home = context.home(); home && !request.sealed_bid.is_zero()) {
    std::filesystem::remove(bid_file(*home, request.sealed_bid), ignored);
  }
}

bool is_sealed(const model::Request& request) {
  return !request.sealed_bid.is_zero() && request.bid_per_gpu_hour.micros == 0;
}

/// "12:05:00, in 2m" out of the whole time.
std::string when(Time at) {
  const std::int64_t left_s = std::max<std::int64_t>(0, (at.ms - system_clock().now().ms + 999) / 1000);
  return model::format_time(at) +
         (left_s == 0 ? "" : ", in " + model::format_duration(static_cast<std::uint64_t>(left_s)));
}

/// What the wait is for at this moment, on the progress line.
std::string waiting_for(const model::Request& request, const AuctionsView& auctions) {
  if (request.won) return "it won; others have notice and leave its place soon";
  if (is_sealed(request) && request.submitted_at < auctions.reveals_from) {
    return "the bid is revealed from " + when(auctions.reveals_from);
  }
  const bool is_late = request.submitted_at >= auctions.reveals_from;
  const Time at = is_late ? after_s(auctions.next, static_cast<std::int64_t>(auctions.period_s)) : auctions.next;
  return "the auction clears at " + when(at);
}

Result<model::LeaseId> take_back(Context& context, const model::Request& request, const std::string& why) {
  const auto cancelled = context.send({model::CancelRequest{request.id}});
  if (!cancelled) {
    return fail(cancelled.error().code, why +
                                            ", and the request could not be taken back: " + cancelled.error().message +
                                            ". Try 'hanse cancel " + model::format_id(request.id) + "'");
  }
  forget_bid(context, request);
  return fail(ErrorCode::wrong_state, why + "; the request is taken back and nothing was paid");
}

/// True once the bid lies open. Too early or too late is no error: the next look tries again.
Result<bool> try_reveal(Context& context, const model::Request& request, const AuctionsView& auctions) {
  if (!is_sealed(request)) return true;
  if (system_clock().now() < auctions.reveals_from || request.submitted_at >= auctions.reveals_from) return false;
  const auto revealed = reveal_bid(context, request);
  if (!revealed && revealed.error().code != ErrorCode::wrong_state) return fail(revealed);
  return revealed.has_value();
}

}  // namespace

Result<NextAuction> next_auction(NodeApi& api) {
  const auto auctions = api.auctions();
  if (!auctions) return fail(auctions);
  if (auctions->period_s == 0) {
    return fail(ErrorCode::unsupported, "this network holds no spot auctions: rent without --spot");
  }
  NextAuction out{auctions->next, auctions->reveals_from, auctions->preempt_notice_s, auctions->period_s};
  if (system_clock().now() >= out.reveals_from) {
    const auto period_s = static_cast<std::int64_t>(auctions->period_s);
    out.at = after_s(out.at, period_s);
    out.reveals_from = after_s(out.reveals_from, period_s);
  }
  return out;
}

Time end_of_wait(const NextAuction& auction) {
  const auto left = static_cast<std::int64_t>(auction.notice_s) + kMarginS;
  return after_s(auction.at, std::min(left, static_cast<std::int64_t>(auction.period_s) - 1));
}

Result<nlohmann::json> confirm_spot(Context& context, const model::Demand& demand, const SpotBid& bid,
                                    const std::string& what, const Facts& sent, bool yes) {
  using model::format_money;
  const auto me = context.address();
  if (!me) return fail(me);
  const auto api = context.api();
  if (!api) return fail(api);
  const auto auction = next_auction(**api);
  if (!auction) return fail(auction);
  const auto quote = (*api)->quote(demand);
  if (!quote) return fail(quote);
  const auto account = (*api)->account(*me);
  if (!account) return fail(account);
  const Money rate{bid.per_gpu_hour.micros * demand.gpu_count};
  const auto most = market::lock_for(rate, demand.duration_s, demand.max_cost);
  if (!most) return fail(ErrorCode::overflow, "that bid for that long is more than money can express");
  if (!context.json()) {
    const bool color = context.terminal.err_color;
    const Money balance = account->account.balance;
    std::string price = "at most " + rate_text(rate) + ", pays the clearing price";
    if (demand.gpu_count > 1) price += " (bids " + rate_text(bid.per_gpu_hour) + " per GPU)";
    Facts lines{{"auction", when(auction->at)},
                {"bid", bid.sealed ? "sealed until " + model::format_time(auction->reveals_from) : "open"},
                {"price", price},
                {"longest", model::format_duration(demand.duration_s) + ", or until others pay more: then " +
                                model::format_duration(auction->notice_s) + " of notice"},
                {"costs at most", format_money(*most) + " credits, locked when it wins; the rest comes back"}};
    lines.emplace_back("files", keep_text(demand, "at what its machine asks for storage, and no more than the bid"));
    lines.insert(lines.end(), sent.begin(), sent.end());
    lines.emplace_back("balance", format_money(balance) + " now");
    print_err(paint("Plan: " + printable(what) + ", on spot", Style::bold, color) + "\n" + facts(lines, color));
  }
  if (!quote->fits) return fail(ErrorCode::no_match, quote->explanation);
  const Money balance = account->account.balance;
  if (auto agreed = agree(context, *most, balance, "a lower bid, a shorter duration or a max_cost", yes); !agreed) {
    return fail(agreed);
  }
  return nlohmann::json{{"mode", "spot"},
                        {"gpu_count", demand.gpu_count},
                        {"duration_s", demand.duration_s},
                        {"keep_s", demand.keep_s},
                        {"auction_ms", auction->at.ms},
                        {"notice_s", auction->notice_s},
                        {"bid_micros_per_gpu_hour", bid.per_gpu_hour.micros},
                        {"sealed", bid.sealed},
                        {"most_micros", most->micros},
                        {"balance_micros", balance.micros}};
}

Result<> put_bid(Context& context, const SpotBid& bid, model::SubmitRequest& request) {
  request.demand.mode = model::Mode::spot;
  request.demand.max_price_per_gpu_hour = bid.sealed ? Money{} : bid.per_gpu_hour;
  if (!bid.sealed) return {};
  const auto me = context.address();
  if (!me) return fail(me);
  const auto home = context.home();
  if (!home) return fail(home);
  const auto salt = random_bytes<32>();
  request.sealed_bid = model::hash_bid(bid.per_gpu_hour, salt, *me);
  const nlohmann::json kept{{"bid_micros_per_gpu_hour", bid.per_gpu_hour.micros}, {"salt", to_hex(salt.view())}};
  return client::write_private_file(bid_file(*home, request.sealed_bid), kept.dump() + "\n");
}

Result<> reveal_bid(Context& context, const model::Request& request) {
  const auto home = context.home();
  if (!home) return fail(home);
  const auto kept = read_bid(*home, request);
  if (!kept) return fail(kept);
  const auto sent = context.send({model::RevealBid{request.id, kept->per_gpu_hour, kept->salt}});
  if (!sent) return fail(sent);
  forget_bid(context, request);
  context.say(model::format_id(request.id) + " bids " + model::format_money(kept->per_gpu_hour) +
              " per GPU-hour, revealed.");
  return {};
}

Result<model::LeaseId> await_auction(Context& context, Interrupt& interrupt, model::RequestId id) {
  const auto api = context.api();
  if (!api) return fail(api);
  Progress progress(context.terminal, "waiting for the auction", Unit::items, context.json());
  bool told = false;
  std::optional<model::Request> last;
  for (; interrupt.count() == 0; interrupt.wait(kLookMs)) {
    const auto view = (*api)->request(id);
    const auto auctions = (*api)->auctions();
    if (!view || !auctions) {
      const auto& error = view ? auctions.error() : view.error();
      if (error.code != ErrorCode::unavailable && error.code != ErrorCode::timeout) return std::unexpected(error);
      continue;  // a node that starts again; the request waits on
    }
    last = view->request;
    if (last->lease && last->state == model::RequestState::matched) return last->lease;
    if (last->state == model::RequestState::ended) {
      forget_bid(context, *last);
      return fail(ErrorCode::no_match, model::format_id(id) +
                                           " got no machine: others bid more, or its bid was not revealed in time. "
                                           "'hanse auctions' shows what was paid");
    }
    if (!std::exchange(told, true)) {
      context.say(model::format_id(id) + " bids until " + model::format_time(last->wait_until) +
                  "; Ctrl-C takes it back.");
      if (is_sealed(*last)) {
        context.say("Should this program end before: 'hanse reveal " + model::format_id(id) + "' opens the bid.");
      }
    }
    const auto open = try_reveal(context, *last, *auctions);
    if (!open) return fail(open);
    progress.update(0, 0, waiting_for(*last, *auctions));
  }
  if (!last)
    return fail(ErrorCode::wrong_state, "interrupted; 'hanse cancel " + model::format_id(id) + "' takes it back");
  return take_back(context, *last, "interrupted");
}

Outcome reveal(Context& context, model::RequestId id) {
  const auto api = context.api();
  if (!api) return refuse(api.error());
  Interrupt interrupt;
  Progress progress(context.terminal, "waiting for the time to reveal", Unit::items, context.json());
  while (interrupt.count() == 0) {
    const auto view = (*api)->request(id);
    if (!view) return refuse(view.error(), "'hanse ps' lists requests that wait");
    const auto& request = view->request;
    if (!is_sealed(request)) {
      return refuse(ErrorCode::wrong_state,
                    model::format_id(id) + (request.sealed_bid.is_zero() ? " has no sealed bid to reveal"
                                                                         : " has revealed its bid already"));
    }
    if (request.state == model::RequestState::ended) {
      return refuse(ErrorCode::wrong_state, model::format_id(id) + " has ended");
    }
    const auto home = context.home();
    if (!home) return refuse(home.error());
    if (const auto kept = read_bid(*home, request); !kept) return refuse(kept.error());
    const auto auctions = (*api)->auctions();
    if (!auctions) return refuse(auctions.error());
    const auto open = try_reveal(context, request, *auctions);
    if (!open) return refuse(open.error());
    if (*open) {
      if (context.json()) context.print_json({{"request", model::format_id(id)}, {"revealed", true}});
      return 0;
    }
    progress.update(0, 0, waiting_for(request, *auctions));
    interrupt.wait(kLookMs);
  }
  return refuse(ErrorCode::wrong_state, "interrupted; " + model::format_id(id) + " is not revealed",
                "'hanse cancel " + model::format_id(id) + "' takes it back");
}

}  // namespace hanse::cli
