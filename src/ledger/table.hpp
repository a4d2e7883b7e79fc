#pragma once

// A typed table in memory: records by key, journalled so that a transaction can be rolled back, and remembering which
// keys a block changed. Records do not move, so pointers stay valid until theirs is erased.
//
// An Index keeps what is derived from the records (orders, timers) in step:
//   added(record), removed(record)         when a record comes or goes
//   Position position(record) const        the part of it that a change may move ...
//   moved(from, record)                    ... and where it was before the change

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "ledger/key_order.hpp"
#include "ledger/records.hpp"

namespace hanse::ledger {

template <class Record>
struct NoIndex {
  struct Position {};
  void added(const Record&) {}
  void removed(const Record&) {}
  [[nodiscard]] Position position(const Record&) const { return {}; }
  void moved(const Position&, const Record&) {}
};

/// Requires `Key key_of(const Record&)`.
template <class Key, class Record, class Index = NoIndex<Record>>
class Table {
 public:
  Index index;

  Table() = default;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  [[nodiscard]] const Record* find(const Key& key) const {
    const auto found = slots_.find(key);
    return found == slots_.end() ? nullptr : &found->second->record;
  }
  /// Requires that it is there.
  [[nodiscard]] const Record& at(const Key& key) const {
    const Record* found = find(key);
    HANSE_CHECK(found != nullptr);
    return *found;
  }

  /// Requires that the key is free.
  const Record& insert(Record record) {
    const Key key = key_of(record);
    undo_.push_back({key, 0, false, {}});
    Slot& slot = place(key, std::move(record));
    slot.mark = transaction_;
    index.added(slot.record);
    return slot.record;
  }

  /// `change(record)` edits it in place; it must not change the key. Requires that it is there.
  template <class Change>
  const Record& change(const Key& key, Change&& change) {
    Slot& slot = slot_at(key);
    journal(key, slot);
    const auto from = index.position(slot.record);
    change(slot.record);
    index.moved(from, slot.record);
    return slot.record;
  }

  /// Returns its last form. Requires that it is there.
  Record erase(const Key& key) {
    Slot& slot = slot_at(key);
    journal(key, slot);
    return remove(key, slot);
  }

  void begin_block() { block_begin_ = transaction_ + 1; }
  void begin() {
    HANSE_CHECK(undo_.empty());
    ++transaction_;
  }
  void commit() {
    for (const Undo& undo : undo_) {
      if (undo.mark < block_begin_) changed_.push_back(undo.key);
    }
    undo_.clear();
  }
  void rollback() {
    for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) revert(*undo);
    undo_.clear();
  }

  /// Calls `visit(before, after)` for what the open transaction touched; nullptr for "was not there" and "is gone". A
  /// record that was erased and made anew shows as both.
  template <class Visitor>
  void for_each_touched(Visitor&& visit) const {
    for (const Undo& undo : undo_) visit(undo.existed ? &undo.before : nullptr, find(undo.key));
  }

  /// How many changes committed transactions made since the last take_changed(); at least as many as keys.
  [[nodiscard]] std::size_t changes() const { return changed_.size(); }
  /// The keys that committed transactions changed since the last call, ascending, each once.
  std::vector<Key> take_changed() {
    std::sort(changed_.begin(), changed_.end(), KeyLess{});
    changed_.erase(std::unique(changed_.begin(), changed_.end(), KeyEqual{}), changed_.end());
    return std::exchange(changed_, {});
  }

  [[nodiscard]] std::vector<Key> sorted_keys() const {
    std::vector<Key> keys;
    keys.reserve(slots_.size());
    for (const auto& entry : slots_) keys.push_back(entry.first);
    std::sort(keys.begin(), keys.end(), KeyLess{});
    return keys;
  }

  /// Loading: records first, in any order, then the index over all of them. False if the key is taken.
  bool load(Record record) {
    const Key key = key_of(record);
    if (slots_.contains(key)) return false;
    place(key, std::move(record));
    return true;
  }
  void build_index() {
    for (const Key& key : sorted_keys()) index.added(at(key));
  }

 private:
  struct Slot {
    Record record;
    std::uint64_t mark = 0;  // the last transaction that changed it
  };
  struct Undo {
    Key key;
    std::uint64_t mark;
    bool existed;
    Record before;
  };
  /// As many as fill a size that allocators have, less the word that counts them.
  static constexpr std::size_t kSlotsPerSlab = (32 * 1024 - sizeof(std::size_t)) / sizeof(Slot);

  Slot& slot_at(const Key& key) {
    const auto found = slots_.find(key);
    HANSE_CHECK(found != slots_.end());
    return *found->second;
  }
  void journal(const Key& key, Slot& slot) {
    if (slot.mark == transaction_) return;
    undo_.push_back({key, slot.mark, true, slot.record});
    slot.mark = transaction_;
  }
  Slot& place(const Key& key, Record record) {
    if (free_.empty()) {
      slabs_.push_back(std::make_unique<Slot[]>(kSlotsPerSlab));
      for (std::size_t i = kSlotsPerSlab; i-- > 0;) free_.push_back(&slabs_.back()[i]);
    }
    Slot* slot = free_.back();
    const bool inserted = slots_.emplace(key, slot).second;
    HANSE_CHECK(inserted);
    free_.pop_back();
    slot->record = std::move(record);
    slot->mark = 0;
    return *slot;
  }
  Record remove(const Key& key, Slot& slot) {
    index.removed(slot.record);
    Record record = std::exchange(slot.record, Record{});
    slots_.erase(key);
    free_.push_back(&slot);
    return record;
  }
  void revert(Undo& undo) {
    if (const auto found = slots_.find(undo.key); found != slots_.end()) remove(undo.key, *found->second);
    if (!undo.existed) return;
    Slot& slot = place(undo.key, std::move(undo.before));
    slot.mark = undo.mark;
    index.added(slot.record);
  }

  boost::unordered_flat_map<Key, Slot*, KeyHash, KeyEqual> slots_;
  std::vector<std::unique_ptr<Slot[]>> slabs_;
  std::vector<Slot*> free_;
  std::vector<Undo> undo_;
  std::vector<Key> changed_;
  std::uint64_t transaction_ = 0;
  std::uint64_t block_begin_ = 0;
};

}  // namespace hanse::ledger
