#include "client/sender.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "wire/codec.hpp"

namespace hanse::client {
namespace {

// Half of the usual max_validity: clocks of client and node may differ by five minutes either way.
constexpr std::int64_t kValidForS = 300;
constexpr std::int64_t kRetryForMs = 20'000;
constexpr std::int64_t kFirstPauseMs = 50;
constexpr std::int64_t kLongestPauseMs = 2'000;

}  // namespace

Bytes sign_transaction(const model::Transaction& tx, const crypto::KeyPair& signer) {
  model::Transaction salted = tx;
  salted.signer = signer.public_key();
  if (salted.salt.is_zero()) salted.salt = random_bytes<16>();
  model::SignedTransaction out;
  out.body = wire::encode(salted);
  out.signature = signer.sign(wire::kTransactionDomain, out.body);
  return wire::encode(out);
}

Sender::Sender(Http& http, std::string network, model::AccountId account, const crypto::KeyPair& signer, Clock& clock)
    : http_(http), network_(std::move(network)), account_(account), signer_(signer), clock_(clock) {}

Result<model::Receipt> Sender::send(std::vector<model::Operation> operations) {
  if (operations.empty() || operations.size() > model::kMaxOperations) {
    return fail(ErrorCode::invalid_argument,
                "a transaction carries 1 to 64 operations, not " + std::to_string(operations.size()));
  }
  model::Transaction tx;
  tx.network = network_;
  tx.account = account_;
  tx.valid_until = after_s(clock_.now(), kValidForS);
  tx.operations = std::move(operations);
  const Bytes bytes = sign_transaction(tx, signer_);

  const std::int64_t give_up_at = clock_.monotonic_ms() + kRetryForMs;
  for (std::int64_t pause_ms = kFirstPauseMs;; pause_ms = std::min(pause_ms * 2, kLongestPauseMs)) {
    auto receipt = http_.submit(bytes);
    if (receipt && receipt->code == ErrorCode::ok) return receipt;
    if (receipt) return fail(receipt->code, receipt->message);
    const bool may_pass = receipt.error().code == ErrorCode::unavailable || receipt.error().code == ErrorCode::timeout;
    if (!may_pass || clock_.monotonic_ms() + pause_ms > give_up_at) return receipt;
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
  }
}

}  // namespace hanse::client
