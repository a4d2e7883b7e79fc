#pragma once

// The field tables of the records in transaction.hpp, which includes this page at its end.

#include "model/transaction.hpp"

namespace hanse::model {

template <>
struct Describe<Transfer> {
  static constexpr std::string_view name = "Transfer";
  static constexpr auto fields = std::tuple{field<1>("to", &Transfer::to), field<2>("amount_micros", &Transfer::amount),
                                            field<3>("memo", &Transfer::memo, 128)};
};
template <>
struct Describe<AuthorizeKey> {
  static constexpr std::string_view name = "AuthorizeKey";
  static constexpr auto fields = std::tuple{
      field<1>("key", &AuthorizeKey::key), field<2>("operations", &AuthorizeKey::operations, 32),
      field<3>("spend_limit_micros", &AuthorizeKey::spend_limit), field<4>("expires_at_ms", &AuthorizeKey::expires_at)};
};
template <>
struct Describe<RevokeKey> {
  static constexpr std::string_view name = "RevokeKey";
  static constexpr auto fields = std::tuple{field<1>("key", &RevokeKey::key)};
};
template <>
struct Describe<RegisterProvider> {
  static constexpr std::string_view name = "RegisterProvider";
  static constexpr auto fields =
      std::tuple{field<1>("name", &RegisterProvider::name, 64), field<2>("endpoint", &RegisterProvider::endpoint, 262),
                 field<3>("host_key", &RegisterProvider::host_key)};
};
template <>
struct Describe<UpdateProvider> {
  static constexpr std::string_view name = "UpdateProvider";
  static constexpr auto fields =
      std::tuple{field<1>("name", &UpdateProvider::name, 64), field<2>("endpoint", &UpdateProvider::endpoint, 262),
                 field<3>("host_key", &UpdateProvider::host_key)};
};
template <>
struct Describe<PostOffer> {
  static constexpr std::string_view name = "PostOffer";
  static constexpr auto fields =
      std::tuple{field<1>("machine", &PostOffer::machine), field<2>("prices", &PostOffer::prices)};
};
template <>
struct Describe<UpdateOffer> {
  static constexpr std::string_view name = "UpdateOffer";
  static constexpr auto fields =
      std::tuple{field<1>("offer", &UpdateOffer::offer), field<2>("prices", &UpdateOffer::prices),
                 field<3>("measured", &UpdateOffer::measured, 32)};
};
template <>
struct Describe<WithdrawOffer> {
  static constexpr std::string_view name = "WithdrawOffer";
  static constexpr auto fields = std::tuple{field<1>("offer", &WithdrawOffer::offer)};
};
template <>
struct Describe<Quote> {
  static constexpr std::string_view name = "Quote";
  static constexpr auto fields = std::tuple{
      field<1>("offer", &Quote::offer), field<2>("rate_micros_per_hour", &Quote::rate_per_hour),
      field<3>("seen_at_ms", &Quote::seen_at), field<4>("keep_rate_micros_per_hour", &Quote::keep_rate_per_hour)};
};
template <>
struct Describe<SubmitRequest> {
  static constexpr std::string_view name = "SubmitRequest";
  static constexpr auto fields = std::tuple{
      field<1>("demand", &SubmitRequest::demand),         field<2>("job_hash", &SubmitRequest::job_hash),
      field<3>("access_key", &SubmitRequest::access_key), field<4>("wait_until_ms", &SubmitRequest::wait_until),
      field<6>("sealed_bid", &SubmitRequest::sealed_bid), field<7>("quote", &SubmitRequest::quote)};
};
template <>
struct Describe<CancelRequest> {
  static constexpr std::string_view name = "CancelRequest";
  static constexpr auto fields = std::tuple{field<1>("request", &CancelRequest::request)};
};
template <>
struct Describe<ConfirmLease> {
  static constexpr std::string_view name = "ConfirmLease";
  static constexpr auto fields =
      std::tuple{field<1>("lease", &ConfirmLease::lease), field<2>("endpoint", &ConfirmLease::endpoint, 262),
                 field<3>("host_key", &ConfirmLease::host_key)};
};
template <>
struct Describe<TopUpLease> {
  static constexpr std::string_view name = "TopUpLease";
  static constexpr auto fields =
      std::tuple{field<1>("lease", &TopUpLease::lease), field<2>("amount_micros", &TopUpLease::amount)};
};
template <>
struct Describe<ExtendLease> {
  static constexpr std::string_view name = "ExtendLease";
  static constexpr auto fields =
      std::tuple{field<1>("lease", &ExtendLease::lease), field<2>("duration_s", &ExtendLease::duration_s)};
};
template <>
struct Describe<EndLease> {
  static constexpr std::string_view name = "EndLease";
  static constexpr auto fields = std::tuple{field<1>("lease", &EndLease::lease), field<2>("reason", &EndLease::reason),
                                            field<3>("note", &EndLease::note, 256)};
};
template <>
struct Describe<Settle> {
  static constexpr std::string_view name = "Settle";
  static constexpr auto fields = std::tuple{field<1>("lease", &Settle::lease)};
};
template <>
struct Describe<Heartbeat> {
  static constexpr std::string_view name = "Heartbeat";
  static constexpr auto fields = std::tuple<>{};
};
template <>
struct Describe<RevealBid> {
  static constexpr std::string_view name = "RevealBid";
  static constexpr auto fields =
      std::tuple{field<1>("request", &RevealBid::request),
                 field<2>("bid_micros_per_gpu_hour", &RevealBid::bid_per_gpu_hour), field<3>("salt", &RevealBid::salt)};
};
template <>
struct Describe<Transaction> {
  static constexpr std::string_view name = "Transaction";
  static constexpr auto fields = std::tuple{
      field<1>("network", &Transaction::network, 64), field<2>("account", &Transaction::account),
      field<3>("signer", &Transaction::signer),       field<4>("valid_until_ms", &Transaction::valid_until),
      field<5>("salt", &Transaction::salt),           field<6>("operations", &Transaction::operations, kMaxOperations)};
};
template <>
struct Describe<SignedTransaction> {
  static constexpr std::string_view name = "SignedTransaction";
  static constexpr auto fields = std::tuple{field<1>("body", &SignedTransaction::body, kMaxTransactionBytes),
                                            field<2>("signature", &SignedTransaction::signature)};
};
template <>
struct Describe<Outcome> {
  static constexpr std::string_view name = "Outcome";
  static constexpr auto fields =
      std::tuple{field<1>("offer", &Outcome::offer), field<2>("request", &Outcome::request),
                 field<3>("lease", &Outcome::lease), field<4>("explanation", &Outcome::explanation, 2048)};
};
template <>
struct Describe<Receipt> {
  static constexpr std::string_view name = "Receipt";
  static constexpr auto fields = std::tuple{field<1>("tx_hash", &Receipt::tx_hash),
                                            field<2>("height", &Receipt::height),
                                            field<3>("index", &Receipt::index),
                                            field<4>("time_ms", &Receipt::time),
                                            field<5>("code", &Receipt::code),
                                            field<6>("message", &Receipt::message, 2048),
                                            field<7>("failed_operation", &Receipt::failed_operation),
                                            field<8>("fee_micros", &Receipt::fee),
                                            field<9>("outcomes", &Receipt::outcomes, kMaxOperations)};
};

}  // namespace hanse::model
