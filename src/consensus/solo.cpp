#include "consensus/solo.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <shared_mutex>

#include "base/check.hpp"
#include "consensus/intake.hpp"
#include "consensus/notices.hpp"
#include "crypto/hash.hpp"

namespace hanse::consensus {
namespace {

using Tickets = std::vector<std::shared_ptr<Ticket>>;

class Stopwatch {
 public:
  [[nodiscard]] std::uint64_t us() const {
    using namespace std::chrono;
    return static_cast<std::uint64_t>(duration_cast<microseconds>(steady_clock::now() - start_).count());
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// The ledger under many readers and one writer. The gate lets a writer in ahead of readers that come later: the
/// system's reader-writer lock alone would let a stream of readers hold it off for ever.
class SharedLedger {
 public:
  explicit SharedLedger(ledger::Ledger ledger) : ledger_(std::move(ledger)) {}

  void read(const std::function<void(const ledger::Ledger&)>& reader) const {
    std::shared_lock<std::shared_mutex> lock;
    {
      const std::lock_guard gate(gate_);
      lock = std::shared_lock(mutex_);
    }
    reader(ledger_);
  }
  template <class Writer>
  auto write(Writer&& writer) {
    std::unique_lock<std::shared_mutex> lock;
    {
      const std::lock_guard gate(gate_);
      lock = std::unique_lock(mutex_);
    }
    return writer(ledger_);
  }
  /// For the one writer: nobody else changes the ledger.
  [[nodiscard]] const ledger::State& state() const { return ledger_.state(); }

 private:
  mutable std::mutex gate_;
  mutable std::shared_mutex mutex_;
  ledger::Ledger ledger_;
};

class Solo final : public Node {
 public:
  Solo(std::unique_ptr<store::Store> store, ledger::Ledger ledger, SoloOptions options, Clock& clock)
      : store_(std::move(store)),
        ledger_(std::move(ledger)),
        options_(options),
        clock_(clock),
        intake_(ledger_.state().network(), ledger_.state().params(), *store_,
                {options.max_queued, options.verify_threads}),
        thread_([this] { run(); }) {}

  ~Solo() override {
    intake_.close("the node is stopping: send it again when it is back");
    thread_.join();  // the intake answers the rest when it is destroyed
  }

  void submit(Bytes signed_transaction, Done done) override {
    intake_.submit(std::move(signed_transaction), std::move(done));
  }
  void read(const std::function<void(const ledger::Ledger&)>& reader) const override { ledger_.read(reader); }
  [[nodiscard]] const std::vector<ledger::Archived>& just_archived() const override { return last_.archived; }
  const store::Store& store() const override { return *store_; }
  std::shared_ptr<void> subscribe(std::function<void(const BlockNotice&)> on_block) override {
    return notices_.subscribe(std::move(on_block));
  }
  Stats stats() const override {
    Stats out;
    out.blocks = blocks_;
    out.transactions = transactions_;
    out.refused = intake_.refused();
    out.queued = intake_.queued();
    out.apply_us = apply_us_;
    out.commit_us = commit_us_;
    out.stopped_because = intake_.closed_because();
    return out;
  }

 private:
  void run();
  [[nodiscard]] bool is_timer_due();
  [[nodiscard]] std::int64_t longest_wait_ms() const;
  [[nodiscard]] std::int64_t wait_ms();
  [[nodiscard]] Time block_time();
  [[nodiscard]] Tickets without_late(Tickets tickets, Time time);
  void make_block(const Tickets& tickets, Time time);
  [[nodiscard]] model::Block assemble(const Tickets& tickets, Time time, std::vector<ledger::Envelope>& envelopes);
  void publish(const Tickets& tickets, const ledger::BlockResult& result);
  void stop(const Tickets& tickets, const Error& error);

  const std::unique_ptr<store::Store> store_;
  SharedLedger ledger_;
  ledger::BlockResult last_;  ///< Of the last applied block; changes in writes of the ledger only.
  const SoloOptions options_;
  Clock& clock_;
  Notices notices_;
  std::int64_t last_block_ms_ = 0;  ///< Of the monotonic clock; of the block thread.
  std::atomic<std::uint64_t> blocks_ = 0;
  std::atomic<std::uint64_t> transactions_ = 0;
  std::atomic<std::uint64_t> apply_us_ = 0;
  std::atomic<std::uint64_t> commit_us_ = 0;
  Intake intake_;
  std::thread thread_;
};

void Solo::run() {
  last_block_ms_ = clock_.monotonic_ms() - std::max(options_.block_interval_ms, options_.idle_block_ms);
  while (!intake_.is_closed()) {
    const std::int64_t too_early_ms = last_block_ms_ + options_.block_interval_ms - clock_.monotonic_ms();
    if (too_early_ms > 0) {
      intake_.pause(std::min(too_early_ms, longest_wait_ms()));
      continue;
    }
    auto tickets = intake_.take(wait_ms());
    const Time time = block_time();
    tickets = without_late(std::move(tickets), time);
    if (!tickets.empty() || is_timer_due()) make_block(tickets, time);
  }
}

/// Waits are in real time and at most this long, while due times are the clock's: a virtual clock that jumps is seen.
std::int64_t Solo::longest_wait_ms() const {
  return std::max<std::int64_t>(1, options_.idle_block_ms);
}

/// Until a block may be due without any transaction.
std::int64_t Solo::wait_ms() {
  const auto due = ledger_.state().next_timer();
  if (!due) return longest_wait_ms();
  const std::int64_t timer_ms = due->ms - clock_.now().ms;
  const std::int64_t spacing_ms = last_block_ms_ + options_.idle_block_ms - clock_.monotonic_ms();
  return std::clamp<std::int64_t>(std::max(timer_ms, spacing_ms), 1, longest_wait_ms());
}

Time Solo::block_time() {
  return std::max(clock_.now(), ledger_.state().time());
}

bool Solo::is_timer_due() {
  if (intake_.is_closed()) return false;
  const auto due = ledger_.state().next_timer();
  return due && *due <= clock_.now() && clock_.monotonic_ms() - last_block_ms_ >= options_.idle_block_ms;
}

/// Turns away what the block's time keeps out; in a block it would be nothing but dead weight.
Tickets Solo::without_late(Tickets tickets, Time time) {
  const Time latest = after_s(time, static_cast<std::int64_t>(ledger_.state().params().max_validity_s));
  std::erase_if(tickets, [&](const std::shared_ptr<Ticket>& ticket) {
    const Time until = ticket->envelope.tx.valid_until;
    if (until < time) {
      intake_.finish(ticket,
                     fail(ErrorCode::expired, "its validity ended before it could enter a block: sign it anew"));
      return true;
    }
    if (until > latest) {
      intake_.finish(ticket,
                     fail(ErrorCode::too_far_ahead, "its validity ends later than this network allows (" +
                                                        std::to_string(ledger_.state().params().max_validity_s) +
                                                        " s ahead): sign it anew, and check this machine's clock"));
      return true;
    }
    return false;
  });
  return tickets;
}

model::Block Solo::assemble(const Tickets& tickets, Time time, std::vector<ledger::Envelope>& envelopes) {
  model::Block block;
  block.height = ledger_.state().height() + 1;
  block.time = time;
  const auto fresh = random_bytes<32>();
  block.beacon = crypto::hash("hanse/solo-beacon/v1", {ledger_.state().app_hash().view(), fresh.view()});
  block.transactions.reserve(tickets.size());
  envelopes.reserve(tickets.size());
  for (const auto& ticket : tickets) {
    block.transactions.push_back(std::move(ticket->bytes));
    envelopes.push_back(std::move(ticket->envelope));
  }
  return block;
}

void Solo::make_block(const Tickets& tickets, Time time) {
  last_block_ms_ = clock_.monotonic_ms();
  std::vector<ledger::Envelope> envelopes;
  const model::Block block = assemble(tickets, time, envelopes);

  const Stopwatch applying;
  ledger_.write([&](ledger::Ledger& ledger) { last_ = ledger.apply({block.height, time, block.beacon}, envelopes); });
  const auto& result = last_;
  apply_us_ += applying.us();
  HANSE_CHECK(result.receipts.size() == tickets.size());

  const Stopwatch committing;
  const auto committed = store_->commit(block, result);
  commit_us_ += committing.us();
  if (!committed) return stop(tickets, committed.error());
  publish(tickets, result);
}

void Solo::publish(const Tickets& tickets, const ledger::BlockResult& result) {
  ++blocks_;
  transactions_ += tickets.size();
  for (std::size_t i = 0; i < tickets.size(); ++i) intake_.finish(tickets[i], result.receipts[i]);
  const auto& state = ledger_.state();
  notices_.publish({state.height(), state.time(), state.last_event_sequence(), tickets.size()});
}

/// The block in hand may or may not be on the disk. Nobody hears that it is; readers go back to what surely is.
void Solo::stop(const Tickets& tickets, const Error& error) {
  const std::string reason = "the node stopped because a block could not be stored: " + error.message;
  spdlog::critical("{}", reason);
  intake_.close(reason);
  if (auto durable = store_->load()) {
    ledger_.write([&](ledger::Ledger& ledger) {
      ledger = std::move(*durable);
      last_ = {};
    });
  } else {
    spdlog::critical("the last durable state cannot be read back either: {}", durable.error().message);
  }
  const Error answer{ErrorCode::unavailable,
                     reason + ". Whether this transaction is in the ledger is not known: send the same again later"};
  for (const auto& ticket : tickets) intake_.finish(ticket, std::unexpected(answer));
}

/// Writes the genesis into an empty store; else holds it to what the store started from.
Result<> settle_genesis(store::Store& store, ledger::Genesis genesis, Clock& clock) {
  if (genesis.time.ms == 0) genesis.time = store.is_empty() ? clock.now() : store.origin().time;
  const auto ledger = ledger::Ledger::from_genesis(genesis);
  if (!ledger) return fail(ledger);
  if (store.is_empty()) return store.write_genesis(*ledger);
  const auto wanted = store::origin_of(*ledger);
  const auto& found = store.origin();
  if (wanted.network != found.network) {
    return fail(ErrorCode::wrong_network, "the store belongs to the network '" + found.network + "', not to '" +
                                              wanted.network + "': name another folder or the right genesis");
  }
  if (wanted.fingerprint != found.fingerprint) {
    return fail(ErrorCode::wrong_network, "the store of the network '" + found.network +
                                              "' started from another genesis: name another folder, or give the "
                                              "genesis file as it was at the first start");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Node>> start_solo(std::unique_ptr<store::Store> store, const ledger::Genesis& genesis,
                                         SoloOptions options, Clock& clock) {
  HANSE_CHECK(store != nullptr);
  if (options.max_queued == 0) return fail(ErrorCode::invalid_argument, "max_queued must be at least 1");
  if (auto settled = settle_genesis(*store, genesis, clock); !settled) return fail(settled);
  auto ledger = store->load();
  if (!ledger) return fail(ledger);
  return std::unique_ptr<Node>(std::make_unique<Solo>(std::move(store), std::move(*ledger), options, clock));
}

}  // namespace hanse::consensus
