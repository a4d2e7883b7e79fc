#include "ledger/quotes.hpp"

#include "ledger/requests.hpp"
#include "model/text.hpp"

namespace hanse::ledger {
namespace {

/// The clock of the node that dated the quote may be ahead of the block's.
constexpr std::int64_t kClockSlackS = 5;

std::int64_t quote_ms(const Context& context) {
  return 1000 * static_cast<std::int64_t>(context.params().quote_s);
}

/// What a match of the offer alone would be, were those its prices.
market::Matches place_at(const Context& context, const market::Wanted& wanted, const model::Offer& offer,
                         const model::PriceList& prices) {
  const auto& provider = context.tables.providers.at(offer.provider);
  model::Offer then = offer;
  then.prices = prices;
  market::Book book;
  book.put(then, provider);
  book.set_reachable(provider.account, context.tables.watches.at(provider.account).liveness == Liveness::reachable);
  return market::place(book, wanted,
                       {[&](model::OfferId) -> const model::Offer& { return then; },
                        [&](const model::AccountId&) -> const model::Provider& { return provider; }});
}

/// Keeping files costs no more than was quoted.
bool is_quoted(const market::Keep& keep, const model::Quote& quote) {
  return keep.rate_per_hour <= quote.keep_rate_per_hour;
}

/// At a former price list that gives the quoted rate and held within the quote's time.
std::optional<QuotedPlace> place_at_former(const Context& context, const market::Wanted& wanted,
                                           const model::Offer& offer, const model::Quote& quote) {
  const auto* former = context.tables.former_prices.find(offer.id);
  if (former == nullptr || context.now().ms - quote.seen_at.ms > quote_ms(context)) return std::nullopt;
  for (const auto& list : former->lists) {
    if (context.now().ms >= list.until.ms + quote_ms(context)) continue;
    const auto price = market::price_of(list.prices, wanted.demand);
    const auto keep = market::keep_of(list.prices.storage_per_gib_hour, wanted.demand);
    const bool is_it = price && price->rate_per_hour == quote.rate_per_hour && keep && is_quoted(*keep, quote);
    if (!is_it) continue;
    if (auto matches = place_at(context, wanted, offer, list.prices); !matches.empty()) {
      return QuotedPlace{std::move(matches), list.prices};
    }
  }
  return std::nullopt;
}

market::Wanted without_price_limits(market::Wanted wanted) {
  wanted.demand.max_price_per_gpu_hour = wanted.demand.max_cost = Money{};
  std::erase_if(wanted.where, [](const auto& c) { return c.field == model::WhereField::price; });
  return wanted;
}

std::unexpected<Error> refuse(const Context& context, const market::Wanted& wanted, const model::Offer& offer,
                              const model::Quote& quote) {
  const std::string id = model::format_id(offer.id);
  const std::string ago =
      std::to_string(std::max<std::int64_t>(0, context.now().ms - quote.seen_at.ms) / 1000) + " s ago";
  const auto price = market::price_of(offer.prices, wanted.demand);
  if (!price || !context.book.fits(without_price_limits(wanted), offer.id)) {
    return fail(ErrorCode::no_match,
                id + " was quoted " + ago + " and does not fit any more. " + why_not(context, wanted));
  }
  const auto keep = market::keep_of(offer.prices.storage_per_gib_hour, wanted.demand).value_or(market::Keep{});
  if (price->rate_per_hour <= quote.rate_per_hour && is_quoted(keep, quote)) {
    return fail(ErrorCode::no_match, why_not(context, wanted));
  }
  const auto& demand = wanted.demand;
  const Money per_gpu{(quote.rate_per_hour.micros + demand.gpu_count - 1) / demand.gpu_count};
  if (demand.max_price_per_gpu_hour.micros != 0 && per_gpu > demand.max_price_per_gpu_hour) {
    return fail(ErrorCode::no_match, "the quote is of " + model::format_money(per_gpu) +
                                         " per GPU-hour, and max_price is " +
                                         model::format_money(demand.max_price_per_gpu_hour) + ": raise it");
  }
  const bool is_keep = price->rate_per_hour <= quote.rate_per_hour;
  const std::string seen = model::format_money(is_keep ? quote.keep_rate_per_hour : quote.rate_per_hour) + "/h";
  const std::string asked = model::format_money(is_keep ? keep.rate_per_hour : price->rate_per_hour) + "/h";
  const std::string hold = model::format_duration(context.params().quote_s);
  const bool is_lapsed = context.now().ms - quote.seen_at.ms > quote_ms(context);
  const std::string what =
      is_lapsed ? "the price of " + (is_keep ? "keeping files at " : std::string()) + id + " went from " + seen +
                      " to " + asked + "; quoted " + ago + ", and a quote holds for " + hold
                : id + " is not known to have asked " + seen + (is_keep ? " for keeping files" : " for this") +
                      " in the last " + hold + ": it asks " + asked;
  return fail(ErrorCode::price_changed, what + ". Take the new price, or another offer");
}

}  // namespace

void keep_prices(Context& context, const model::Offer& before) {
  if (context.params().quote_s == 0) return;
  auto& table = context.tables.former_prices;
  if (table.find(before.id) == nullptr) {
    table.insert({before.id, {{before.prices, context.now()}}});
    return;
  }
  table.change(before.id, [&](model::FormerPrices& former) {
    std::erase_if(former.lists,
                  [&](const auto& list) { return context.now().ms >= list.until.ms + quote_ms(context); });
    if (former.lists.size() < model::kMaxFormerPrices) former.lists.push_back({before.prices, context.now()});
  });
}

void forget_prices(Context& context, model::OfferId offer) {
  if (context.tables.former_prices.find(offer) != nullptr) context.tables.former_prices.erase(offer);
}

Result<QuotedPlace> place_quoted(const Context& context, market::Wanted wanted, const model::Quote& quote) {
  if (quote.seen_at > after_s(context.now(), kClockSlackS)) {
    return fail(ErrorCode::invalid_argument, "the quote is of a time to come: ask for one, and name it as it is");
  }
  const auto* offer = context.tables.offers.find(quote.offer);
  if (offer == nullptr || offer->state != model::OfferState::open) {
    return fail(ErrorCode::no_match, model::format_id(quote.offer) +
                                         " was withdrawn after it was quoted: 'hanse offers' shows what is for rent");
  }
  wanted.demand.offer = quote.offer;
  auto matches = find_place(context, wanted);
  const auto is_as_seen = [&](const market::Match& match) {
    return match.price.rate_per_hour <= quote.rate_per_hour && is_quoted(match.keep, quote);
  };
  if (!matches.empty() && is_as_seen(matches.front())) {
    return QuotedPlace{std::move(matches), offer->prices};
  }
  if (auto former = place_at_former(context, wanted, *offer, quote)) return std::move(*former);
  return refuse(context, wanted, *offer, quote);
}

}  // namespace hanse::ledger
