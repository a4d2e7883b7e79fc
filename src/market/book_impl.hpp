#pragma once

// What a Book is made of. Inside the market.

#include "market/capacity.hpp"
#include "market/index.hpp"

namespace hanse::market {

struct Book::Impl {
  Rows rows;
  Index index;
  Capacities capacities;

  void refresh_all_of(std::uint32_t seller);
  template <class Visitor>
  void for_each_of(std::uint32_t seller, Visitor&& visit);
};

}  // namespace hanse::market
