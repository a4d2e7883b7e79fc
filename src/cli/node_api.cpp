#include "cli/node_api.hpp"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxItems = 100'000;  // of one list: a node that never ends must not fill memory

/// The answer of a node that speaks another version of the API.
Error misunderstood(const std::string& what) {
  return {ErrorCode::unsupported, "the node's answer lacks " + what + ": is it the same version as this program?"};
}

template <class T>
Result<T> record(const json& from, const char* key) {
  const auto found = from.find(key);
  if (found == from.end()) return std::unexpected(misunderstood(key));
  return wire::from_json<T>(*found);
}

template <class T>
T value_or(const json& from, const char* key, T otherwise) {
  const auto found = from.find(key);
  if (found == from.end()) return otherwise;
  if constexpr (std::is_same_v<T, std::string>) {
    return found->is_string() ? found->get<std::string>() : otherwise;
  } else if constexpr (std::is_same_v<T, bool>) {
    return found->is_boolean() ? found->get<bool>() : otherwise;
  } else {
    return found->is_number_integer() ? found->get<T>() : otherwise;
  }
}

Money money(const json& from, const char* key) {
  return Money{value_or<std::int64_t>(from, key, 0)};
}

/// Said here: what is far too long would not even be read to its end.
Error where_too_long(const std::string& where) {
  return {ErrorCode::too_large, "the constraints have " + std::to_string(where.size()) + " bytes, and " +
                                    std::to_string(model::kMaxWhereBytes) + " are allowed: leave some out"};
}

market::Price price_from(const json& all) {
  const auto found = all.find("price");
  if (found == all.end() || !found->is_object()) return {};
  return {money(*found, "rate_micros_per_hour"), money(*found, "price_micros_per_gpu_hour"),
          value_or<std::uint32_t>(*found, "term_discount_bps", 0),
          value_or<std::uint32_t>(*found, "volume_discount_bps", 0)};
}

Result<OfferView> offer_from(const json& item) {
  auto offer = record<model::Offer>(item, "offer");
  if (!offer) return fail(offer);
  SeenQuote seen;
  if (const auto quote = item.find("quote"); quote != item.end() && quote->is_object()) {
    auto read = wire::from_json<model::Quote>(*quote);
    if (!read) return fail(read);
    seen = {*read, Time{value_or<std::int64_t>(item, "quoted_until_ms", 0)}};
  }
  return OfferView{std::move(*offer),
                   price_from(item),
                   value_or<std::string>(item, "provider_name", ""),
                   value_or<std::int64_t>(item, "reliability_millionths", 0),
                   value_or<std::uint32_t>(item, "free_devices", 0),
                   value_or<bool>(item, "reachable", false),
                   seen};
}

Result<LeaseView> lease_from(const json& item) {
  auto lease = record<model::Lease>(item, "lease");
  if (!lease) return fail(lease);
  LeaseView view;
  view.live = lease->state != model::LeaseState::ended;
  view.lease = std::move(*lease);
  if (const auto accrual = item.find("accrual"); accrual != item.end() && accrual->is_object()) {
    view.billed_s = value_or<std::int64_t>(*accrual, "billed_s", 0);
    view.accrued = money(*accrual, "accrued_micros");
    view.keeping = money(*accrual, "keep_micros");
    view.pending = money(*accrual, "pending_micros");
    view.left_now = money(*accrual, "left_now_micros");
  }
  return view;
}

Result<RequestView> request_from(const json& item) {
  auto request = record<model::Request>(item, "request");
  if (!request) return fail(request);
  return RequestView{std::move(*request), value_or<bool>(item, "live", false)};
}

Result<ProviderView> provider_from(const json& item) {
  auto provider = record<model::Provider>(item, "provider");
  if (!provider) return fail(provider);
  return ProviderView{std::move(*provider), value_or<std::int64_t>(item, "reliability_millionths", 0),
                      value_or<bool>(item, "reachable", false)};
}

/// One more machine of a quote.
Result<> add_member(QuoteView& quote, const json& match) {
  const auto offer_part = match.find("offer");
  const auto provider_part = match.find("provider");
  if (offer_part == match.end() || provider_part == match.end()) return std::unexpected(misunderstood("offer"));
  auto offer = offer_from(*offer_part);
  if (!offer) return fail(offer);
  auto provider = provider_from(*provider_part);
  if (!provider) return fail(provider);
  offer->price = price_from(match);
  if (!quote.matched) {
    quote.matched = true;
    quote.offer = *offer;
    quote.provider = std::move(*provider);
    quote.price = offer->price;
  }
  quote.members.push_back(std::move(*offer));
  quote.lock.micros += money(match, "lock_micros").micros;
  quote.keep_reserve.micros += money(match, "keep_reserve_micros").micros;
  const auto exits = match.find("early_exits");
  for (std::size_t i = 0; exits != match.end() && exits->is_array() && i < exits->size(); ++i) {
    if (quote.early_exits.size() == i) {
      quote.early_exits.push_back({value_or<std::uint64_t>((*exits)[i], "after_s", 0), Money{}, Money{}});
    }
    quote.early_exits[i].cost.micros += money((*exits)[i], "cost_micros").micros;
    quote.early_exits[i].at_term_rate.micros += money((*exits)[i], "at_term_rate_micros").micros;
  }
  return {};
}

/// Reads a list page by page. `target` ends in "?" or "&".
template <class T>
Result<std::vector<T>> pages(client::Http& http, const std::string& target, std::size_t limit,
                             const std::function<Result<T>(const json&)>& read) {
  std::vector<T> out;
  const std::size_t most = limit == 0 ? kMaxItems : std::min(limit, kMaxItems);
  std::string after;
  while (out.size() < most) {
    const std::size_t page = std::min<std::size_t>(most - out.size(), 1000);
    auto answer =
        http.get(target + "limit=" + std::to_string(page) + (after.empty() ? "" : "&after=" + url_encode(after)));
    if (!answer) return fail(answer);
    const auto items = answer->find("items");
    if (items == answer->end() || !items->is_array()) return std::unexpected(misunderstood("items"));
    for (const auto& item : *items) {
      auto one = read(item);
      if (!one) return fail(one);
      out.push_back(std::move(*one));
    }
    after = value_or<std::string>(*answer, "next", "");
    if (after.empty() || items->empty()) break;
  }
  return out;
}

}  // namespace

std::string url_encode(std::string_view text) {
  static constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out += "%" + to_hex({&byte, 1});
    }
  }
  return out;
}

Result<json> NodeApi::raw(const std::string& target) {
  return http_.get(target);
}

Result<NodeStatus> NodeApi::status() {
  auto answer = http_.get("/v1/status");
  if (!answer) return fail(answer);
  NodeStatus status{value_or<std::string>(*answer, "network", ""), value_or<std::string>(*answer, "version", ""),
                    value_or<std::uint64_t>(*answer, "height", 0),
                    value_or<std::uint64_t>(*answer, "last_event_sequence", 0),
                    Time{value_or<std::int64_t>(*answer, "time_ms", 0)}};
  if (status.network.empty()) return std::unexpected(misunderstood("network"));
  return status;
}

Result<AccountView> NodeApi::account(const model::AccountId& id) {
  auto answer = http_.get("/v1/accounts/" + model::format_address(id));
  if (!answer) return fail(answer);
  auto account = record<model::Account>(*answer, "account");
  if (!account) return fail(account);
  AccountView view;
  view.account = *account;
  if (const auto spending = answer->find("spending"); spending != answer->end() && spending->is_object()) {
    view.spent = money(*spending, "spent_micros");
    view.fee_discount_bps = value_or<std::uint32_t>(*spending, "fee_discount_bps", 0);
    if (const auto next = spending->find("next_tier"); next != spending->end() && next->is_object()) {
      view.next = {money(*next, "from_micros"), value_or<std::uint32_t>(*next, "discount_bps", 0)};
    }
  }
  if (const auto grants = answer->find("grants"); grants != answer->end() && grants->is_array()) {
    for (const auto& item : *grants) {
      auto grant = wire::from_json<model::KeyGrant>(item);
      if (!grant) return fail(grant);
      view.grants.push_back(std::move(*grant));
    }
  }
  return view;
}

Result<ProviderView> NodeApi::provider(const model::AccountId& id) {
  auto answer = http_.get("/v1/providers/" + model::format_address(id));
  if (!answer) return fail(answer);
  return provider_from(*answer);
}

Result<std::vector<OfferView>> NodeApi::offers(const OfferQuery& query) {
  if (query.where.size() > model::kMaxWhereBytes) return std::unexpected(where_too_long(query.where));
  std::string target = "/v1/offers?where=" + url_encode(query.where) + "&gpus=" + std::to_string(query.gpus);
  // Durations and sizes go as text with their unit, as people write them.
  if (query.duration_s > 0) target += "&duration=" + url_encode(model::format_duration(query.duration_s));
  if (query.disk_bytes > 0) target += "&disk=" + url_encode(model::format_size(query.disk_bytes));
  if (query.reserved) target += "&mode=reserved";
  if (!query.sort.empty()) target += "&sort=" + url_encode(query.sort);
  return pages<OfferView>(http_, target + "&", query.limit, offer_from);
}

Result<std::vector<OfferView>> NodeApi::offers_of(const model::AccountId& provider) {
  return pages<OfferView>(http_, "/v1/offers?provider=" + model::format_address(provider) + "&", 0, offer_from);
}

Result<OfferView> NodeApi::offer(model::OfferId id) {
  auto answer = http_.get("/v1/offers/" + model::format_id(id));
  if (!answer) return fail(answer);
  return offer_from(*answer);
}

Result<QuoteView> NodeApi::quote(const model::Demand& demand, bool explain) {
  if (demand.where.size() > model::kMaxWhereBytes) return std::unexpected(where_too_long(demand.where));
  auto answer = http_.post(explain ? "/v1/quotes?explain=1" : "/v1/quotes", wire::to_json(demand));
  if (!answer) return fail(answer);
  QuoteView quote;
  const auto members = answer->find("members");
  if (members == answer->end() || !members->is_array()) return std::unexpected(misunderstood("members"));
  for (const auto& match : *members) {
    if (auto added = add_member(quote, match); !added) return fail(added);
  }
  quote.fits = value_or<bool>(*answer, "fits", quote.matched);
  if (const auto why = answer->find("explanation"); why != answer->end() && why->is_object()) {
    quote.explanation = value_or<std::string>(*why, "text", "");
    quote.explanation_json = *why;
  }
  return quote;
}

Result<AuctionsView> NodeApi::auctions() {
  auto answer = http_.get("/v1/auctions");
  if (!answer) return fail(answer);
  AuctionsView view{Time{value_or<std::int64_t>(*answer, "next_ms", 0)},
                    Time{value_or<std::int64_t>(*answer, "reveals_from_ms", 0)},
                    value_or<std::uint64_t>(*answer, "period_s", 0),
                    value_or<std::uint64_t>(*answer, "preempt_notice_s", 0),
                    {}};
  const auto items = answer->find("items");
  if (items == answer->end() || !items->is_array()) return std::unexpected(misunderstood("items"));
  for (const auto& item : *items) {
    auto auction = wire::from_json<model::Auction>(item);
    if (!auction) return fail(auction);
    view.items.push_back(std::move(*auction));
  }
  return view;
}

Result<RequestView> NodeApi::request(model::RequestId id) {
  auto answer = http_.get("/v1/requests/" + model::format_id(id));
  if (!answer) return fail(answer);
  return request_from(*answer);
}

Result<std::vector<RequestView>> NodeApi::requests_of(const model::AccountId& consumer) {
  return pages<RequestView>(http_, "/v1/requests?consumer=" + model::format_address(consumer) + "&", 0, request_from);
}

Result<LeaseView> NodeApi::lease(model::LeaseId id) {
  auto answer = http_.get("/v1/leases/" + model::format_id(id));
  if (!answer) return fail(answer);
  return lease_from(*answer);
}

Result<std::vector<LeaseView>> NodeApi::leases(std::string_view role, const model::AccountId& account,
                                               std::string_view state, std::size_t limit) {
  std::string target = "/v1/leases?" + std::string(role) + "=" + model::format_address(account) + "&";
  if (!state.empty()) target += "state=" + std::string(state) + "&";
  return pages<LeaseView>(http_, target, limit, lease_from);
}

Result<json> NodeApi::transaction(const std::string& hash) {
  return http_.get("/v1/transactions/" + url_encode(hash));
}

Result<std::vector<model::Event>> NodeApi::events(const model::AccountId& account, std::uint64_t after,
                                                  std::size_t limit) {
  return pages<model::Event>(http_,
                             "/v1/events?account=" + model::format_address(account) +
                                 (after > 0 ? "&after=" + std::to_string(after) : "") + "&",
                             limit, wire::from_json<model::Event>);
}

}  // namespace hanse::cli
