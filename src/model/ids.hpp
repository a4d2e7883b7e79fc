#pragma once

// Who and what: an account is an Ed25519 public key; offers, requests and leases are numbered by the ledger from 1 in
// the order in which it made them. 0 means "none". In text they read `hanse1…`, `offer-7`, `request-7`, `lease-7`.

#include <compare>
#include <cstdint>
#include <string_view>

#include "crypto/keys.hpp"

namespace hanse::model {

using AccountId = crypto::PublicKey;

template <class Tag>
struct Id {
  using tag = Tag;
  std::uint64_t value = 0;

  explicit operator bool() const { return value != 0; }
  auto operator<=>(const Id&) const = default;
  bool operator==(const Id&) const = default;
};

struct OfferTag {
  static constexpr std::string_view prefix = "offer-";
};
struct RequestTag {
  static constexpr std::string_view prefix = "request-";
};
struct LeaseTag {
  static constexpr std::string_view prefix = "lease-";
};

using OfferId = Id<OfferTag>;
using RequestId = Id<RequestTag>;
using LeaseId = Id<LeaseTag>;

}  // namespace hanse::model
