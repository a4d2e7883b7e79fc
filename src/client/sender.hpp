#pragma once

// Builds, signs and sends transactions for an account. Not thread-safe.

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "client/http.hpp"

namespace hanse::client {

/// A signed, encoded transaction, ready to send. Pure but for `salt`.
Bytes sign_transaction(const model::Transaction& tx, const crypto::KeyPair& signer);

class Sender {
 public:
  /// `account` is whose money moves; `signer` its own key or one it authorised. The clock only sets valid_until.
  Sender(Http& http, std::string network, model::AccountId account, const crypto::KeyPair& signer,
         Clock& clock = system_clock());

  /// Signs all operations into one transaction, sends it, and waits for the durable receipt. A receipt that is not ok
  /// becomes an Error with its code and message. Retries `unavailable` with the same bytes, so nothing is done twice.
  Result<model::Receipt> send(std::vector<model::Operation> operations);

 private:
  Http& http_;
  std::string network_;
  model::AccountId account_;
  crypto::KeyPair signer_;
  Clock& clock_;
};

}  // namespace hanse::client
