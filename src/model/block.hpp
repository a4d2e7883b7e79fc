#pragma once

// A block: what consensus hands to the ledger. `time` never goes back from one block to the next.

#include <tuple>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "model/describe.hpp"

namespace hanse::model {

inline constexpr std::size_t kMaxTransactionBytes = 64 * 1024;  ///< Of an encoded SignedTransaction.
inline constexpr std::uint32_t kMaxBlockTransactions = 10'000;

struct Block {
  std::uint64_t height = 0;  ///< Genesis is 0; the first block is 1.
  Time time;
  Hash beacon;                      ///< Randomness that nobody knew before this block.
  std::vector<Bytes> transactions;  ///< Encoded SignedTransactions.

  bool operator==(const Block&) const = default;
};

template <>
struct Describe<Block> {
  static constexpr std::string_view name = "Block";
  static constexpr auto fields = std::tuple{
      field<1>("height", &Block::height), field<2>("time_ms", &Block::time), field<3>("beacon", &Block::beacon),
      field<4>("transactions", &Block::transactions, kMaxBlockTransactions, kMaxTransactionBytes)};
};

}  // namespace hanse::model
