#pragma once

// What a Book is made of. Inside the market.

#include "market/index.hpp"

namespace hanse::market {

struct Book::Impl {
  Rows rows;
  Index index;

  void refresh_all_of(std::uint32_t seller);
};

}  // namespace hanse::market
