#pragma once

// The RocksDB database under a store: its folder, its lock, its column families and their options. Internal to the
// room; callers include store.hpp.

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace hanse::store {

/// Keys are ordered bytes; numbers in them are big endian, so that byte order is number order.
enum class Family : std::uint8_t {
  meta,      // name -> value: the format, the origin, the last height and app hash
  state,     // the live flat state, keyed as ledger/flat_state.hpp says
  genesis,   // the flat state at height 0, keyed alike
  blocks,    // height -> app hash ‖ Block
  receipts,  // transaction hash -> Receipt
  events,    // sequence -> Event
  archive,   // 'L' ‖ id -> Lease; 'R' ‖ id -> Request
  leases_of  // account ‖ lease id -> nothing
};
inline constexpr std::array<const char*, 8> kFamilyNames{"default",  "state",  "genesis", "blocks",
                                                         "receipts", "events", "archive", "leases_of"};

/// An exclusive hold on a folder: a locked file in it that names the holder's process. Released by the destructor, or
/// by the kernel when the process dies.
class FolderLock {
 public:
  static Result<FolderLock> take(const std::filesystem::path& folder);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

class Database {
 public:
  /// Opens or creates, with all families and the format checked. Errors as Store::open.
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& folder);
  ~Database();

  [[nodiscard]] rocksdb::ColumnFamilyHandle* handle(Family family) const {
    return handles_[static_cast<std::size_t>(family)];
  }
  /// nullopt: absent. A failed read is an error, never an absence.
  [[nodiscard]] Result<std::optional<std::string>> get(Family family, std::string_view key) const;
  [[nodiscard]] std::unique_ptr<rocksdb::Iterator> iterate(Family family) const;
  Result<> write(rocksdb::WriteBatch& batch, bool sync);

  /// A RocksDB status as an error that names the folder and says what to do.
  [[nodiscard]] Error error_of(const rocksdb::Status& status, std::string_view doing) const;
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  Database(std::filesystem::path folder, FolderLock lock) : folder_(std::move(folder)), lock_(std::move(lock)) {}
  Result<> open_families();
  Result<> check_format();

  std::filesystem::path folder_;
  FolderLock lock_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

}  // namespace hanse::store
