// Opening a transaction: everything that needs no state.

#include "ledger/ledger.hpp"
#include "ledger/ops/all.hpp"

namespace hanse::ledger {
namespace {

Result<> check_form(const model::Transaction& tx, std::string_view network) {
  if (tx.network != network) {
    return fail(ErrorCode::wrong_network, "this transaction is for network \"" + tx.network +
                                              "\" and this node keeps \"" + std::string(network) + "\"");
  }
  if (tx.operations.empty() || tx.operations.size() > model::kMaxOperations) {
    return fail(ErrorCode::invalid_argument, "a transaction carries 1 to 64 operations");
  }
  if (tx.account.is_zero()) return fail(ErrorCode::invalid_argument, "the transaction names no account");
  if (tx.valid_until > kMaxTime || tx.valid_until < Time{}) {
    return fail(ErrorCode::invalid_argument, "valid_until is no time");
  }
  return {};
}

Result<> check_operations(const model::Transaction& tx, const model::Params& params) {
  for (std::size_t i = 0; i < tx.operations.size(); ++i) {
    auto checked = std::visit([&](const auto& op) { return check(op, params); }, tx.operations[i]);
    if (checked) continue;
    const auto name = model::name_of_operation(tx.operations[i].index());
    const auto place = tx.operations.size() == 1
                           ? std::string(name)
                           : "operation " + std::to_string(i + 1) + " (" + std::string(name) + ")";
    return fail(checked.error().code, place + ": " + checked.error().message);
  }
  return {};
}

Result<> check_signature(const model::SignedTransaction& signed_tx, const crypto::PublicKey& signer) {
  if (crypto::verify(signer, wire::kTransactionDomain, signed_tx.body, signed_tx.signature)) return {};
  return fail(ErrorCode::bad_signature, "the signature is not that of the named signer over these bytes: sign again");
}

Result<> open_into(Envelope& envelope, ByteView bytes, std::string_view network, const model::Params& params,
                   bool verify_signature) {
  auto signed_tx = wire::decode<model::SignedTransaction>(bytes);
  if (!signed_tx) return fail(signed_tx);
  auto tx = wire::decode<model::Transaction>(signed_tx->body);
  if (!tx) return fail(tx);
  envelope.tx = std::move(*tx);
  if (auto form = check_form(envelope.tx, network); !form) return form;
  // The cheap checks come first: garbage shall not cost a verification.
  if (auto operations = check_operations(envelope.tx, params); !operations) return operations;
  return verify_signature ? check_signature(*signed_tx, envelope.tx.signer) : Result<>{};
}

}  // namespace

Envelope open(ByteView signed_transaction, std::string_view network, const model::Params& params,
              bool verify_signature) {
  Envelope envelope;
  envelope.hash = wire::transaction_hash(signed_transaction);
  if (signed_transaction.size() > model::kMaxTransactionBytes) {
    envelope.error = Error{ErrorCode::too_large, "a transaction has 65536 bytes at most: split it"};
    return envelope;
  }
  auto opened = open_into(envelope, signed_transaction, network, params, verify_signature);
  if (!opened) envelope.error = opened.error();
  return envelope;
}

}  // namespace hanse::ledger
