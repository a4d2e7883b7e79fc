// The ledger alone: whole rental lifecycles on one core; the same with signatures on all; what size costs.

#include <algorithm>
#include <atomic>
#include <thread>

#include "ledger_world.hpp"

namespace hanse::bench {
namespace {

using model::LeaseId;

/// Lifecycles in stages, a batch of requests at a time: rented, confirmed, settled, ended; each stage a block.
void apply() {
  constexpr std::size_t kBatch = 2000;
  constexpr std::size_t kRounds = 40;
  LedgerWorld world(500, 500);
  std::vector<std::vector<LeaseId>> stages(3);
  const auto batch_of = [&](const std::vector<LeaseId>& ids, auto&& make) {
    std::vector<ledger::Envelope> out;
    out.reserve(ids.size());
    for (const auto id : ids) out.push_back(make(*world.ledger.state().lease(id)));
    return out;
  };
  std::size_t next = 0;
  for (std::size_t round = 0; round < kRounds; ++round) {
    std::vector<ledger::Envelope> requests;
    for (std::size_t i = 0; i < kBatch; ++i, ++next) {
      requests.push_back(world.rent(next, {1 + next % world.offers()}, 7200));
    }
    const auto made = world.leases_of(world.block(requests, 60));
    world.block(batch_of(made, [&](const auto& lease) { return world.confirm(lease); }), 20);
    world.block(batch_of(made, [&](const auto& lease) { return world.settle(lease); }), 500);
    world.block(batch_of(made, [&](const auto& lease) { return world.end(lease); }), 60);
  }
  // The last releases fall due by timer: they are part of the lifecycles too.
  world.block({}, 3700);
  const double rate = static_cast<double>(world.operations) / world.apply_seconds;
  report({.name = "ledger.apply", .value = rate, .unit = "operations/s", .baseline = "", .goal = ">= 500000"});
}
HANSE_BENCH("ledger.apply", apply);

/// Runs `work(i)` for all i on every core; seconds taken.
template <class Work>
double on_all_cores(std::size_t count, Work&& work) {
  std::atomic<std::size_t> next = 0;
  const Stopwatch watch;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back([&] {
      constexpr std::size_t kAtOnce = 64;
      for (std::size_t begin; (begin = next.fetch_add(kAtOnce)) < count;) {
        for (std::size_t j = begin; j < std::min(begin + kAtOnce, count); ++j) work(j);
      }
    });
  }
  threads.clear();
  return watch.seconds();
}

/// Transfers between accounts with real keys: opened on all cores, while the block before is applied.
void signed_transactions() {
  constexpr std::size_t kAccounts = 64;
  constexpr std::size_t kBlock = 5000;
  constexpr std::size_t kBlocks = 12;
  std::vector<crypto::KeyPair> keys;
  ledger::Genesis genesis{"bench", Time{1'800'000'000'000}, {}, {}};
  for (std::size_t i = 0; i < kAccounts; ++i) {
    keys.push_back(LedgerWorld::key(100 + i));
    genesis.accounts.push_back({keys.back().public_key(), credits(1000)});
  }
  auto books = std::move(*ledger::Ledger::from_genesis(genesis));
  std::vector<Bytes> encoded(kBlock * kBlocks);
  std::vector<model::SignedTransaction> signed_txs(encoded.size());
  on_all_cores(encoded.size(), [&](std::size_t i) {
    model::Transaction tx{
        "bench", keys[i % kAccounts].public_key(), keys[i % kAccounts].public_key(), after_s(genesis.time, 300), {},
        {}};
    std::memcpy(tx.salt.data.data(), &i, sizeof i);
    tx.operations = {model::Transfer{keys[(i + 1) % kAccounts].public_key(), Money{1}, {}}};
    signed_txs[i].body = wire::encode(tx);
    signed_txs[i].signature = keys[i % kAccounts].sign(wire::kTransactionDomain, signed_txs[i].body);
    encoded[i] = wire::encode(signed_txs[i]);
  });

  std::vector<ledger::Envelope> opened(kBlock), ready;
  const auto apply_ready = [&] {
    const auto result = books.apply({books.state().height() + 1, after_s(genesis.time, 1), {}}, ready);
    for (const auto& receipt : result.receipts) {
      if (receipt.code != ErrorCode::ok) std::abort();
    }
  };
  // Block by block, first the signatures alone and then the whole: both meet the same noise of the machine.
  double verifying = 0, seconds = 0;
  for (std::size_t block = 0; block < kBlocks; ++block) {
    verifying += on_all_cores(kBlock, [&](std::size_t i) {
      const std::size_t at = block * kBlock + i;
      const auto& [body, signature] = signed_txs[at];
      if (!crypto::verify(keys[at % kAccounts].public_key(), wire::kTransactionDomain, body, signature)) std::abort();
    });
    const Stopwatch watch;
    std::jthread applying;
    if (!ready.empty()) applying = std::jthread(apply_ready);
    on_all_cores(
        kBlock, [&](std::size_t i) { opened[i] = ledger::open(encoded[block * kBlock + i], "bench", genesis.params); });
    if (applying.joinable()) applying.join();
    ready = std::exchange(opened, std::vector<ledger::Envelope>(kBlock));
    seconds += watch.seconds();
  }
  const Stopwatch last;
  apply_ready();
  seconds += last.seconds();
  const double count = static_cast<double>(encoded.size());
  const double rate = count / seconds;
  report({.name = "ledger.signed",
          .value = rate,
          .unit = "transactions/s",
          .baseline = "signature verification on all cores, " + std::to_string(count / verifying) + "/s",
          .ratio = rate * verifying / count,
          .goal = "ratio >= 0.8"});
}
HANSE_BENCH("ledger.signed", signed_transactions);

struct Growth {
  double seconds_per_block = 0;
  double bytes_per_lease = 0;
};

/// With so many leases running, among the same accounts and machines: blocks of 1,000 operations on random leases, as
/// many ending as starting.
Growth grow(std::size_t live) {
  constexpr std::size_t kOperations = 1000;
  constexpr int kBlocks = 60;
  LedgerWorld world(10'000, 16'700);
  std::vector<LeaseId> running;
  std::vector<model::OfferId> freed;  // machines with a device that an ended lease gave back
  Rng rng(1);
  std::size_t slot = 0;
  const auto next_machine = [&] {
    if (freed.empty()) return model::OfferId{1 + slot++ * 7919 % world.offers()};
    const auto offer = freed.back();
    freed.pop_back();
    return offer;
  };
  const auto start = [&](std::size_t count, std::int64_t seconds) {
    std::vector<ledger::Envelope> requests, confirmations;
    for (std::size_t i = 0; i < count; ++i) {
      requests.push_back(world.rent(rng.below(1'000'000), next_machine(), 80 * 86400));
    }
    const auto made = world.leases_of(world.block(requests, seconds));
    for (const auto id : made) confirmations.push_back(world.confirm(*world.ledger.state().lease(id)));
    world.block(confirmations, 0);
    running.insert(running.end(), made.begin(), made.end());
  };
  const double before = allocated_bytes();
  for (std::size_t made = 0; made < live; made += 1000) start(std::min<std::size_t>(1000, live - made), 0);
  for (int i = 0; i < 2200; ++i) world.block({}, i == 0 ? 700 : 0);  // the replay memory of all that is forgotten
  Growth growth;
  growth.bytes_per_lease = (allocated_bytes() - before - static_cast<double>(running.capacity() * sizeof(LeaseId))) /
                           static_cast<double>(live);

  std::vector<double> blocks;
  for (int block = 0; block < kBlocks; ++block) {
    std::vector<ledger::Envelope> batch;
    for (std::size_t i = 0; i < kOperations / 4; ++i) {
      const auto victim = rng.below(running.size());
      const auto& lease = *world.ledger.state().lease(running[victim]);
      freed.push_back(lease.offer);
      batch.push_back(world.end(lease));
      running[victim] = running.back();
      running.pop_back();
      batch.push_back(world.settle(*world.ledger.state().lease(running[rng.below(running.size())])));
    }
    world.apply_seconds = 0;
    world.block(batch, 10);
    start(kOperations / 4, 1);
    blocks.push_back(world.apply_seconds);
  }
  std::nth_element(blocks.begin(), blocks.begin() + kBlocks / 2, blocks.end());
  growth.seconds_per_block = blocks[kBlocks / 2];
  return growth;
}

void growth() {
  const Growth small = grow(1000);
  const Growth large = grow(1'000'000);
  report({.name = "ledger.growth.time",
          .value = large.seconds_per_block * 1000,
          .unit = "ms per 1,000 operations at 1,000,000 live leases",
          .baseline = "at 1,000 live leases, " + std::to_string(small.seconds_per_block * 1000) + " ms",
          .ratio = large.seconds_per_block / small.seconds_per_block,
          .goal = "ratio <= 1.5"});
  report({.name = "ledger.growth.memory",
          .value = large.bytes_per_lease,
          .unit = "bytes per live lease",
          .baseline = "",
          .goal = "<= 1024"});
}
HANSE_BENCH("ledger.growth", growth);

}  // namespace
}  // namespace hanse::bench
