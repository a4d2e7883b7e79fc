#pragma once

// What the commands ask a node for, as records (docs/api.md has the routes). Blocking; one connection; not thread-safe.
// A list that goes on over pages is read to its end or to `limit`.

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "client/http.hpp"
#include "market/price.hpp"
#include "market/reserved.hpp"
#include "model/account.hpp"
#include "model/lease.hpp"
#include "model/offer.hpp"
#include "model/spot.hpp"
#include "model/transaction.hpp"

namespace hanse::cli {

struct NodeStatus {
  std::string network, version;
  std::uint64_t height = 0, last_event_sequence = 0;
  Time time;
};

struct AccountView {
  model::Account account;
  std::vector<model::KeyGrant> grants;
  Money spent;                         ///< What its leases cost it in the last 30 days.
  std::uint32_t fee_discount_bps = 0;  ///< For that.
  std::optional<model::FeeTier> next;  ///< What more spending would do.
};

struct ProviderView {
  model::Provider provider;
  std::int64_t reliability_millionths = 0;
  bool reachable = false;
};

/// A price that was shown, as a request may name it, and until when it then holds.
struct SeenQuote {
  model::Quote quote;
  Time until;
};

struct OfferView {
  model::Offer offer;
  market::Price price;  ///< For the demand that was asked about.
  std::string provider_name;
  std::int64_t reliability_millionths = 0;
  std::uint32_t free_devices = 0;
  bool reachable = false;
  SeenQuote seen;
};

struct LeaseView {
  model::Lease lease;
  std::int64_t billed_s = 0;
  Money accrued;  ///< Of it all ...
  Money keeping;  ///< ... what keeping its files came to.
  Money pending;
  Money left_now;     ///< What it would come to if it were ended now: more than accrued only if reserved.
  bool live = false;  ///< Matched, running or kept.
};

struct RequestView {
  model::Request request;
  bool live = false;
};

struct QuoteView {
  bool fits = false;  ///< Something for rent fits. On spot nothing more is said.
  bool matched = false;
  OfferView offer;  ///< Of a gang: its first machine's, as are provider and price.
  ProviderView provider;
  market::Price price;
  std::vector<OfferView> members;              ///< One a machine.
  Money lock;                                  ///< Of all machines together ...
  Money keep_reserve;                          ///< ... and of that, for keeping their files.
  std::vector<market::EarlyExit> early_exits;  ///< Of all together; empty where leaving early costs no more.
  std::string explanation;                     ///< When not matched, or asked for: why, and what would match.
  nlohmann::json explanation_json;             ///< The same, constraint by constraint, as /v1/quotes has it.
};

struct AuctionsView {
  Time next, reveals_from;
  std::uint64_t period_s = 0, preempt_notice_s = 0;  ///< Period 0: none are held.
  std::vector<model::Auction> items;                 ///< The last one of each class.
};

struct OfferQuery {
  std::string where;
  std::uint32_t gpus = 1;
  std::uint64_t duration_s = 0, disk_bytes = 0;
  bool reserved = false;
  std::string sort;
  std::size_t limit = 0;  ///< 0: all.
};

class NodeApi {
 public:
  explicit NodeApi(client::Http& http) : http_(http) {}

  Result<NodeStatus> status();
  Result<AccountView> account(const model::AccountId& id);
  Result<ProviderView> provider(const model::AccountId& id);
  Result<std::vector<OfferView>> offers(const OfferQuery& query);
  Result<std::vector<OfferView>> offers_of(const model::AccountId& provider);
  Result<OfferView> offer(model::OfferId id);
  /// `explain`: with what rules other offers out, though something fits.
  Result<QuoteView> quote(const model::Demand& demand, bool explain = false);
  Result<AuctionsView> auctions();
  Result<RequestView> request(model::RequestId id);
  Result<std::vector<RequestView>> requests_of(const model::AccountId& consumer);
  Result<LeaseView> lease(model::LeaseId id);
  /// `role` is "consumer" or "provider"; `state` "live", "ended" or "" (all whose money is not all paid out).
  Result<std::vector<LeaseView>> leases(std::string_view role, const model::AccountId& account, std::string_view state,
                                        std::size_t limit);
  Result<nlohmann::json> transaction(const std::string& hash);
  Result<std::vector<model::Event>> events(const model::AccountId& account, std::uint64_t after, std::size_t limit);
  /// For what --json passes on as the node said it.
  Result<nlohmann::json> raw(const std::string& target);

 private:
  client::Http& http_;
};

/// Percent-encodes what stands in a query.
std::string url_encode(std::string_view text);

}  // namespace hanse::cli
