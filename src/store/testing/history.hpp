#pragma once

// For tests of the rooms store and consensus: folders that go away, keys by number, signed transactions, a genesis.

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/rng.hpp"
#include "ledger/ledger.hpp"

namespace hanse::store::testing {

/// A new folder, removed with all it holds.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "hanse-test-XXXXXX").string();
    HANSE_CHECK(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path path;
};

inline constexpr const char* kNetwork = "hanse-test";
inline constexpr Time kStart{1'800'000'000'000};

inline crypto::KeyPair key(std::uint64_t number) {
  crypto::Seed seed;
  for (std::size_t i = 0; i < 8; ++i) seed.data[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return crypto::KeyPair::from_seed(seed);
}

inline model::Transaction transaction(const crypto::KeyPair& signer, Time valid_until, Rng& rng,
                                      std::vector<model::Operation> operations) {
  model::Transaction tx;
  tx.network = kNetwork;
  tx.account = signer.public_key();
  tx.signer = signer.public_key();
  tx.valid_until = valid_until;
  for (auto& byte : tx.salt.data) byte = static_cast<std::uint8_t>(rng.next());
  tx.operations = std::move(operations);
  return tx;
}

inline Bytes sign(const model::Transaction& tx, const crypto::KeyPair& signer) {
  model::SignedTransaction out;
  out.body = wire::encode(tx);
  out.signature = signer.sign(wire::kTransactionDomain, out.body);
  return wire::encode(out);
}

inline Bytes sign(const crypto::KeyPair& signer, Time valid_until, Rng& rng, std::vector<model::Operation> operations) {
  return sign(transaction(signer, valid_until, rng, std::move(operations)), signer);
}

/// `count` accounts, those of key(0), key(1) ..., each with a million credits. Windows are short, so that whole lives
/// of leases fit in a test.
inline ledger::Genesis genesis(std::uint64_t count = 8) {
  ledger::Genesis out;
  out.network = kNetwork;
  out.time = kStart;
  for (std::uint64_t i = 0; i < count; ++i) out.accounts.push_back({key(i).public_key(), credits(1'000'000)});
  out.params.fee_operations = {"transfer"};
  out.params.fee_amounts = {Money{100}};
  return out;
}

inline model::Transfer transfer(std::uint64_t to, std::int64_t micros) {
  return {key(to).public_key(), Money{micros}, ""};
}

/// A ledger and the making of its blocks, one a second.
struct History {
  explicit History(std::uint64_t seed = 1) : rng(seed) {}

  struct Step {
    model::Block block;
    ledger::BlockResult result;
  };
  Step next(std::vector<Bytes> transactions) {
    Step step;
    step.block.height = ledger.state().height() + 1;
    step.block.time = after_s(kStart, static_cast<std::int64_t>(step.block.height));
    for (auto& byte : step.block.beacon.data) byte = static_cast<std::uint8_t>(rng.next());
    step.block.transactions = std::move(transactions);
    std::vector<ledger::Envelope> opened;
    for (const auto& tx : step.block.transactions) {
      opened.push_back(ledger::open(tx, kNetwork, ledger.state().params()));
    }
    step.result = ledger.apply({step.block.height, step.block.time, step.block.beacon}, opened);
    return step;
  }
  /// A block of random transfers, some of which fail.
  Step next_random() {
    std::vector<Bytes> transactions;
    const auto until = after_s(kStart, static_cast<std::int64_t>(ledger.state().height()) + 60);
    for (std::uint64_t i = rng.below(20); i > 0; --i) {
      const std::int64_t micros = rng.one_in(5) ? kMaxMoney.micros : rng.between(1, 1'000'000);
      transactions.push_back(sign(key(rng.below(8)), until, rng, {transfer(rng.below(12), micros)}));
    }
    return next(std::move(transactions));
  }

  Rng rng;
  ledger::Ledger ledger = std::move(*ledger::Ledger::from_genesis(genesis()));
};

}  // namespace hanse::store::testing
