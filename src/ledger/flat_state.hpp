#pragma once

// The flat state: the ledger as keys and values, as a store keeps it. A key is the byte of a table followed by the
// record's own key, big endian, so that byte order is key order; a value is the encoded record.

#include <optional>
#include <utility>

#include "base/bytes.hpp"

namespace hanse::ledger {

struct StateRecord {
  Bytes key;
  Bytes value;

  bool operator==(const StateRecord&) const = default;
};

/// What a block changed of it, sorted by key, one a key: packed into one piece of memory, in the very bytes that the
/// app hash covers. For each change: len(key), 1 byte ‖ key ‖ len(value) + 1 or 0 when erased, 4 bytes big endian ‖
/// value. A value; the views that it gives hold while it does.
class StateChanges {
 public:
  struct Change {
    ByteView key;
    std::optional<ByteView> value;  ///< Absent when it was erased.
  };

  class Iterator {
   public:
    using value_type = Change;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(const std::uint8_t* at) : at_(at) {}
    Change operator*() const { return {{at_ + 1, key_size()}, value()}; }
    Iterator& operator++() {
      at_ += 1 + key_size() + 4 + (value_size() == 0 ? 0 : value_size() - 1);
      return *this;
    }
    Iterator operator++(int) { return std::exchange(*this, ++Iterator(*this)); }
    bool operator==(const Iterator&) const = default;

   private:
    [[nodiscard]] std::size_t key_size() const { return *at_; }
    /// One more than the value has; 0 for none.
    [[nodiscard]] std::size_t value_size() const {
      const std::uint8_t* size = at_ + 1 + key_size();
      return std::size_t{size[0]} << 24 | std::size_t{size[1]} << 16 | std::size_t{size[2]} << 8 | size[3];
    }
    [[nodiscard]] std::optional<ByteView> value() const {
      if (value_size() == 0) return std::nullopt;
      return ByteView(at_ + 1 + key_size() + 4, value_size() - 1);
    }

    const std::uint8_t* at_ = nullptr;
  };

  StateChanges() = default;
  /// Requires bytes of the form above: they come from the ledger alone.
  explicit StateChanges(Bytes packed) : packed_(std::move(packed)) {}

  [[nodiscard]] Iterator begin() const { return Iterator(packed_.data()); }
  [[nodiscard]] Iterator end() const { return Iterator(packed_.data() + packed_.size()); }
  [[nodiscard]] ByteView packed() const { return packed_; }

 private:
  Bytes packed_;
};

}  // namespace hanse::ledger
