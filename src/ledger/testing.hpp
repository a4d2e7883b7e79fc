#pragma once

// A small network for tests: actors with keys, blocks on demand. Every block is applied to two ledgers, which must
// agree, and every invariant is checked after it. A test declares what there is, one transaction, and what it expects;
// refused() proves that a transaction which failed changed nothing but its fee.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/rng.hpp"
#include "ledger/ledger.hpp"
#include "model/text.hpp"

namespace hanse::ledger {

inline constexpr Money kFee{100};  ///< Of every operation in tests.
inline constexpr Time kBegin{1'800'000'000'000};

inline crypto::KeyPair key_of_actor(std::uint64_t number) {
  crypto::Seed seed;
  std::memcpy(seed.data.data(), &number, sizeof number);
  return crypto::KeyPair::from_seed(seed);
}
inline model::AccountId actor(std::uint64_t number) {
  return key_of_actor(number).public_key();
}

inline model::Params test_params() {
  model::Params params;
  for (const auto name : model::Names<model::Operation>::names) {
    params.fee_operations.emplace_back(name);
    params.fee_amounts.push_back(kFee);
  }
  return params;
}

inline Genesis test_genesis(std::uint64_t actors = 8, model::Params params = test_params()) {
  Genesis genesis{"test", kBegin, {}, std::move(params)};
  for (std::uint64_t i = 1; i <= actors; ++i) genesis.accounts.push_back({actor(i), credits(1000)});
  return genesis;
}

inline Result<Ledger> reload(const Ledger& ledger) {
  const auto all = ledger.dump();
  std::size_t i = all.size();  // backwards: the order must not matter
  return Ledger::load([&]() -> std::optional<std::pair<Bytes, Bytes>> {
    if (i == 0) return std::nullopt;
    --i;
    return std::pair{all[i].key, all[i].value};
  });
}

inline std::map<Bytes, Bytes> as_map(const std::vector<StateRecord>& dump) {
  std::map<Bytes, Bytes> out;
  for (const auto& record : dump) out.emplace(record.key, record.value);
  return out;
}

/// What differs between two dumps, for messages.
inline std::string difference(const std::map<Bytes, Bytes>& a, const std::map<Bytes, Bytes>& b) {
  std::string out;
  for (const auto& [key, value] : a) {
    const auto found = b.find(key);
    if (found == b.end())
      out += "gone " + to_hex(key) + "\n";
    else if (found->second != value)
      out += to_hex(key) + ": " + to_hex(value) + " / " + to_hex(found->second) + "\n";
  }
  for (const auto& [key, value] : b) {
    if (!a.contains(key)) out += "new " + to_hex(key) + " " + to_hex(value) + "\n";
  }
  return out;
}

class Network {
 public:
  explicit Network(const Genesis& genesis = test_genesis())
      : ledger(std::move(*Ledger::from_genesis(genesis))), twin(std::move(*Ledger::from_genesis(genesis))) {}

  Ledger ledger;
  Ledger twin;
  Time now = kBegin;
  BlockResult last;                  ///< Of the last block.
  std::vector<model::Event> events;  ///< Of all blocks.
  std::vector<Archived> archived;    ///< Of all blocks.

  [[nodiscard]] const State& state() const { return ledger.state(); }
  [[nodiscard]] Money balance(std::uint64_t number) const {
    const auto* account = state().account(actor(number));
    return account ? account->balance : Money{};
  }

  [[nodiscard]] model::Transaction transaction(std::uint64_t number, std::vector<model::Operation> operations) {
    model::Transaction tx;
    tx.network = state().network();
    tx.account = actor(number);
    tx.signer = actor(number);
    tx.valid_until = after_s(now, 60);
    const std::uint64_t salt = ++salt_;
    std::memcpy(tx.salt.data.data(), &salt, sizeof salt);
    tx.operations = std::move(operations);
    return tx;
  }
  /// Encoded, with a signature of nobody.
  [[nodiscard]] Envelope envelope(const model::Transaction& tx) const {
    return open(wire::encode(model::SignedTransaction{wire::encode(tx), {}}), state().network(), state().params(),
                false);
  }

  std::vector<model::Receipt> block(const std::vector<Envelope>& transactions) {
    const BlockHeader header{state().height() + 1, now, {}};
    last = ledger.apply(header, transactions);
    EXPECT_EQ(twin.apply(header, transactions).app_hash, last.app_hash);
    const auto held = ledger.check_invariants();
    EXPECT_TRUE(held) << held.error().message;
    std::vector<Bytes> keys;
    for (const auto& change : last.changes) keys.emplace_back(change.key.begin(), change.key.end());
    EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end(), std::greater_equal<>{}), keys.end()) << "sorted, each once";
    events.insert(events.end(), last.events.begin(), last.events.end());
    archived.insert(archived.end(), last.archived.begin(), last.archived.end());
    return last.receipts;
  }
  model::Receipt send(const model::Transaction& tx) { return block({envelope(tx)}).front(); }
  model::Receipt act(std::uint64_t number, std::vector<model::Operation> operations) {
    return send(transaction(number, std::move(operations)));
  }

  /// A transaction of one operation that must succeed.
  model::Outcome done(std::uint64_t number, model::Operation operation) {
    const auto receipt = act(number, {std::move(operation)});
    EXPECT_EQ(receipt.code, ErrorCode::ok) << receipt.message;
    return receipt.outcomes.empty() ? model::Outcome{} : receipt.outcomes.front();
  }
  /// One that must fail with the code and change nothing but the fee. Returns the message.
  std::string refused(std::uint64_t number, model::Operation operation, ErrorCode code) {
    return refused(transaction(number, {std::move(operation)}), code);
  }
  std::string refused(const model::Transaction& tx, ErrorCode code);

  /// Moves time on, with a block whenever a timer becomes due and one at the end, as a node would.
  void wait_s(std::int64_t seconds) {
    const Time end = after_s(now, seconds);
    for (auto due = state().next_timer(); due && *due > now && *due < end; due = state().next_timer()) {
      now = *due;
      block({});
    }
    now = end;
    block({});
  }
  /// The same, the providers sending heartbeats every half minute, timers fired as they are due.
  void wait_alive_s(std::int64_t seconds, const std::vector<std::uint64_t>& providers) {
    for (const Time end = after_s(now, seconds); now < end;) {
      now = std::min(after_s(now, 30), end);
      std::vector<Envelope> beats;
      for (const auto number : providers) beats.push_back(envelope(transaction(number, {model::Heartbeat{}})));
      block(beats);
    }
  }

  [[nodiscard]] std::size_t count(model::EventKind kind) const {
    return static_cast<std::size_t>(
        std::count_if(events.begin(), events.end(), [&](const auto& event) { return event.kind == kind; }));
  }
  /// The last form of a lease that was closed.
  [[nodiscard]] const model::Lease& closed(model::LeaseId id) const {
    for (const auto& entry : archived) {
      if (entry.lease && entry.lease->id == id) return *entry.lease;
    }
    ADD_FAILURE() << model::format_id(id) << " is not closed";
    static const model::Lease none;
    return none;
  }

 private:
  std::uint64_t salt_ = 0;
};

inline std::string Network::refused(const model::Transaction& tx, ErrorCode code) {
  block({});  // what is due by now is no part of what is proven
  auto before = as_map(ledger.dump());
  const Money balance_before = state().account(tx.account) ? state().account(tx.account)->balance : Money{};
  const Money treasury_before = state().treasury();
  const auto admission = ledger.check(envelope(tx));
  EXPECT_FALSE(admission);
  EXPECT_EQ(as_map(ledger.dump()), before) << "check() changed something";
  const auto receipt = send(tx);
  EXPECT_EQ(name_of(receipt.code), name_of(code)) << receipt.message;
  EXPECT_FALSE(receipt.message.empty());
  EXPECT_TRUE(receipt.outcomes.empty());
  if (!admission) {
    EXPECT_EQ(name_of(admission.error().code), name_of(code));
  }
  EXPECT_TRUE(last.events.empty());
  const auto* account = state().account(tx.account);
  EXPECT_EQ(balance_before.micros - (account ? account->balance.micros : 0), receipt.fee.micros);
  EXPECT_EQ(state().treasury().micros - treasury_before.micros, receipt.fee.micros);

  auto after = as_map(ledger.dump());
  const auto drop = [&](std::uint8_t table, ByteView key) {
    Bytes full{table};
    full.insert(full.end(), key.begin(), key.end());
    before.erase(full);
    after.erase(full);
  };
  const auto rest_of_head = [](Bytes head) {  // but height, time and treasury
    head.erase(head.begin() + 64, head.begin() + 72);
    head.erase(head.begin(), head.begin() + 16);
    return head;
  };
  EXPECT_EQ(rest_of_head(before.at({1})), rest_of_head(after.at({1})));
  drop(0, {});
  drop(1, {});
  drop(4, tx.account.view());
  std::erase_if(after, [](const auto& record) { return record.first[0] == 12; });  // the replay memory
  std::erase_if(before, [](const auto& record) { return record.first[0] == 12; });
  if (tx.signer != tx.account && receipt.fee.micros > 0) {
    std::erase_if(after, [](const auto& record) { return record.first[0] == 5; });  // the key has spent the fee
    std::erase_if(before, [](const auto& record) { return record.first[0] == 5; });
  }
  EXPECT_EQ(after, before) << difference(before, after);
  return receipt.message;
}

// What actors commonly send.

inline model::RegisterProvider registration(std::uint64_t number) {
  return {"provider " + std::to_string(number), "gpu" + std::to_string(number) + ".example.org:2222",
          actor(number + 1000)};
}

inline model::PostOffer offer_of(std::uint32_t gpus, Money price, std::string name = "box") {
  model::PostOffer post;
  post.machine.name = std::move(name);
  post.machine.gpu_model = "H100-SXM";
  post.machine.gpu_count = gpus;
  post.machine.vram_bytes = 80'000'000'000;
  post.machine.cpu_threads = 64;
  post.machine.memory_bytes = 512'000'000'000;
  post.machine.disk_bytes = 4'000'000'000'000;
  post.machine.inet_down_mbps = 1000;
  post.machine.inet_up_mbps = 1000;
  post.machine.country = "DE";
  post.prices.on_demand_per_gpu_hour = price;
  return post;
}

inline model::SubmitRequest request_for(std::uint32_t gpus, std::uint64_t duration_s, std::string where = "") {
  model::SubmitRequest request;
  request.demand.gpu_count = gpus;
  request.demand.duration_s = duration_s;
  request.demand.where = std::move(where);
  return request;
}

inline model::ConfirmLease confirmation(std::uint64_t provider, model::LeaseId lease) {
  return {lease, registration(provider).endpoint, actor(provider + 1000)};
}

/// Actor 1 rents from actor 5, who has `gpus` devices at `price`.
class Rental : public ::testing::Test {
 public:
  static constexpr std::uint64_t kConsumer = 1, kOther = 2, kProvider = 5, kSecond = 6;

  Network net;

  model::OfferId list(std::uint64_t provider = kProvider, std::uint32_t gpus = 4, Money price = credits(2)) {
    if (!net.state().provider(actor(provider))) net.done(provider, registration(provider));
    return net.done(provider, offer_of(gpus, price)).offer;
  }
  model::LeaseId match(std::uint32_t gpus = 1, std::uint64_t duration_s = 7200) {
    return net.done(kConsumer, request_for(gpus, duration_s)).lease;
  }
  model::LeaseId run(std::uint32_t gpus = 1, std::uint64_t duration_s = 7200) {
    const auto lease = match(gpus, duration_s);
    net.done(kProvider, confirmation(kProvider, lease));
    return lease;
  }
  [[nodiscard]] const model::Lease& lease(model::LeaseId id) const {
    const auto* found = net.state().lease(id);
    EXPECT_NE(found, nullptr) << model::format_id(id) << " is not live";
    static const model::Lease none;
    return found ? *found : none;
  }
};

}  // namespace hanse::ledger
