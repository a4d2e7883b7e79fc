#pragma once

// A signed change to the ledger: 1 to 64 operations of one account, all or nothing.

#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "model/block.hpp"
#include "model/lease.hpp"
#include "model/offer.hpp"

namespace hanse::model {

inline constexpr std::uint32_t kMaxOperations = 64;

struct Transfer {
  AccountId to;
  Money amount;
  std::string memo;
  bool operator==(const Transfer&) const = default;
};
struct AuthorizeKey {
  crypto::PublicKey key;
  std::vector<std::string> operations;
  Money spend_limit;
  Time expires_at;
  bool operator==(const AuthorizeKey&) const = default;
};
struct RevokeKey {
  crypto::PublicKey key;
  bool operator==(const RevokeKey&) const = default;
};
struct RegisterProvider {
  std::string name;
  std::string endpoint;
  crypto::PublicKey host_key;
  bool operator==(const RegisterProvider&) const = default;
};
/// Replaces all three.
struct UpdateProvider {
  std::string name;
  std::string endpoint;
  crypto::PublicKey host_key;
  bool operator==(const UpdateProvider&) const = default;
};
struct PostOffer {
  Machine machine;
  PriceList prices;
  bool operator==(const PostOffer&) const = default;
};
/// Replaces the price list, and the measured figures too if any are given. The rest of a machine does not change:
/// withdraw the offer and post another.
struct UpdateOffer {
  OfferId offer;
  PriceList prices;
  std::vector<Measurement> measured;
  bool operator==(const UpdateOffer&) const = default;
};
struct WithdrawOffer {
  OfferId offer;
  bool operator==(const WithdrawOffer&) const = default;
};
/// What the consumer was shown: that the offer serves this demand at that rate, and when. Named in a request, it makes
/// the price seen the price paid, for Params::quote_s.
struct Quote {
  OfferId offer;  ///< 0: none.
  Money rate_per_hour;
  Time seen_at;
  Money keep_rate_per_hour = {};  ///< What keeping its files costs.
  bool operator==(const Quote&) const = default;
};
struct SubmitRequest {
  Demand demand;
  Hash job_hash;
  crypto::PublicKey access_key;  ///< Zero: the account's own key.
  Time wait_until;               ///< 0: match now or fail with no_match. Spot: 0 waits as long as one may.
  Hash sealed_bid;               ///< Spot: hash_bid() of what reveal_bid will say (model/spot.hpp); zero: an open bid.
  Quote quote;                   ///< Of one machine; then this offer at no more than these rates, or a refusal.
  bool operator==(const SubmitRequest&) const = default;
};
struct CancelRequest {
  RequestId request;
  bool operator==(const CancelRequest&) const = default;
};
/// The provider says that the lease is ready: payment starts in this block.
struct ConfirmLease {
  LeaseId lease;
  std::string endpoint;
  crypto::PublicKey host_key;
  bool operator==(const ConfirmLease&) const = default;
};
/// More money for a lease whose max_cost ends it before its duration does.
struct TopUpLease {
  LeaseId lease;
  Money amount;
  bool operator==(const TopUpLease&) const = default;
};
/// More time, and the money for it.
struct ExtendLease {
  LeaseId lease;
  std::uint64_t duration_s = 0;
  bool operator==(const ExtendLease&) const = default;
};
/// By the consumer: completed (or cancelled, before it runs). By the provider: completed (the job is done) or
/// provider_failed.
struct EndLease {
  LeaseId lease;
  EndReason reason = EndReason::none;
  std::string note;
  bool operator==(const EndLease&) const = default;
};
/// By anyone: pays out what has passed the claim window.
struct Settle {
  LeaseId lease;
  bool operator==(const Settle&) const = default;
};
/// By a provider: it is here.
struct Heartbeat {
  bool operator==(const Heartbeat&) const = default;
};

/// By its consumer, in the last part of an auction's period: what its sealed bid was.
struct RevealBid {
  RequestId request;
  Money bid_per_gpu_hour;
  FixedBytes<32> salt;
  bool operator==(const RevealBid&) const = default;
};

/// In the order of the wire: alternative i is field i + 1 of message Operation.
using Operation = std::variant<Transfer, AuthorizeKey, RevokeKey, RegisterProvider, UpdateProvider, PostOffer,
                               UpdateOffer, WithdrawOffer, SubmitRequest, CancelRequest, ConfirmLease, TopUpLease,
                               ExtendLease, EndLease, Settle, Heartbeat, RevealBid>;

template <>
struct Names<Operation> {
  static constexpr std::array<std::string_view, std::variant_size_v<Operation>> names{
      "transfer",     "authorize_key",  "revoke_key",     "register_provider", "update_provider", "post_offer",
      "update_offer", "withdraw_offer", "submit_request", "cancel_request",    "confirm_lease",   "top_up_lease",
      "extend_lease", "end_lease",      "settle",         "heartbeat",         "reveal_bid"};
};
[[nodiscard]] constexpr std::string_view name_of_operation(std::size_t index) {
  return Names<Operation>::names[index];
}

struct Transaction {
  std::string network;
  AccountId account;         ///< For whom.
  crypto::PublicKey signer;  ///< By whose key: the account's own, or one that it authorised.
  Time valid_until;          ///< Block time after which it can no longer enter.
  FixedBytes<16> salt;       ///< Random, so that two equal transactions differ.
  std::vector<Operation> operations;
  bool operator==(const Transaction&) const = default;
};

/// What travels: the exact bytes of a Transaction, and the signature over kTransactionDomain ‖ those bytes.
struct SignedTransaction {
  Bytes body;
  crypto::Signature signature;
  bool operator==(const SignedTransaction&) const = default;
};

/// What became of one operation.
struct Outcome {
  OfferId offer;
  RequestId request;
  LeaseId lease;
  std::string explanation;  ///< For a request that found nothing: why, and what would match.
  bool operator==(const Outcome&) const = default;
};

/// What became of a transaction. `code` is ok or the stable code of what refused it; then nothing but the fee changed.
struct Receipt {
  Hash tx_hash;
  std::uint64_t height = 0;
  std::uint32_t index = 0;  ///< In its block.
  Time time;
  ErrorCode code = ErrorCode::ok;
  std::string message;
  std::uint32_t failed_operation = 0;  ///< When code is not ok: which.
  Money fee;
  std::vector<Outcome> outcomes;  ///< One an operation, when ok.
  bool operator==(const Receipt&) const = default;
};

}  // namespace hanse::model

#include "model/transaction_describe.hpp"  // the tables, in a page of their own
