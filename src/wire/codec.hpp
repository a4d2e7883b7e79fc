#pragma once

// Records <-> protobuf bytes, driven by their field tables (model/describe.hpp). Canonical: fields in ascending order,
// zero values absent, lists of scalars packed, varints shortest. Decoding is bounded by the tables' limits and refuses
// unknown fields, duplicates of single fields, and anything that does not encode back to the same bytes.
//
// Explicitly instantiated in codec.cpp for the records below, so that callers compile none of the machinery.
// Thread-safe; a record's bytes are owned by the caller.

#include "base/bytes.hpp"
#include "model/account.hpp"
#include "model/block.hpp"
#include "model/event.hpp"
#include "model/job.hpp"
#include "model/lease.hpp"
#include "model/offer.hpp"
#include "model/prices.hpp"
#include "model/spot.hpp"
#include "model/transaction.hpp"

namespace hanse::wire {

template <model::Described T>
Bytes encode(const T& record);
/// The same bytes, after what `out` holds.
template <model::Described T>
void append(Bytes& out, const T& record);

/// malformed or too_large; the message names the record and the field. Text fields must be UTF-8. A SignedTransaction
/// or Transaction may have kMaxTransactionBytes in all, a Job kMaxJobBytes. Fields that are absent are zero, also where
/// the struct's member has another default. Keys need not be points of the curve, and amounts need not be in the range
/// of money: that is for the ledger to check.
template <model::Described T>
Result<T> decode(ByteView bytes);

/// Every record that crosses a wire or a disk by itself.
// clang-format off
#define HANSE_WIRE_RECORDS(X)                                                     \
  X(Account) X(KeyGrant) X(Params) X(Spending) X(ClassPrices) X(Trade) X(PricePoint) X(Provider) X(Machine) X(PriceList) X(FormerPrices) X(Quote) \
  X(Offer) X(Demand) X(Request) X(Lease) X(Transaction) X(SignedTransaction)      \
  X(Receipt) X(Event) X(Block) X(Job) X(Auction)
// clang-format on

#define HANSE_DECLARE(R)                                          \
  extern template Bytes encode<model::R>(const model::R&);        \
  extern template void append<model::R>(Bytes&, const model::R&); \
  extern template Result<model::R> decode<model::R>(ByteView);
HANSE_WIRE_RECORDS(HANSE_DECLARE)
#undef HANSE_DECLARE

/// What a transaction's signature covers: kTransactionDomain, then these exact bytes.
inline constexpr std::string_view kTransactionDomain = "hanse/tx/v1";
[[nodiscard]] Hash transaction_hash(ByteView signed_transaction);  ///< Of the encoded SignedTransaction.
[[nodiscard]] Hash job_hash(const model::Job& job);

}  // namespace hanse::wire
