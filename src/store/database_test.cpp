// What a store makes of folders that are not as it left them, and of disks that fail.

#include "store/database.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "store/store.hpp"
#include "store/testing/history.hpp"

namespace hanse::store {
namespace {

namespace fs = std::filesystem;
using testing::Folder;
using ::testing::HasSubstr;
using testing::History;

/// The last error of opening it; ok if it opens.
Error error_of_opening(const fs::path& folder) {
  const auto store = Store::open(folder);
  return store ? Error{ErrorCode::ok, ""} : store.error();
}

void write_file(const fs::path& path, std::string_view text) {
  std::ofstream(path) << text;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder)) out.push_back(entry.path().filename().string());
  return out;
}

/// A store with a genesis and some blocks.
void fill(const fs::path& folder, History& history, int blocks) {
  auto store = Store::open(folder);
  ASSERT_TRUE(store) << store.error().message;
  if ((*store)->is_empty()) {
    ASSERT_TRUE((*store)->write_genesis(history.ledger));
  }
  for (int i = 0; i < blocks; ++i) {
    const auto step = history.next_random();
    ASSERT_TRUE((*store)->commit(step.block, step.result));
  }
}

fs::path newest_log(const fs::path& folder) {
  fs::path out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".log" && entry.path() > out) out = entry.path();
  }
  return out;
}

TEST(Database, MakesTheFolderAndItsParents) {
  const Folder folder;
  EXPECT_EQ(error_of_opening(folder.path / "a" / "b").code, ErrorCode::ok);
}

TEST(Database, RefusesASecondHolderInAnotherProcess) {
  const Folder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto store = Store::open(folder.path);
    const char answer = store ? 'y' : 'n';
    if (::write(ready[1], &answer, 1) == 1) ::pause();
    ::_exit(1);
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  const auto error = error_of_opening(folder.path);
  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_THAT(error.message, HasSubstr("held by another hanse process (process " + std::to_string(child) + ")"));
  EXPECT_THAT(error.message, HasSubstr(folder.path.string()));

  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(error_of_opening(folder.path).code, ErrorCode::ok);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(Database, RefusesAFolderWithOtherFilesAndLeavesItAlone) {
  const Folder folder;
  write_file(folder.path / "thesis.txt", "years of work");
  const auto error = error_of_opening(folder.path);
  EXPECT_EQ(error.code, ErrorCode::malformed);
  EXPECT_THAT(error.message, HasSubstr("is not a hanse store"));
  EXPECT_THAT(error.message, HasSubstr("thesis.txt"));
  EXPECT_THAT(names_in(folder.path), ::testing::ElementsAre("thesis.txt"));
}

TEST(Database, RefusesAFileInTheFoldersPlace) {
  const Folder folder;
  write_file(folder.path / "file", "");
  EXPECT_EQ(error_of_opening(folder.path / "file").code, ErrorCode::io);
}

TEST(Database, RefusesAnotherProgramsDatabase) {
  for (const bool has_own_family : {false, true}) {
    const Folder folder;
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* raw = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, folder.path.string(), &raw).ok());
    const std::unique_ptr<rocksdb::DB> db(raw);
    if (has_own_family) {
      rocksdb::ColumnFamilyHandle* handle = nullptr;
      ASSERT_TRUE(db->CreateColumnFamily({}, "ledgers", &handle).ok());
      db->DestroyColumnFamilyHandle(handle);
    } else {
      ASSERT_TRUE(db->Put({}, "height", "12").ok());
    }
    db->Close();
    const auto error = error_of_opening(folder.path);
    EXPECT_EQ(error.code, ErrorCode::malformed);
    EXPECT_THAT(error.message, HasSubstr("another program's database"));
    std::vector<std::string> families;
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, folder.path.string(), &families).ok());
    EXPECT_EQ(families.size(), has_own_family ? 2U : 1U);
  }
}

TEST(Database, RefusesAFormatItDoesNotKnow) {
  const Folder folder;
  {
    const auto database = Database::open(folder.path);
    ASSERT_TRUE(database);
    rocksdb::WriteBatch batch;
    batch.Put((*database)->handle(Family::meta), "format", "2");
    ASSERT_TRUE((*database)->write(batch, true));
  }
  const auto error = error_of_opening(folder.path);
  EXPECT_EQ(error.code, ErrorCode::malformed);
  EXPECT_THAT(error.message, HasSubstr("has format '2', this program reads format 1"));
}

TEST(Database, GoesOnWithAFirstStartThatWasCutOff) {
  const Folder folder;
  for (const char* name : {"LOCK", "LOG", "IDENTITY", "MANIFEST-000001", "000001.dbtmp", "hanse.lock"}) {
    write_file(folder.path / name, "");
  }
  EXPECT_EQ(error_of_opening(folder.path).code, ErrorCode::ok);
}

TEST(Database, RefusesADamagedStoreRatherThanStartingAnew) {
  const Folder folder;
  History history;
  fill(folder.path, history, 3);
  fs::remove(folder.path / "CURRENT");
  const auto error = error_of_opening(folder.path);
  EXPECT_EQ(error.code, ErrorCode::malformed);
  EXPECT_THAT(error.message, HasSubstr("CURRENT is missing"));
}

TEST(Database, RefusesALogThatIsDamagedInItsMiddle) {
  const Folder folder;
  History history;
  fill(folder.path, history, 12);
  const auto log = newest_log(folder.path);
  ASSERT_GT(fs::file_size(log), 4000U);
  {
    std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(log) / 2));
    file.write("damage", 6);
  }
  const auto error = error_of_opening(folder.path);
  EXPECT_EQ(error.code, ErrorCode::malformed) << error.message;
  EXPECT_THAT(error.message, HasSubstr("damaged"));
}

TEST(Database, DropsABlockThatACrashCutOffAndNothingElse) {
  for (const std::uintmax_t lost : {1U, 7U, 100U}) {
    SCOPED_TRACE(std::to_string(lost) + " bytes lost");
    const Folder folder;
    History history;
    fill(folder.path, history, 5);
    const auto before = history.ledger.state().app_hash();
    {
      auto store = Store::open(folder.path);
      ASSERT_TRUE(store);
      const auto step = history.next(
          {testing::sign(testing::key(0), after_s(testing::kStart, 60), history.rng, {testing::transfer(1, 1)})});
      ASSERT_TRUE((*store)->commit(step.block, step.result));
    }
    const auto log = newest_log(folder.path);
    fs::resize_file(log, fs::file_size(log) - lost);
    const auto store = Store::open(folder.path);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ((*store)->height(), 5U);
    EXPECT_EQ((*store)->block(6), std::nullopt);
    const auto ledger = (*store)->load();
    ASSERT_TRUE(ledger) << ledger.error().message;
    EXPECT_EQ(ledger->state().app_hash(), before);
  }
}

/// No file of this process may grow beyond `bytes` while this lives: the disk is full.
class FullDisk {
 public:
  explicit FullDisk(std::uintmax_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST(Database, ABlockThatTheDiskDoesNotTakeIsNotThere) {
  const Folder folder;
  History history;
  fill(folder.path, history, 2);
  const auto durable = history.ledger.state().app_hash();
  {
    auto store = Store::open(folder.path);
    ASSERT_TRUE(store);
    const auto step = history.next_random();
    {
      const FullDisk full(16);
      const auto committed = (*store)->commit(step.block, step.result);
      ASSERT_FALSE(committed);
      EXPECT_EQ(committed.error().code, ErrorCode::io);
      EXPECT_THAT(committed.error().message, HasSubstr(folder.path.string()));
    }
    EXPECT_EQ((*store)->height(), 2U);
    EXPECT_EQ((*store)->block(3), std::nullopt);
    EXPECT_FALSE((*store)->commit(step.block, step.result)) << "a store that failed takes no more blocks";
    const auto ledger = (*store)->load();
    ASSERT_TRUE(ledger) << ledger.error().message;
    EXPECT_EQ(ledger->state().app_hash(), durable);
  }
  const auto store = Store::open(folder.path);
  ASSERT_TRUE(store) << store.error().message;
  const auto ledger = (*store)->load();
  ASSERT_TRUE(ledger) << ledger.error().message;
  EXPECT_EQ(ledger->state().height(), 2U);
  EXPECT_EQ(ledger->state().app_hash(), durable);
}

}  // namespace
}  // namespace hanse::store
