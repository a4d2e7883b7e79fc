#pragma once

// Which transactions of the validity window entered already. Hashes lie in one unordered set for each second in which
// their validity ends, so that remembering costs O(1) and forgetting takes whole seconds, a bounded number a block.
// Not rolled back: a transaction is remembered once its fee is paid, whatever becomes of its operations.

#include <boost/unordered/unordered_flat_set.hpp>
#include <map>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "ledger/key_order.hpp"

namespace hanse::ledger {

class Replay {
 public:
  struct Entry {
    std::int64_t second = 0;  ///< Block time, in whole seconds, in which the transaction's validity ends.
    Hash hash;

    auto operator<=>(const Entry&) const = default;
    bool operator==(const Entry&) const = default;
  };
  struct Change {
    Entry entry;
    bool present = false;
  };

  static std::int64_t second_of(Time valid_until) { return valid_until.ms / 1000; }

  [[nodiscard]] bool contains(Time valid_until, const Hash& hash) const;
  void insert(Time valid_until, const Hash& hash);
  /// Forgets at most `limit` hashes whose second has passed, in ascending order.
  void expire(Time now, std::size_t limit);

  bool load(const Entry& entry);
  [[nodiscard]] std::vector<Entry> sorted() const;
  [[nodiscard]] std::size_t size() const { return size_; }
  std::vector<Change> take_changed();  ///< Since the last call, ascending.

 private:
  std::map<std::int64_t, boost::unordered_flat_set<Hash, UniformHash, KeyEqual>> seconds_;
  std::vector<Hash> expiring_;  // the rest of the first second, once it is being forgotten; largest first
  std::vector<Change> changed_;
  std::size_t size_ = 0;
};

}  // namespace hanse::ledger
