#pragma once

// What the book is measured against: the same offers in SQLite with its best indexes, and in an array of packed rows
// that is simply gone through. Both give the very offer that the book gives.

#include <memory>
#include <string>
#include <vector>

#include "market/book.hpp"

struct sqlite3;

namespace hanse::bench {

struct MarketWorld;

/// One offer, packed: what a demand of market_world.hpp asks about.
struct PackedRow {
  std::uint64_t id = 0;
  std::int64_t posted_at = 0, price = 0, storage = 0;
  std::int64_t vram = 0, memory = 0, disk = 0, free_disk = 0, inet_down = 0, max_duration = 0;
  std::uint32_t cpu = 0, model = 0, reliability = 0;
  std::uint16_t country = 0;
  std::uint8_t gpus = 0, free = 0, volume = 0;  ///< volume: whether it has those discounts.
};

/// A demand as both rivals read it.
struct PlainDemand {
  std::vector<std::uint32_t> models;  ///< Empty: any.
  std::vector<std::uint16_t> countries;
  std::int64_t vram = 0, memory = 0, cpu = 0, disk = 0, inet_down = 0, price = INT64_MAX, reliability = -1;
  std::uint64_t machine = 0;  ///< The number in its name; 0: any.
  std::int64_t gpus = 1, duration = 0, disk_bytes = 0;
};

class PackedRows {
 public:
  explicit PackedRows(const MarketWorld& world);
  /// The id of the best offer, 0 if none fits.
  [[nodiscard]] std::uint64_t find(const market::Wanted& wanted) const;
  [[nodiscard]] PlainDemand plain(const market::Wanted& wanted) const;
  [[nodiscard]] const std::vector<PackedRow>& rows() const { return rows_; }

 private:
  std::vector<PackedRow> rows_;
  std::vector<std::string> models_;  // folded
};

class SqliteMarket {
 public:
  explicit SqliteMarket(const MarketWorld& world);
  ~SqliteMarket();
  SqliteMarket(const SqliteMarket&) = delete;
  SqliteMarket& operator=(const SqliteMarket&) = delete;
  [[nodiscard]] std::uint64_t find(const market::Wanted& wanted) const;

 private:
  PackedRows rows_;
  sqlite3* database_ = nullptr;
};

}  // namespace hanse::bench
