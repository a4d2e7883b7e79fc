#include "provider/journal.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>

namespace hanse::provider {

namespace {

constexpr const char* kSchema = R"(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS leases (
  id INTEGER PRIMARY KEY, container TEXT NOT NULL, subnet TEXT NOT NULL, job BLOB NOT NULL, go INTEGER NOT NULL,
  confirmed INTEGER NOT NULL, exit_code INTEGER NOT NULL, told_ms INTEGER NOT NULL DEFAULT 0,
  kept INTEGER NOT NULL DEFAULT 0, image TEXT NOT NULL DEFAULT '', private_image TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
)";

class SqliteJournal : public Journal {
 public:
  ~SqliteJournal() override { ::sqlite3_close(db_); }

  Result<> open(const std::filesystem::path& file) {
    // Made here and not by SQLite, so that it is never readable by others, not even for a moment.
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return fail(ErrorCode::io, "cannot open the journal " + file.string());
    ::fchmod(fd, 0600);
    ::close(fd);
    if (::sqlite3_open(file.c_str(), &db_) != SQLITE_OK) return broken("opening");
    ::sqlite3_busy_timeout(db_, 5000);
    if (::sqlite3_exec(db_, kSchema, nullptr, nullptr, nullptr) != SQLITE_OK) return broken("opening");
    return bring_up_to_date();
  }

  Result<> save(const JournalEntry& e) override {
    Statement s(*this,
                "INSERT OR REPLACE INTO leases (id, container, subnet, job, go, confirmed, exit_code, told_ms, kept,"
                " image, private_image) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    s.number(1, static_cast<std::int64_t>(e.lease.value));
    s.text(2, e.container);
    s.text(3, e.subnet);
    s.blob(4, e.job);
    s.number(5, e.go ? 1 : 0);
    s.number(6, e.confirmed ? 1 : 0);
    s.number(7, e.exit_code);
    s.number(8, e.told.ms);
    s.number(9, e.kept ? 1 : 0);
    s.text(10, e.image);
    s.text(11, e.private_image);
    return s.run("writing a lease");
  }

  Result<> erase(model::LeaseId lease) override {
    Statement s(*this, "DELETE FROM leases WHERE id = ?");
    s.number(1, static_cast<std::int64_t>(lease.value));
    return s.run("erasing a lease");
  }

  Result<std::vector<JournalEntry>> entries() override {
    Statement s(*this,
                "SELECT id, container, subnet, job, go, confirmed, exit_code, told_ms, kept, image, private_image"
                " FROM leases ORDER BY id");
    std::vector<JournalEntry> out;
    for (;;) {
      const auto row = s.step("reading the leases");
      if (!row) return fail(row);
      if (!*row) return out;
      JournalEntry e;
      e.lease.value = static_cast<std::uint64_t>(s.number_at(0));
      e.container = s.text_at(1);
      e.subnet = s.text_at(2);
      e.job = s.blob_at(3);
      e.go = s.number_at(4) != 0;
      e.confirmed = s.number_at(5) != 0;
      e.exit_code = static_cast<int>(s.number_at(6));
      e.told = {s.number_at(7)};
      e.kept = s.number_at(8) != 0;
      e.image = s.text_at(9);
      e.private_image = s.text_at(10);
      out.push_back(std::move(e));
    }
  }

  Result<> set_note(const std::string& name, const std::string& value) override {
    Statement s(*this, "INSERT OR REPLACE INTO notes VALUES (?, ?)");
    s.text(1, name);
    s.text(2, value);
    return s.run("writing a note");
  }

  Result<std::string> note(const std::string& name) override {
    Statement s(*this, "SELECT value FROM notes WHERE name = ?");
    s.text(1, name);
    const auto row = s.step("reading a note");
    if (!row) return fail(row);
    return *row ? s.text_at(0) : std::string();
  }

 private:
  /// A journal of an older agent lacks columns that came later, and has some that went.
  Result<> bring_up_to_date() {
    const std::pair<std::string, std::string> columns[] = {{"told_ms", "INTEGER NOT NULL DEFAULT 0"},
                                                           {"kept", "INTEGER NOT NULL DEFAULT 0"},
                                                           {"image", "TEXT NOT NULL DEFAULT ''"},
                                                           {"private_image", "TEXT NOT NULL DEFAULT ''"}};
    for (const auto& [name, type] : columns) {
      const auto there = has_column(name);
      if (!there) return fail(there);
      const std::string add = "ALTER TABLE leases ADD COLUMN " + name + " " + type;
      if (*there) continue;
      if (auto added = Statement(*this, add.c_str()).run("opening"); !added) return added;
    }
    for (const std::string name : {"token", "warned"}) {
      const auto there = has_column(name);
      if (!there) return fail(there);
      const std::string drop = "ALTER TABLE leases DROP COLUMN " + name;
      if (!*there) continue;
      if (auto dropped = Statement(*this, drop.c_str()).run("opening"); !dropped) return dropped;
    }
    return {};
  }

  Result<bool> has_column(const std::string& name) {
    Statement s(*this, "SELECT 1 FROM pragma_table_info('leases') WHERE name = ?");
    s.text(1, name);
    return s.step("opening");
  }

  /// One statement, holding the journal's lock while it lives. A statement that did not prepare fails when it runs.
  class Statement {
   public:
    Statement(SqliteJournal& journal, const char* sql) : journal_(journal), lock_(journal.mutex_) {
      ::sqlite3_prepare_v2(journal.db_, sql, -1, &statement_, nullptr);
    }
    ~Statement() { ::sqlite3_finalize(statement_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    void number(int at, std::int64_t value) { ::sqlite3_bind_int64(statement_, at, value); }
    void text(int at, const std::string& value) {
      ::sqlite3_bind_text(statement_, at, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    }
    void blob(int at, const Bytes& value) {
      const char* data = value.empty() ? "" : reinterpret_cast<const char*>(value.data());
      ::sqlite3_bind_blob(statement_, at, data, static_cast<int>(value.size()), SQLITE_TRANSIENT);
    }
    /// True: a row stands ready.
    Result<bool> step(const char* what) {
      const int code = statement_ == nullptr ? SQLITE_ERROR : ::sqlite3_step(statement_);
      if (code == SQLITE_ROW) return true;
      if (code == SQLITE_DONE) return false;
      return std::unexpected(journal_.broken(what).error());
    }
    Result<> run(const char* what) {
      const auto done = step(what);
      if (!done) return fail(done);
      return {};
    }
    std::int64_t number_at(int column) { return ::sqlite3_column_int64(statement_, column); }
    std::string text_at(int column) { return std::string(as_text(blob_at(column))); }
    Bytes blob_at(int column) {
      const auto* data = static_cast<const std::uint8_t*>(::sqlite3_column_blob(statement_, column));
      const auto size = ::sqlite3_column_bytes(statement_, column);
      return data == nullptr ? Bytes{} : Bytes(data, data + size);
    }

   private:
    SqliteJournal& journal_;
    std::lock_guard<std::mutex> lock_;
    sqlite3_stmt* statement_ = nullptr;
  };

  Result<> broken(const char* what) {
    return fail(ErrorCode::io, std::string("the agent's journal: ") + what + " failed: " + ::sqlite3_errmsg(db_));
  }

  std::mutex mutex_;
  sqlite3* db_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(const std::filesystem::path& file) {
  auto journal = std::make_unique<SqliteJournal>();
  if (auto opened = journal->open(file); !opened) return fail(opened);
  return journal;
}

}  // namespace hanse::provider
