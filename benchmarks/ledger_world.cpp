#include "ledger_world.hpp"

#include <time.h>

#include <cstdlib>

#include "base/check.hpp"
#include "crypto/hash.hpp"

namespace hanse::bench {
namespace {

/// Of this thread alone: applying is pure computation on one core, and the machine's other work is not its cost.
double thread_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

constexpr Time kBegin{1'800'000'000'000};

model::AccountId account_of(std::uint64_t number) {
  // No signatures here, so that any bytes serve as an account.
  return model::AccountId(crypto::hash("bench", as_bytes(std::to_string(number))));
}

ledger::Genesis genesis_of(const std::vector<model::AccountId>& consumers,
                           const std::vector<model::AccountId>& providers, std::uint32_t timers_per_block) {
  ledger::Genesis genesis{"bench", kBegin, {}, {}};
  genesis.params.timers_per_block = timers_per_block;
  genesis.params.max_live_per_account = 10'000'000;
  genesis.params.heartbeat_timeout_s = 3600;
  genesis.params.provider_lost_s = 30 * 86400;
  genesis.params.fee_operations = {"submit_request", "confirm_lease", "settle", "end_lease"};
  genesis.params.fee_amounts.assign(4, Money{1});
  for (const auto& id : consumers) genesis.accounts.push_back({id, credits(100'000)});
  for (const auto& id : providers) genesis.accounts.push_back({id, credits(100)});
  return genesis;
}

std::vector<model::AccountId> accounts(std::size_t count, std::uint64_t first) {
  std::vector<model::AccountId> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(account_of(first + i));
  return out;
}

model::PostOffer machine() {
  model::PostOffer post;
  post.machine.name = "rack";
  post.machine.gpu_model = "H100-SXM";
  post.machine.gpu_count = 64;
  post.machine.vram_bytes = 80'000'000'000;
  post.machine.cpu_threads = 256;
  post.machine.memory_bytes = 4'000'000'000'000;
  post.machine.disk_bytes = 64'000'000'000'000;
  post.machine.inet_down_mbps = 10'000;
  post.machine.inet_up_mbps = 10'000;
  post.machine.country = "DE";
  post.prices.on_demand_per_gpu_hour = Money{50'000};
  return post;
}

}  // namespace

crypto::KeyPair LedgerWorld::key(std::uint64_t number) {
  crypto::Seed seed;
  std::memcpy(seed.data.data(), &number, sizeof number);
  return crypto::KeyPair::from_seed(seed);
}

LedgerWorld::LedgerWorld(std::size_t consumers, std::size_t providers, std::uint32_t timers_per_block)
    : ledger([&] {
        auto made = ledger::Ledger::from_genesis(
            genesis_of(accounts(consumers, 0), accounts(providers, 1'000'000), timers_per_block));
        HANSE_CHECK(made.has_value());
        return std::move(*made);
      }()),
      now(kBegin),
      consumers_(accounts(consumers, 0)),
      providers_(accounts(providers, 1'000'000)) {
  const auto host_key = key(1).public_key();
  for (std::size_t begin = 0; begin < providers_.size(); begin += 5000) {
    std::vector<ledger::Envelope> batch;
    for (std::size_t i = begin; i < std::min(begin + 5000, providers_.size()); ++i) {
      batch.push_back(envelope(providers_[i], model::RegisterProvider{"hall", "192.0.2.17:2222", host_key}));
      batch.push_back(envelope(providers_[i], machine()));
    }
    block(batch);
  }
  apply_seconds = 0;
  operations = 0;
}

model::Transaction LedgerWorld::transaction(const model::AccountId& account, model::Operation operation) {
  model::Transaction tx;
  tx.network = "bench";
  tx.account = account;
  tx.signer = account;
  tx.valid_until = after_s(now, 590);
  const std::uint64_t salt = ++salt_;
  std::memcpy(tx.salt.data.data(), &salt, sizeof salt);
  tx.operations.push_back(std::move(operation));
  return tx;
}

ledger::Envelope LedgerWorld::envelope(const model::AccountId& account, model::Operation operation) {
  ledger::Envelope out;
  out.tx = transaction(account, std::move(operation));
  out.hash = crypto::hash("bench", out.tx.salt.view());
  return out;
}

ledger::Envelope LedgerWorld::rent(std::size_t consumer_number, model::OfferId offer, std::uint64_t duration_s) {
  model::SubmitRequest request;
  request.demand.offer = offer;
  request.demand.duration_s = duration_s;
  request.demand.disk_bytes = 10'000'000'000;
  request.job_hash.data.fill(7);
  return envelope(consumer(consumer_number), request);
}

ledger::Envelope LedgerWorld::confirm(const model::Lease& lease) {
  const auto& provider = *ledger.state().provider(lease.provider);
  return envelope(lease.provider, model::ConfirmLease{lease.id, provider.endpoint, provider.host_key});
}
ledger::Envelope LedgerWorld::end(const model::Lease& lease) {
  return envelope(lease.consumer, model::EndLease{lease.id, model::EndReason::completed, {}});
}
ledger::Envelope LedgerWorld::settle(const model::Lease& lease) {
  return envelope(lease.provider, model::Settle{lease.id});
}

ledger::BlockResult LedgerWorld::block(const std::vector<ledger::Envelope>& transactions, std::int64_t seconds) {
  now = after_s(now, seconds);
  const double begin = thread_cpu_seconds();
  auto result = ledger.apply({ledger.state().height() + 1, now, {}}, transactions);
  apply_seconds += thread_cpu_seconds() - begin;
  for (const auto& receipt : result.receipts) {
    if (receipt.code == ErrorCode::ok) continue;
    std::fprintf(stderr, "benchmark transaction refused: %s\n", receipt.message.c_str());
    std::abort();
  }
  operations += result.receipts.size();
  return result;
}

std::vector<model::LeaseId> LedgerWorld::leases_of(const ledger::BlockResult& result) const {
  std::vector<model::LeaseId> out;
  for (const auto& receipt : result.receipts) {
    if (receipt.outcomes.at(0).lease) out.push_back(receipt.outcomes[0].lease);
  }
  return out;
}

}  // namespace hanse::bench
