// The flat state, written and read. The app hash covers all records but its own: after a block it is
//   hash("hanse/app/v1", previous ‖ the block's changes, as StateChanges packs them, after the app hash's own).

#include <array>
#include <concepts>

#include "crypto/hash.hpp"
#include "ledger/tables.hpp"
#include "wire/codec.hpp"

namespace hanse::ledger {
namespace {

enum class Prefix : std::uint8_t {
  app_hash,
  head,
  network,
  params,
  account,
  grant,
  provider,
  offer,
  request,
  lease,
  watch,
  sweep,
  replay,
  spending,
  auction,
  former_prices,
  price_class,
  trade,
  price_point
};

template <std::unsigned_integral Word>
void put(Bytes& out, Word value) {
  std::array<std::uint8_t, sizeof(Word)> bytes;
  for (std::size_t i = sizeof(Word); i-- > 0; value = static_cast<Word>(value >> 4 >> 4)) {
    bytes[i] = static_cast<std::uint8_t>(value);
  }
  out.insert(out.end(), bytes.begin(), bytes.end());
}
void put(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
template <std::size_t N>
void put(Bytes& out, const FixedBytes<N>& bytes) {
  put(out, bytes.view());
}
template <class Tag>
void put(Bytes& out, model::Id<Tag> id) {
  put(out, id.value);
}
void put(Bytes& out, const GrantKey& key) {
  put(out, key.owner);
  put(out, key.key);
}
void put(Bytes& out, const ClassKey& key) {
  put(out, key.price_class);
  put(out, key.number);
}
void put(Bytes& out, const Replay::Key& key) {
  put(out, static_cast<std::uint64_t>(key.second));
  put(out, key.height);
}

template <class Key>
Bytes key_bytes(Prefix prefix, const Key& key) {
  Bytes out;
  out.reserve(1 + sizeof(Key));
  out.push_back(static_cast<std::uint8_t>(prefix));
  put(out, key);
  return out;
}
Bytes key_bytes(Prefix prefix) {
  return {static_cast<std::uint8_t>(prefix)};
}

std::uint64_t word_at(ByteView bytes, std::size_t index) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i) out = out << 8 | bytes[8 * index + i];
  return out;
}

template <model::Described Record>
void put_record(Bytes& out, const Record& record) {
  wire::append(out, record);
}
void put_record(Bytes& out, const Watch& watch) {
  put(out, static_cast<std::uint64_t>(watch.liveness));
  put(out, static_cast<std::uint64_t>(watch.due.ms));
}
void put_record(Bytes& out, const Sweep& sweep) {
  put(out, sweep.from);
  put(out, static_cast<std::uint64_t>(sweep.due.ms));
}
void put_record(Bytes& out, const Head& head) {
  const auto word = [](std::int64_t value) { return static_cast<std::uint64_t>(value); };
  for (const std::uint64_t value :
       {head.height, word(head.time.ms), word(head.resumed_at.ms), head.next_offer, head.next_request, head.next_lease,
        head.last_event_sequence, word(head.issued.micros), word(head.treasury.micros), word(head.auction_at.ms),
        word(head.auction_due.ms), head.auction_cursor}) {
    put(out, value);
  }
}
void put_record(Bytes& out, const std::vector<Hash>& hashes) {
  for (const Hash& hash : hashes) put(out, hash);
}
template <class Record>
Bytes encode_record(const Record& record) {
  Bytes out;
  put_record(out, record);
  return out;
}
std::unexpected<Error> wrong_record(std::string_view what) {
  return fail(ErrorCode::malformed, "the stored state is damaged: " + std::string(what) +
                                        "; restore the node's folder from a backup or from another node");
}

/// The head grows at its end: a word that an older node did not write is zero.
constexpr std::size_t kHeadWords = 12, kLeastHeadWords = 9;

Result<Head> decode_head(ByteView value) {
  const std::size_t count = value.size() / 8;
  if (value.size() % 8 != 0 || count < kLeastHeadWords || count > kHeadWords) return wrong_record("the head");
  const auto word = [&](std::size_t i) { return i < count ? word_at(value, i) : 0; };
  const auto number = [&](std::size_t i) { return static_cast<std::int64_t>(word(i)); };
  return Head{word(0), Time{number(1)},  Time{number(2)},  word(3),         word(4),          word(5),
              word(6), Money{number(7)}, Money{number(8)}, Time{number(9)}, Time{number(10)}, word(11)};
}

/// All before the replay memory, in the order of their prefixes.
template <class AnyTables, class Visitor>
void for_each_prefixed(AnyTables& tables, Visitor&& visit) {
  visit(Prefix::account, tables.accounts);
  visit(Prefix::grant, tables.grants);
  visit(Prefix::provider, tables.providers);
  visit(Prefix::offer, tables.offers);
  visit(Prefix::request, tables.requests);
  visit(Prefix::lease, tables.leases);
  visit(Prefix::watch, tables.watches);
  visit(Prefix::sweep, tables.sweeps);
}

/// All after it.
template <class AnyTables, class Visitor>
void for_each_late(AnyTables& tables, Visitor&& visit) {
  visit(Prefix::spending, tables.spending);
  visit(Prefix::auction, tables.auctions);
  visit(Prefix::former_prices, tables.former_prices);
  visit(Prefix::price_class, tables.classes);
  visit(Prefix::trade, tables.trades);
  visit(Prefix::price_point, tables.points);
}

/// Writes one change after the other, as StateChanges has them.
class Packer {
 public:
  explicit Packer(std::size_t expected) { out_.reserve(expected); }

  template <class... Parts>
  void key(Prefix prefix, const Parts&... parts) {
    out_.push_back(0);
    const std::size_t begin = out_.size();
    out_.push_back(static_cast<std::uint8_t>(prefix));
    (put(out_, parts), ...);
    out_[begin - 1] = static_cast<std::uint8_t>(out_.size() - begin);
  }
  /// `write(out)` appends the value of the last key.
  template <class Write>
  void value(Write&& write) {
    const std::size_t at = out_.size();
    put(out_, std::uint32_t{0});
    write(out_);
    auto size = static_cast<std::uint32_t>(out_.size() - at - 4 + 1);
    for (std::size_t i = 4; i-- > 0; size >>= 8) out_[at + i] = static_cast<std::uint8_t>(size);
  }
  void erased() { put(out_, std::uint32_t{0}); }
  Bytes& bytes() { return out_; }

 private:
  Bytes out_;
};

template <model::Described Record, class TheTable>
Result<> load_described(TheTable& table, ByteView key, ByteView value, Prefix prefix) {
  auto record = wire::decode<Record>(value);
  if (!record) return fail(record);
  const Bytes expected = key_bytes(prefix, key_of(*record));
  if (!std::equal(expected.begin(), expected.end(), key.begin(), key.end())) {
    return wrong_record("a record lies under the wrong key");
  }
  if (!table.load(std::move(*record))) return wrong_record("a record is there twice");
  return {};
}

Result<> load_former_prices(Tables& tables, ByteView key, ByteView value) {
  auto record = wire::decode<model::FormerPrices>(value);
  if (record && record->lists.empty()) return wrong_record("former prices of nothing");
  return load_described<model::FormerPrices>(tables.former_prices, key, value, Prefix::former_prices);
}

Result<> load_watch(Tables& tables, ByteView key, ByteView value) {
  auto provider = fixed_from<32>(key.subspan(1));
  if (!provider || value.size() != 16 || word_at(value, 0) > 2) return wrong_record("a watch");
  const Watch watch{model::AccountId{*provider}, static_cast<Liveness>(word_at(value, 0)),
                    Time{static_cast<std::int64_t>(word_at(value, 1))}};
  if (!tables.watches.load(watch)) return wrong_record("a watch is there twice");
  return {};
}

Result<> load_sweep(Tables& tables, ByteView key, ByteView value) {
  if (key.size() != 9 || value.size() != 16) return wrong_record("a sweep");
  const Sweep sweep{model::OfferId{word_at(key.subspan(1), 0)}, model::RequestId{word_at(value, 0)},
                    Time{static_cast<std::int64_t>(word_at(value, 1))}};
  if (!tables.sweeps.load(sweep)) return wrong_record("a sweep is there twice");
  return {};
}

Result<> load_replay(Tables& tables, ByteView key, ByteView value) {
  if (key.size() != 17 || value.empty() || value.size() % Hash::size != 0 ||
      value.size() / Hash::size > model::kMaxBlockTransactions) {
    return wrong_record("remembered transactions");
  }
  Replay::Record record{{static_cast<std::int64_t>(word_at(key.subspan(1), 0)), word_at(key.subspan(1), 1)}, {}};
  for (; !value.empty(); value = value.subspan(Hash::size)) {
    record.hashes.push_back(*fixed_from<Hash::size>(value.first(Hash::size)));
  }
  if (!tables.replay.load(record)) return wrong_record("a remembered transaction is there twice");
  return {};
}

}  // namespace

StateChanges take_changes(Tables& tables) {
  constexpr std::size_t kUsualChangeBytes = 200;
  std::size_t most = 4;
  tables.for_each_table([&](const auto& table) { most += table.changes(); });
  Packer packer(most * kUsualChangeBytes);
  packer.key(Prefix::app_hash);
  packer.value([](Bytes& out) { put(out, Hash{}); });  // known at the end
  const std::size_t covered = packer.bytes().size();
  packer.key(Prefix::head);
  packer.value([&](Bytes& out) { put_record(out, tables.head); });
  const auto pack = [&](Prefix prefix, auto& table) {
    for (const auto& key : table.take_changed()) {
      packer.key(prefix, key);
      if (const auto* record = table.find(key)) {
        packer.value([&](Bytes& out) { put_record(out, *record); });
      } else {
        packer.erased();
      }
    }
  };
  for_each_prefixed(tables, pack);
  for (const auto& record : tables.replay.take_changed()) {
    packer.key(Prefix::replay, record.key);
    if (record.hashes.empty()) {
      packer.erased();
    } else {
      packer.value([&](Bytes& out) { put_record(out, record.hashes); });
    }
  }
  for_each_late(tables, pack);
  Bytes& all = packer.bytes();
  tables.app_hash = crypto::hash("hanse/app/v1", {tables.app_hash.view(), ByteView(all).subspan(covered)});
  std::copy(tables.app_hash.data.begin(), tables.app_hash.data.end(), all.begin() + covered - Hash::size);
  return StateChanges(std::move(all));
}

std::vector<StateRecord> dump_state(const Tables& tables) {
  std::vector<StateRecord> out;
  out.push_back({key_bytes(Prefix::app_hash), Bytes(tables.app_hash.data.begin(), tables.app_hash.data.end())});
  out.push_back({key_bytes(Prefix::head), encode_record(tables.head)});
  out.push_back({key_bytes(Prefix::network), Bytes(tables.network.begin(), tables.network.end())});
  out.push_back({key_bytes(Prefix::params), wire::encode(tables.params)});
  const auto dump = [&](Prefix prefix, const auto& table) {
    for (const auto& key : table.sorted_keys()) {
      out.push_back({key_bytes(prefix, key), encode_record(table.at(key))});
    }
  };
  for_each_prefixed(tables, dump);
  for (const auto& record : tables.replay.sorted()) {
    out.push_back({key_bytes(Prefix::replay, record.key), encode_record(record.hashes)});
  }
  for_each_late(tables, dump);
  return out;
}

Result<> load_record(Tables& tables, ByteView key, ByteView value) {
  if (key.empty()) return wrong_record("an empty key");
  const auto prefix = static_cast<Prefix>(key[0]);
  switch (prefix) {
    case Prefix::app_hash: {
      auto hash = fixed_from<32>(value);
      if (!hash) return wrong_record("the app hash");
      tables.app_hash = *hash;
      return {};
    }
    case Prefix::head: {
      auto head = decode_head(value);
      if (!head) return fail(head);
      tables.head = *head;
      return {};
    }
    case Prefix::network:
      tables.network = std::string(as_text(value));
      return {};
    case Prefix::params: {
      auto params = wire::decode<model::Params>(value);
      if (!params) return fail(params);
      tables.params = std::move(*params);
      return {};
    }
    case Prefix::account:
      return load_described<model::Account>(tables.accounts, key, value, prefix);
    case Prefix::grant:
      return load_described<model::KeyGrant>(tables.grants, key, value, prefix);
    case Prefix::provider:
      return load_described<model::Provider>(tables.providers, key, value, prefix);
    case Prefix::offer:
      return load_described<model::Offer>(tables.offers, key, value, prefix);
    case Prefix::request:
      return load_described<model::Request>(tables.requests, key, value, prefix);
    case Prefix::lease:
      return load_described<model::Lease>(tables.leases, key, value, prefix);
    case Prefix::spending:
      return load_described<model::Spending>(tables.spending, key, value, prefix);
    case Prefix::former_prices:
      return load_former_prices(tables, key, value);
    case Prefix::price_class:
      return load_described<model::ClassPrices>(tables.classes, key, value, prefix);
    case Prefix::trade:
      return load_described<model::Trade>(tables.trades, key, value, prefix);
    case Prefix::price_point:
      return load_described<model::PricePoint>(tables.points, key, value, prefix);
    case Prefix::watch:
      return load_watch(tables, key, value);
    case Prefix::sweep:
      return load_sweep(tables, key, value);
    case Prefix::replay:
      return load_replay(tables, key, value);
    case Prefix::auction:
      return load_described<model::Auction>(tables.auctions, key, value, prefix);
  }
  return wrong_record("a table that this version does not know");
}

Result<> finish_loading(Tables& tables) {
  if (tables.network.empty()) return wrong_record("it names no network");
  if (tables.head.next_lease == 0) return wrong_record("its head is missing");
  tables.leases.index.claim_window_s = static_cast<std::int64_t>(tables.params.claim_window_s);
  tables.former_prices.index.quote_s = static_cast<std::int64_t>(tables.params.quote_s);
  tables.for_each_table([](auto& table) { table.build_index(); });
  const auto& names = model::Names<model::Operation>::names;
  for (std::size_t i = 0; i < tables.params.fee_operations.size(); ++i) {
    const auto name = std::find(names.begin(), names.end(), tables.params.fee_operations[i]);
    if (name == names.end() || i >= tables.params.fee_amounts.size()) return wrong_record("a fee of no operation");
    tables.fees[static_cast<std::size_t>(name - names.begin())] = tables.params.fee_amounts[i];
  }
  return {};
}

}  // namespace hanse::ledger
