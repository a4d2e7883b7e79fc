#pragma once

// Which transactions of the validity window entered already. Hashes lie in one unordered map for each second in which
// their validity ends, so that remembering costs O(1) and forgetting takes whole seconds. In the flat state there is
// one record for each second and block: what a block remembered, in the order of its transactions. Not rolled back: a
// transaction is remembered once its fee is paid, whatever becomes of its operations.

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "ledger/key_order.hpp"
#include "model/block.hpp"

namespace hanse::ledger {

class Replay {
 public:
  struct Key {
    std::int64_t second = 0;  ///< Block time, in whole seconds, in which the validity ends.
    std::uint64_t height = 0;

    auto operator<=>(const Key&) const = default;
    bool operator==(const Key&) const = default;
  };
  struct Record {
    Key key;
    std::vector<Hash> hashes;  ///< None: the record is forgotten.
  };

  static std::int64_t second_of(Time valid_until) { return valid_until.ms / 1000; }

  [[nodiscard]] bool contains(Time valid_until, const Hash& hash) const;
  /// Requires that it is not there. Heights ascend from call to call.
  void insert(Time valid_until, const Hash& hash, std::uint64_t height);
  /// Forgets at most `limit` records whose second has passed, in ascending order.
  void expire(Time now, std::size_t limit);

  /// False if any of it is there.
  bool load(const Record& record);
  [[nodiscard]] std::vector<Record> sorted() const;
  std::vector<Record> take_changed();  ///< Since the last call, ascending.

 private:
  /// Height and position in its record: what restores the order of a record's hashes without keeping them twice.
  using Place = std::uint64_t;
  static constexpr unsigned kPositionBits = 16;
  static_assert(model::kMaxBlockTransactions < (1U << kPositionBits));

  struct Second {
    boost::unordered_flat_map<Hash, Place, UniformHash, KeyEqual> places;
    std::vector<std::uint64_t> heights;  // ascending, but for loading
    std::size_t forgotten = 0;           // of the heights, once its time has passed
  };

  std::map<std::int64_t, Second> seconds_;
  std::map<Key, std::vector<Hash>> changed_;
};

}  // namespace hanse::ledger
