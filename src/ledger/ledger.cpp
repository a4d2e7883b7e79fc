#include "ledger/ledger.hpp"

#include "base/check.hpp"
#include "ledger/admission.hpp"
#include "ledger/genesis.hpp"
#include "ledger/invariants.hpp"
#include "ledger/ops/all.hpp"
#include "ledger/timers.hpp"

namespace hanse::ledger {
namespace {

constexpr std::size_t kMaxMessageBytes = 2048;    // the bound of Receipt::message
constexpr std::size_t kForgottenPerBlock = 1024;  // records of the replay memory, at most; a block adds few

/// At most so many bytes of UTF-8, cut between characters.
std::string bounded(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<std::uint8_t>(text[most]) & 0xc0U) == 0x80U) --most;
  text.resize(most);
  return text;
}

void refuse(model::Receipt& receipt, Error error) {
  receipt.code = error.code;
  receipt.message = bounded(std::move(error.message), kMaxMessageBytes);
  receipt.outcomes.clear();
}

Result<> apply_operations(const model::Transaction& tx, Context& context, model::Receipt& receipt) {
  receipt.outcomes.reserve(tx.operations.size());
  for (std::size_t i = 0; i < tx.operations.size(); ++i) {
    auto outcome = std::visit([&](const auto& op) { return apply(op, context); }, tx.operations[i]);
    if (!outcome) {
      receipt.failed_operation = static_cast<std::uint32_t>(i);
      return fail(outcome);
    }
    receipt.outcomes.push_back(std::move(*outcome));
  }
  return {};
}

}  // namespace

struct Ledger::Impl {
  Tables tables;
  market::Book book;
  market::Book spot_book;
  State state{tables};

  Context context{tables, book,
                  spot_book};  // one for all: allocating its lists anew would cost more than most operations

  void begin(const model::AccountId& account);
  void commit(BlockResult& result, const Hash& tx_hash);
  void roll_back();
  void note_standstill(Time now);
  void fire_timers(BlockResult& result);
  Result<> pay_fee(const Envelope& envelope, model::Receipt& receipt);
  model::Receipt apply_transaction(const Envelope& envelope, std::uint32_t position, BlockResult& result);
};

void Ledger::Impl::begin(const model::AccountId& account) {
  context.reset(account);
  tables.begin();
}

void Ledger::Impl::commit(BlockResult& result, const Hash& tx_hash) {
  if (auto held = check_touched(tables); !held) {
    const std::string what = held.error().message + " (block " + std::to_string(tables.head.height) + ", transaction " +
                             (tx_hash.is_zero() ? "none: a timer" : to_hex(tx_hash.view())) + ")";
    check_failed(what.c_str(), __FILE__, __LINE__);
  }
  for (auto& event : context.events) {
    event.sequence = ++tables.head.last_event_sequence;
    event.height = tables.head.height;
    event.time = tables.head.time;
    result.events.push_back(std::move(event));
  }
  for (auto& archived : context.archived) result.archived.push_back(std::move(archived));
  context.events.clear();
  context.archived.clear();
  tables.commit();
}

void Ledger::Impl::roll_back() {
  tables.rollback();
  context.restore_book();
}

/// Blocks come when there is work, so one that comes long after a timer was due means that the network stood still.
void Ledger::Impl::note_standstill(Time now) {
  const auto due = tables.next_timer();
  if (!due) return;
  const Time expected = std::max(*due, tables.head.time);
  const auto patience_s = static_cast<std::int64_t>(tables.params.heartbeat_timeout_s);
  if (now > after_s(expected, patience_s)) tables.head.resumed_at = now;
}

void Ledger::Impl::fire_timers(BlockResult& result) {
  for (std::uint32_t fired = 0; fired < tables.params.timers_per_block; ++fired) {
    begin({});
    if (!fire_next_timer(context)) return tables.commit();
    commit(result, Hash{});
  }
}

Result<> Ledger::Impl::pay_fee(const Envelope& envelope, model::Receipt& receipt) {
  auto grant = admit(tables, envelope);
  if (!grant) return fail(grant);
  context.grant = *grant;
  const Money fee = fee_of(tables, envelope.tx);
  if (auto paid = context.spend(fee, "the fee"); !paid) return paid;
  tables.head.treasury.micros += fee.micros;
  receipt.fee = fee;
  return {};
}

model::Receipt Ledger::Impl::apply_transaction(const Envelope& envelope, std::uint32_t position, BlockResult& result) {
  model::Receipt receipt;
  receipt.tx_hash = envelope.hash;
  receipt.height = tables.head.height;
  receipt.index = position;
  receipt.time = tables.head.time;
  begin(envelope.tx.account);
  if (auto paid = pay_fee(envelope, receipt); !paid) {
    roll_back();
    refuse(receipt, paid.error());
    return receipt;
  }
  if (auto applied = apply_operations(envelope.tx, context, receipt); !applied) {
    // All of it is undone, and the fee paid anew: one commit a transaction, whichever way it goes.
    roll_back();
    refuse(receipt, applied.error());
    begin(envelope.tx.account);
    const auto paid = pay_fee(envelope, receipt);
    HANSE_CHECK(paid.has_value());
  }
  commit(result, envelope.hash);
  tables.replay.insert(envelope.tx.valid_until, envelope.hash, tables.head.height);
  return receipt;
}

Ledger::Ledger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;
Ledger::~Ledger() = default;

Result<Ledger> Ledger::from_genesis(const Genesis& genesis) {
  auto impl = std::make_unique<Impl>();
  if (auto filled = fill_from(genesis, impl->tables); !filled) return fail(filled);
  return Ledger(std::move(impl));
}

Result<Ledger> Ledger::load(const std::function<std::optional<std::pair<Bytes, Bytes>>()>& next) {
  auto impl = std::make_unique<Impl>();
  impl->tables.head.next_lease = 0;  // no head holds that: finish_loading() sees whether one came
  while (auto record = next()) {
    if (auto loaded = load_record(impl->tables, record->first, record->second); !loaded) return fail(loaded);
  }
  if (auto finished = finish_loading(impl->tables); !finished) return fail(finished);
  impl->context.load_books();
  if (auto held = check_all(impl->tables, impl->book, impl->spot_book); !held) return fail(held);
  return Ledger(std::move(impl));
}

std::vector<StateRecord> Ledger::dump() const {
  return dump_state(impl_->tables);
}

BlockResult Ledger::apply(const BlockHeader& header, std::span<const Envelope> transactions) {
  auto& tables = impl_->tables;
  HANSE_CHECK(header.height == tables.head.height + 1);
  HANSE_CHECK(header.time >= tables.head.time && header.time <= Time{kMaxTime.ms / 2});
  BlockResult result;
  tables.begin_block();
  impl_->note_standstill(header.time);
  tables.head.height = header.height;
  tables.head.time = header.time;
  impl_->context.beacon = header.beacon;
  impl_->fire_timers(result);
  result.receipts.reserve(transactions.size());
  result.events.reserve(result.events.size() + 2 * transactions.size());
  for (const auto& envelope : transactions) {
    const auto position = static_cast<std::uint32_t>(result.receipts.size());
    result.receipts.push_back(impl_->apply_transaction(envelope, position, result));
  }
  tables.replay.expire(header.time, kForgottenPerBlock);
  result.changes = take_changes(tables);
  result.app_hash = tables.app_hash;
  return result;
}

Result<> Ledger::check(const Envelope& transaction, Time at) {
  model::Receipt receipt;
  impl_->begin(transaction.tx.account);
  impl_->tables.head.time = std::max(impl_->tables.head.time, at);
  auto accepted = impl_->pay_fee(transaction, receipt);
  if (accepted) accepted = apply_operations(transaction.tx, impl_->context, receipt);
  impl_->roll_back();
  return accepted;
}

Result<> Ledger::check_invariants() const {
  return check_all(impl_->tables, impl_->book, impl_->spot_book);
}
const State& Ledger::state() const {
  return impl_->state;
}
const market::Book& Ledger::spot_book() const {
  return impl_->spot_book;
}
const market::Book& Ledger::book() const {
  return impl_->book;
}

}  // namespace hanse::ledger
