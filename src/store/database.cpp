#include "store/database.hpp"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <system_error>
#include <utility>

#include "base/check.hpp"

namespace hanse::store {
namespace {

constexpr const char* kLockName = "hanse.lock";
constexpr const char* kFormatKey = "format";
constexpr std::uint32_t kFormat = 1;

constexpr std::size_t kCacheBytes = 64U << 20;
constexpr std::size_t kWriteBufferBytes = 16U << 20;
constexpr std::size_t kAllWriteBuffersBytes = 64U << 20;
constexpr std::uint64_t kMaxLogBytes = 128U << 20;

/// RocksDB's own log, its warnings and errors, as ours. Its log file would be one more thing to fail on a full disk,
/// and Debian's build, which keeps assertions, aborts when that one fails.
class Log final : public rocksdb::Logger {
 public:
  Log() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    char text[1024];
    std::vsnprintf(text, sizeof text, format, arguments);
    spdlog::warn("rocksdb: {}", text);
  }
};

std::string reason_of(int error) {
  return std::generic_category().message(error);
}

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  // A torn record at the very end of the log is the block that a crash cut off, and nobody was told of it. Damage
  // anywhere else would drop blocks that were acknowledged: that must not open in silence.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.max_total_wal_size = kMaxLogBytes;
  options.db_write_buffer_size = kAllWriteBuffersBytes;
  options.max_background_jobs = 2;
  options.max_open_files = 512;
  options.info_log = std::make_shared<Log>();
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = kWriteBufferBytes;
  options.compression = rocksdb::kLZ4Compression;
  options.level_compaction_dynamic_level_bytes = true;
  return options;
}

/// What a first start leaves when it is killed before the database stands. Nothing of it is worth keeping.
bool is_unfinished(const std::string& name) {
  return name == kLockName || name == "LOCK" || name == "IDENTITY" || name.starts_with("LOG") ||
         name.starts_with("MANIFEST-") || name.starts_with("OPTIONS-") || name.ends_with(".dbtmp");
}

std::unexpected<Error> foreign(const std::filesystem::path& folder, std::string_view what) {
  return fail(ErrorCode::malformed, folder.string() + " is not a hanse store: it holds " + std::string(what) +
                                        "; name an empty folder or the one of an earlier start");
}

/// A folder without RocksDB's root file must be empty, or hold only what an unfinished first start leaves: creating
/// there would otherwise sweep away what a damaged store still has.
Result<> check_new_folder(const std::filesystem::path& folder) {
  std::error_code error;
  for (auto it = std::filesystem::directory_iterator(folder, error); !error && it != std::filesystem::end(it);
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.ends_with(".sst") || name.ends_with(".log")) {
      return fail(ErrorCode::malformed, "the store in " + folder.string() +
                                            " is damaged: its file CURRENT is missing; restore the folder from a copy");
    }
    if (!is_unfinished(name)) return foreign(folder, "other files, such as " + name);
  }
  if (error) return fail(ErrorCode::io, "cannot read the folder " + folder.string() + ": " + error.message());
  return {};
}

bool is_ours(const std::string& family) {
  return std::find(kFamilyNames.begin(), kFamilyNames.end(), family) != kFamilyNames.end();
}

/// Is a database of another program here? Looked at read-only: adding our families to it would break it for its owner.
Result<> check_not_foreign(const std::filesystem::path& folder) {
  std::vector<std::string> families;
  const auto listed = rocksdb::DB::ListColumnFamilies(database_options(), folder.string(), &families);
  if (!listed.ok()) {
    return fail(ErrorCode::malformed, "the store in " + folder.string() + " is damaged (" + listed.ToString() +
                                          "); restore the folder from a copy");
  }
  if (!std::all_of(families.begin(), families.end(), is_ours)) return foreign(folder, "another program's database");
  if (families.size() == kFamilyNames.size()) return {};

  // Some are missing: a first start that was cut off, and so without a record, or a stranger.
  std::vector<rocksdb::ColumnFamilyDescriptor> wanted;
  for (const auto& family : families) wanted.emplace_back(family, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* raw = nullptr;
  auto options = database_options();
  options.create_if_missing = false;
  const auto opened = rocksdb::DB::OpenForReadOnly(options, folder.string(), wanted, &handles, &raw);
  if (!opened.ok()) return foreign(folder, "a database that does not open (" + opened.ToString() + ")");
  const std::unique_ptr<rocksdb::DB> db(raw);
  bool is_empty = true;
  for (auto* handle : handles) {
    const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions(), handle));
    it->SeekToFirst();
    is_empty = is_empty && !it->Valid();
  }
  for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
  if (!is_empty) return foreign(folder, "another program's database");
  return {};
}

Result<> prepare_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder, error)) {
    return fail(ErrorCode::io, "cannot make the folder " + folder.string() + ": " +
                                   (error ? error.message() : std::string("a file is in its place")));
  }
  return {};
}

}  // namespace

Result<FolderLock> FolderLock::take(const std::filesystem::path& folder) {
  const auto path = folder / kLockName;
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return fail(ErrorCode::io, "cannot open " + path.string() + ": " + reason_of(errno));
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    char holder[24] = {};
    const auto length = ::pread(descriptor, holder, sizeof holder - 1, 0);
    ::close(descriptor);
    std::string who = "another hanse process";
    if (length > 0) who += " (" + std::string(holder, static_cast<std::size_t>(length)) + ")";
    return fail(ErrorCode::conflict,
                "the store in " + folder.string() + " is held by " + who + ": stop it, or name another folder");
  }
  // Only for the message above, so a failed write is no error.
  const std::string self = "process " + std::to_string(::getpid());
  if (::ftruncate(descriptor, 0) == 0) static_cast<void>(!::pwrite(descriptor, self.data(), self.size(), 0));
  return FolderLock(descriptor);
}

FolderLock::FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& folder) {
  if (auto made = prepare_folder(folder); !made) return fail(made);
  // Before the lock, so that a stranger's folder is left without our lock file in it.
  const bool is_new = !std::filesystem::exists(folder / "CURRENT");
  if (is_new) {
    if (auto fit = check_new_folder(folder); !fit) return fail(fit);
  }
  auto lock = FolderLock::take(folder);
  if (!lock) return fail(lock);
  if (!is_new) {
    if (auto fit = check_not_foreign(folder); !fit) return fail(fit);
  }
  std::unique_ptr<Database> database(new Database(folder, std::move(*lock)));
  if (auto opened = database->open_families(); !opened) return fail(opened);
  if (auto checked = database->check_format(); !checked) return fail(checked);
  return database;
}

Database::~Database() {
  if (!db_) return;
  for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  static_cast<void>(db_->Close());  // every block was synced when it was committed; nothing is lost with this
}

Result<> Database::open_families() {
  const auto cache = rocksdb::NewLRUCache(kCacheBytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> wanted;
  for (const char* name : kFamilyNames) wanted.emplace_back(name, family_options(cache));
  rocksdb::DB* raw = nullptr;
  const auto status = rocksdb::DB::Open(database_options(), folder_.string(), wanted, &handles_, &raw);
  db_.reset(raw);
  if (!status.ok()) return std::unexpected(error_of(status, "open"));
  return {};
}

Result<> Database::check_format() {
  auto found = get(Family::meta, kFormatKey);
  if (!found) return fail(found);
  if (*found) {
    std::uint32_t format = 0;
    const auto& text = **found;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), format);
    if (parsed.ec == std::errc() && format == kFormat) return {};
    return fail(ErrorCode::malformed, "the store in " + folder_.string() + " has format '" + text +
                                          "', this program reads format " + std::to_string(kFormat) +
                                          ": use the program that wrote it, or name an empty folder");
  }
  for (std::size_t i = 0; i < kFamilyNames.size(); ++i) {
    const auto it = iterate(static_cast<Family>(i));
    it->SeekToFirst();
    if (it->Valid()) return foreign(folder_, "another program's database");
  }
  rocksdb::WriteBatch batch;
  batch.Put(handle(Family::meta), kFormatKey, std::to_string(kFormat));
  return write(batch, true);
}

Result<std::optional<std::string>> Database::get(Family family, std::string_view key) const {
  std::string value;
  const auto status = db_->Get(rocksdb::ReadOptions(), handle(family), rocksdb::Slice(key.data(), key.size()), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return std::unexpected(error_of(status, "read"));
  return value;
}

std::unique_ptr<rocksdb::Iterator> Database::iterate(Family family) const {
  return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(rocksdb::ReadOptions(), handle(family)));
}

Result<> Database::write(rocksdb::WriteBatch& batch, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  const auto status = db_->Write(options, &batch);
  if (!status.ok()) return std::unexpected(error_of(status, "write"));
  return {};
}

Error Database::error_of(const rocksdb::Status& status, std::string_view doing) const {
  const std::string where =
      "cannot " + std::string(doing) + " the store in " + folder_.string() + ": " + status.ToString();
  if (status.IsCorruption() || status.IsInvalidArgument()) {
    return {ErrorCode::malformed, where + "; it is damaged: restore the folder from a copy"};
  }
  return {ErrorCode::io, where + "; check the disk's space and health and start again"};
}

}  // namespace hanse::store
