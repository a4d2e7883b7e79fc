#pragma once

// What a Book is made of. Inside the market.

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "market/evaluate.hpp"

namespace hanse::market {

struct Book::Impl {
  // Providers stay once seen: they are as few as the accounts that registered as one. Ordered, not hashed: an account
  // id is chosen by whoever makes the key.
  std::vector<Seller> sellers;
  std::map<model::AccountId, std::uint32_t> seller_of;

  std::vector<std::unique_ptr<Listing>> all;          // in no order that means anything: results never show it
  std::unordered_map<std::uint64_t, Listing*> by_id;  // never iterated; ids are the ledger's own counter
  std::vector<Listing*> free;                         // open, with a free device: what find() scans

  [[nodiscard]] const Seller& seller(const Listing& listing) const { return sellers[listing.seller]; }
  [[nodiscard]] const Listing* find_listing(model::OfferId id) const;
  std::uint32_t seller_index(const model::AccountId& account);
  void refresh(Seller& seller, const model::Provider& provider);
  Listing& listing_for(model::OfferId id);
  void set_available(Listing& listing, bool available);
};

}  // namespace hanse::market
