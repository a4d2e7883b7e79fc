#include "store/store.hpp"

#include <rocksdb/iterator.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <set>

#include "base/check.hpp"
#include "crypto/hash.hpp"
#include "store/database.hpp"
#include "store/keys.hpp"

namespace hanse::store {
namespace {

constexpr std::string_view kNetworkKey = "network";
constexpr std::string_view kGenesisTimeKey = "genesis_time";
constexpr std::string_view kFingerprintKey = "genesis_fingerprint";
constexpr std::string_view kHeightKey = "height";
constexpr std::string_view kAppHashKey = "app_hash";

void append(Bytes& out, ByteView part) {
  const std::string length = key_of(part.size());
  const ByteView prefix = as_bytes(length);
  out.insert(out.end(), prefix.begin(), prefix.end());
  out.insert(out.end(), part.begin(), part.end());
}

Origin origin_of_dump(const ledger::State& state, const std::vector<ledger::StateRecord>& dump) {
  Bytes all;
  for (const auto& record : dump) {
    append(all, record.key);
    append(all, record.value);
  }
  return {state.network(), state.time(), crypto::hash("hanse/genesis/v1", all)};
}

}  // namespace

Origin origin_of(const ledger::Ledger& genesis) {
  return origin_of_dump(genesis.state(), genesis.dump());
}

struct Store::Impl {
  std::unique_ptr<Database> database;
  Options options;
  std::optional<Origin> origin;
  std::atomic<std::uint64_t> height = 0;
  bool has_failed = false;  ///< Of the writer alone.

  Result<> read_meta();
  [[nodiscard]] std::unexpected<Error> damaged(std::string_view what) const;
  [[nodiscard]] Result<ledger::Ledger> load(Family family) const;
  void put_block(rocksdb::WriteBatch& batch, const model::Block& block, const ledger::BlockResult& result) const;
  void put_receipts(rocksdb::WriteBatch& batch, const std::vector<model::Receipt>& receipts) const;
  void put_archived(rocksdb::WriteBatch& batch, const ledger::Archived& archived) const;

  /// Absent, or cannot be read: then it is logged.
  [[nodiscard]] std::optional<std::string> find(Family family, std::string_view key) const {
    auto found = database->get(family, key);
    if (found) return std::move(*found);
    spdlog::error("store: {}", found.error().message);
    return std::nullopt;
  }
  template <class Record>
  [[nodiscard]] std::optional<Record> decode(ByteView bytes) const {
    auto record = wire::decode<Record>(bytes);
    if (record) return std::move(*record);
    spdlog::error("store: a record in {} is damaged: {}", database->folder().string(), record.error().message);
    return std::nullopt;
  }
  template <class Record>
  [[nodiscard]] std::optional<Record> find_record(Family family, std::string_view key) const {
    const auto bytes = find(family, key);
    return bytes ? decode<Record>(as_bytes(*bytes)) : std::nullopt;
  }
};

std::unexpected<Error> Store::Impl::damaged(std::string_view what) const {
  return fail(ErrorCode::malformed, "the store in " + database->folder().string() +
                                        " is damaged: " + std::string(what) + "; restore the folder from a copy");
}

Result<> Store::Impl::read_meta() {
  auto network = database->get(Family::meta, kNetworkKey);
  if (!network) return fail(network);
  if (!*network) return {};
  auto time = database->get(Family::meta, kGenesisTimeKey);
  auto fingerprint = database->get(Family::meta, kFingerprintKey);
  auto last = database->get(Family::meta, kHeightKey);
  for (const auto* value : {&time, &fingerprint, &last}) {
    if (!*value) return fail(*value);
    if (!**value || (**value)->size() != (value == &fingerprint ? Hash::size : 8)) {
      return damaged("its description is incomplete");
    }
  }
  origin = Origin{std::move(**network), Time{static_cast<std::int64_t>(number_of(**time))},
                  *fixed_from<Hash::size>(as_bytes(**fingerprint))};
  height = number_of(**last);
  return {};
}

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& folder, Options options) {
  auto database = Database::open(folder);
  if (!database) return fail(database);
  auto impl = std::make_unique<Impl>();
  impl->database = std::move(*database);
  impl->options = options;
  if (auto read = impl->read_meta(); !read) return fail(read);
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

bool Store::is_empty() const {
  return !impl_->origin;
}

const Origin& Store::origin() const {
  HANSE_CHECK(!is_empty());
  return *impl_->origin;
}

std::uint64_t Store::height() const {
  return impl_->height;
}

Result<> Store::write_genesis(const ledger::Ledger& ledger) {
  HANSE_CHECK(is_empty());
  HANSE_CHECK(ledger.state().height() == 0);
  const auto dump = ledger.dump();
  auto origin = origin_of_dump(ledger.state(), dump);
  auto& database = *impl_->database;
  rocksdb::WriteBatch batch;
  for (const auto& record : dump) {
    batch.Put(database.handle(Family::state), slice(record.key), slice(record.value));
    batch.Put(database.handle(Family::genesis), slice(record.key), slice(record.value));
  }
  const auto meta = database.handle(Family::meta);
  batch.Put(meta, kNetworkKey, origin.network);
  batch.Put(meta, kGenesisTimeKey, key_of(static_cast<std::uint64_t>(origin.time.ms)));
  batch.Put(meta, kFingerprintKey, slice(origin.fingerprint.view()));
  batch.Put(meta, kHeightKey, key_of(0));
  batch.Put(meta, kAppHashKey, slice(ledger.state().app_hash().view()));
  if (auto written = database.write(batch, true); !written) return fail(written);
  impl_->origin = std::move(origin);
  return {};
}

Result<ledger::Ledger> Store::Impl::load(Family family) const {
  const auto it = database->iterate(family);
  it->SeekToFirst();
  const auto next = [&]() -> std::optional<std::pair<Bytes, Bytes>> {
    if (!it->Valid()) return std::nullopt;
    const auto key = as_bytes(it->key().ToStringView());
    const auto value = as_bytes(it->value().ToStringView());
    std::pair out(Bytes(key.begin(), key.end()), Bytes(value.begin(), value.end()));
    it->Next();
    return out;
  };
  auto ledger = ledger::Ledger::load(next);
  // A read that failed looks like the end to the ledger; it is the cause, whatever the ledger then said.
  if (!it->status().ok()) return std::unexpected(database->error_of(it->status(), "read"));
  if (!ledger) return damaged(ledger.error().message);
  return ledger;
}

Result<ledger::Ledger> Store::load() const {
  HANSE_CHECK(!is_empty());
  auto ledger = impl_->load(Family::state);
  if (!ledger) return fail(ledger);
  auto app_hash = impl_->database->get(Family::meta, kAppHashKey);
  if (!app_hash) return fail(app_hash);
  if (ledger->state().height() != height() || !*app_hash || as_bytes(**app_hash).size() != Hash::size ||
      *fixed_from<Hash::size>(as_bytes(**app_hash)) != ledger->state().app_hash()) {
    return impl_->damaged("its state is not that of its last block, " + std::to_string(height()));
  }
  return ledger;
}

Result<ledger::Ledger> Store::load_genesis() const {
  HANSE_CHECK(!is_empty());
  return impl_->load(Family::genesis);
}

void Store::Impl::put_block(rocksdb::WriteBatch& batch, const model::Block& block,
                            const ledger::BlockResult& result) const {
  const Bytes encoded = wire::encode(block);
  std::string value(as_text(result.app_hash.view()));
  value.append(as_text(encoded));
  batch.Put(database->handle(Family::blocks), key_of(block.height), value);
}

void Store::Impl::put_receipts(rocksdb::WriteBatch& batch, const std::vector<model::Receipt>& receipts) const {
  std::set<Hash> in_block;
  for (const auto& receipt : receipts) {
    // A block may carry a transaction a second time; the receipt that counts is the first one's.
    const bool is_first = in_block.insert(receipt.tx_hash).second;
    if (receipt.code == ErrorCode::replayed && (!is_first || find(Family::receipts, as_text(receipt.tx_hash.view())))) {
      continue;
    }
    batch.Put(database->handle(Family::receipts), slice(receipt.tx_hash.view()), slice(wire::encode(receipt)));
  }
}

void Store::Impl::put_archived(rocksdb::WriteBatch& batch, const ledger::Archived& archived) const {
  if (const auto& request = archived.request) {
    batch.Put(database->handle(Family::archive), archived_key('R', request->id.value), slice(wire::encode(*request)));
  }
  if (const auto& lease = archived.lease) {
    batch.Put(database->handle(Family::archive), archived_key('L', lease->id.value), slice(wire::encode(*lease)));
    for (const auto& account : {lease->consumer, lease->provider}) {
      batch.Put(database->handle(Family::leases_of), lease_of_key(account.view(), lease->id.value), "");
    }
  }
}

Result<> Store::commit(const model::Block& block, const ledger::BlockResult& result) {
  HANSE_CHECK(!is_empty());
  HANSE_CHECK(block.height == height() + 1);
  auto& database = *impl_->database;
  if (impl_->has_failed) {
    return fail(ErrorCode::io,
                "the store in " + database.folder().string() + " failed before: start again once its disk is well");
  }
  rocksdb::WriteBatch batch;
  for (const auto& change : result.changes) {
    if (change.value) {
      batch.Put(database.handle(Family::state), slice(change.key), slice(*change.value));
    } else {
      batch.Delete(database.handle(Family::state), slice(change.key));
    }
  }
  impl_->put_block(batch, block, result);
  impl_->put_receipts(batch, result.receipts);
  for (const auto& event : result.events) {
    batch.Put(database.handle(Family::events), key_of(event.sequence), slice(wire::encode(event)));
  }
  for (const auto& archived : result.archived) impl_->put_archived(batch, archived);
  batch.Put(database.handle(Family::meta), kHeightKey, key_of(block.height));
  batch.Put(database.handle(Family::meta), kAppHashKey, slice(result.app_hash.view()));
  if (auto written = database.write(batch, impl_->options.sync); !written) {
    impl_->has_failed = true;
    return fail(written);
  }
  impl_->height = block.height;
  return {};
}

std::optional<model::Block> Store::block(std::uint64_t height) const {
  const auto value = impl_->find(Family::blocks, key_of(height));
  if (!value || value->size() < Hash::size) return std::nullopt;
  return impl_->decode<model::Block>(as_bytes(*value).subspan(Hash::size));
}

std::optional<Hash> Store::app_hash(std::uint64_t height) const {
  const auto value = impl_->find(Family::blocks, key_of(height));
  if (!value || value->size() < Hash::size) return std::nullopt;
  return *fixed_from<Hash::size>(as_bytes(*value).first(Hash::size));
}

std::optional<model::Receipt> Store::receipt(const Hash& tx_hash) const {
  return impl_->find_record<model::Receipt>(Family::receipts, as_text(tx_hash.view()));
}

std::vector<model::Event> Store::events(std::uint64_t after, std::size_t limit) const {
  std::vector<model::Event> out;
  if (after == UINT64_MAX) return out;
  const auto it = impl_->database->iterate(Family::events);
  for (it->Seek(key_of(after + 1)); it->Valid() && out.size() < limit; it->Next()) {
    auto event = impl_->decode<model::Event>(as_bytes(it->value().ToStringView()));
    if (!event) return out;  // a gap would look like whole history to who follows the cursor
    out.push_back(std::move(*event));
  }
  if (!it->status().ok()) spdlog::error("store: {}", impl_->database->error_of(it->status(), "read").message);
  return out;
}

std::optional<model::Lease> Store::archived_lease(model::LeaseId id) const {
  return impl_->find_record<model::Lease>(Family::archive, archived_key('L', id.value));
}

std::optional<model::Request> Store::archived_request(model::RequestId id) const {
  return impl_->find_record<model::Request>(Family::archive, archived_key('R', id.value));
}

std::vector<model::Lease> Store::archived_leases_of(const model::AccountId& account, model::LeaseId before,
                                                    std::size_t limit) const {
  std::vector<model::Lease> out;
  const std::uint64_t newest = before ? before.value - 1 : UINT64_MAX;
  const auto it = impl_->database->iterate(Family::leases_of);
  for (it->SeekForPrev(lease_of_key(account.view(), newest)); it->Valid() && out.size() < limit; it->Prev()) {
    const auto key = it->key().ToStringView();
    if (key.size() != model::AccountId::size + 8 || !key.starts_with(as_text(account.view()))) break;
    if (auto lease = archived_lease({number_of(key.substr(model::AccountId::size))})) out.push_back(std::move(*lease));
  }
  if (!it->status().ok()) spdlog::error("store: {}", impl_->database->error_of(it->status(), "read").message);
  return out;
}

}  // namespace hanse::store
