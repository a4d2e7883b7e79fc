// What the driver alone does: envelopes, the validity window, replay, keys, fees, all or nothing.

#include "ledger/testing.hpp"

namespace hanse::ledger {
namespace {

using model::Transfer;

class Driver : public ::testing::Test {
 protected:
  Network net;
  const model::Params params = test_params();

  [[nodiscard]] Bytes signed_by(const model::Transaction& tx, std::uint64_t number) const {
    const Bytes body = wire::encode(tx);
    return wire::encode(model::SignedTransaction{body, key_of_actor(number).sign(wire::kTransactionDomain, body)});
  }
  static void expect_error(const Envelope& envelope, ErrorCode code) {
    ASSERT_TRUE(envelope.error.has_value());
    EXPECT_EQ(name_of(envelope.error->code), name_of(code)) << envelope.error->message;
  }
};

TEST_F(Driver, opens_what_its_signer_signed) {
  const auto tx = net.transaction(1, {Transfer{actor(2), credits(1), "rent"}});
  const auto bytes = signed_by(tx, 1);
  const auto envelope = open(bytes, "test", params);
  EXPECT_FALSE(envelope.error.has_value()) << envelope.error->message;
  EXPECT_EQ(envelope.tx, tx);
  EXPECT_EQ(envelope.hash, wire::transaction_hash(bytes));
}

TEST_F(Driver, refuses_signatures_of_others_and_over_other_bytes) {
  const auto tx = net.transaction(1, {Transfer{actor(2), credits(1), ""}});
  expect_error(open(signed_by(tx, 2), "test", params), ErrorCode::bad_signature);
  auto bytes = signed_by(tx, 1);
  bytes.back() ^= 1;
  expect_error(open(bytes, "test", params), ErrorCode::bad_signature);
}

TEST_F(Driver, refuses_every_truncation_and_survives_garbage) {
  const auto bytes = signed_by(net.transaction(1, {Transfer{actor(2), credits(1), ""}}), 1);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    ASSERT_TRUE(open(ByteView(bytes).first(length), "test", params).error) << length;
  }
  Rng rng(7);
  for (int i = 0; i < 2000; ++i) {
    Bytes garbage(rng.below(300));
    for (auto& byte : garbage) byte = static_cast<std::uint8_t>(rng.next());
    ASSERT_TRUE(open(garbage, "test", params).error);
    Bytes flipped = bytes;
    flipped[rng.below(flipped.size())] ^= static_cast<std::uint8_t>(1 + rng.below(255));
    ASSERT_TRUE(open(flipped, "test", params).error);
  }
}

TEST_F(Driver, refuses_oversized_empty_and_foreign_transactions) {
  expect_error(open(Bytes(model::kMaxTransactionBytes + 1), "test", params), ErrorCode::too_large);
  expect_error(net.envelope(net.transaction(1, {})), ErrorCode::invalid_argument);
  auto foreign = net.transaction(1, {model::Heartbeat{}});
  foreign.network = "other";
  expect_error(net.envelope(foreign), ErrorCode::wrong_network);
  const std::vector<model::Operation> many(model::kMaxOperations + 1, model::Heartbeat{});
  EXPECT_TRUE(net.envelope(net.transaction(1, many)).error);
}

TEST_F(Driver, a_transaction_that_does_not_open_fails_in_a_block_without_effect) {
  auto tx = net.transaction(1, {Transfer{actor(2), credits(1), ""}});
  tx.network = "other";
  net.refused(tx, ErrorCode::wrong_network);
  EXPECT_EQ(net.balance(1), credits(1000));
}

TEST_F(Driver, the_validity_window_is_open_at_its_start_and_closed_at_its_end) {
  auto tx = net.transaction(1, {Transfer{actor(2), credits(1), ""}});
  tx.valid_until = net.now;
  net.refused(tx, ErrorCode::expired);
  tx.valid_until = after_ms(after_s(net.now, 600), 1);
  net.refused(tx, ErrorCode::too_far_ahead);
  tx.valid_until = after_s(net.now, 600);
  EXPECT_EQ(net.send(tx).code, ErrorCode::ok);
  tx.valid_until = after_ms(net.now, 1);
  EXPECT_EQ(net.send(tx).code, ErrorCode::ok);
}

TEST_F(Driver, nothing_is_applied_twice) {
  const auto tx = net.transaction(1, {Transfer{actor(2), credits(1), ""}});
  EXPECT_EQ(net.send(tx).code, ErrorCode::ok);
  net.refused(tx, ErrorCode::replayed);
  const auto twice = net.envelope(net.transaction(1, {Transfer{actor(2), credits(1), ""}}));
  const auto receipts = net.block({twice, twice});
  EXPECT_EQ(receipts[0].code, ErrorCode::ok);
  EXPECT_EQ(receipts[1].code, ErrorCode::replayed);
  net.wait_s(59);
  net.refused(tx, ErrorCode::replayed);
  net.wait_s(1);
  net.refused(tx, ErrorCode::expired);
}

TEST_F(Driver, a_failed_transaction_that_paid_is_remembered_too) {
  const auto tx = net.transaction(1, {Transfer{actor(2), credits(5000), ""}});
  net.refused(tx, ErrorCode::insufficient_funds);
  net.refused(tx, ErrorCode::replayed);
}

TEST_F(Driver, replay_memory_is_forgotten_once_its_window_is_over) {
  for (int i = 0; i < 50; ++i) net.done(1, Transfer{actor(2), Money{1}, ""});
  const auto remembered = [&] {
    const auto all = net.ledger.dump();
    return std::count_if(all.begin(), all.end(), [](const auto& record) { return record.key[0] == 12; });
  };
  EXPECT_EQ(remembered(), 50);
  net.wait_s(62);
  EXPECT_EQ(remembered(), 0);
}

TEST_F(Driver, all_operations_or_none) {
  auto tx = net.transaction(1, {Transfer{actor(2), credits(1), ""}, Transfer{actor(3), credits(5000), ""}});
  net.refused(tx, ErrorCode::insufficient_funds);
  const auto receipt = net.act(1, {Transfer{actor(2), credits(1), ""}, Transfer{actor(3), credits(5000), ""}});
  EXPECT_EQ(receipt.failed_operation, 1U);
  EXPECT_EQ(receipt.fee, Money{2 * kFee.micros});
  EXPECT_EQ(net.balance(2), credits(1000));
}

TEST_F(Driver, who_cannot_pay_the_fee_has_no_effect) {
  net.refused(net.transaction(77, {model::Heartbeat{}}), ErrorCode::insufficient_funds);
  EXPECT_EQ(net.state().account(actor(77)), nullptr);
}

TEST_F(Driver, the_fee_goes_to_the_treasury) {
  net.done(1, Transfer{actor(2), credits(1), ""});
  EXPECT_EQ(net.state().treasury(), kFee);
  EXPECT_EQ(net.balance(1).micros, credits(999).micros - kFee.micros);
}

class AuthorisedKey : public Driver {
 protected:
  void authorise(std::vector<std::string> operations, Money limit, std::int64_t seconds = 3600) {
    net.done(1, model::AuthorizeKey{actor(9), std::move(operations), limit, after_s(net.now, seconds)});
  }
  model::Transaction by_key(model::Operation operation) {
    auto tx = net.transaction(1, {std::move(operation)});
    tx.signer = actor(9);
    return tx;
  }
};

TEST_F(AuthorisedKey, may_sign_what_it_is_authorised_for_until_its_limit) {
  authorise({"transfer"}, Money{credits(3).micros + 2 * kFee.micros});
  EXPECT_EQ(net.send(by_key(Transfer{actor(2), credits(2), ""})).code, ErrorCode::ok);
  net.refused(by_key(Transfer{actor(2), Money{credits(1).micros + 1}, ""}), ErrorCode::spend_limit);
  // The refused one paid its fee from the same limit, and so does this one.
  net.refused(by_key(Transfer{actor(2), credits(1), ""}), ErrorCode::spend_limit);
  EXPECT_EQ(net.state().grants_of(actor(1)).at(0).spent, Money{credits(2).micros + 3 * kFee.micros});
}

TEST_F(AuthorisedKey, may_sign_nothing_else_for_nobody_else_and_never_keys) {
  net.refused(by_key(Transfer{actor(2), credits(1), ""}), ErrorCode::not_authorized);
  authorise({"heartbeat", "confirm_lease"}, credits(1));
  net.refused(by_key(Transfer{actor(2), credits(1), ""}), ErrorCode::not_authorized);
  auto other = by_key(model::Heartbeat{});
  other.account = actor(2);
  net.refused(other, ErrorCode::not_authorized);
  net.refused(by_key(model::AuthorizeKey{actor(10), {"transfer"}, credits(1), after_s(net.now, 60)}),
              ErrorCode::not_authorized);
  net.refused(by_key(model::RevokeKey{actor(9)}), ErrorCode::not_authorized);
}

TEST_F(AuthorisedKey, ends_at_its_expiry_and_when_revoked) {
  authorise({"transfer"}, credits(10), 100);
  EXPECT_EQ(net.send(by_key(Transfer{actor(2), credits(1), ""})).code, ErrorCode::ok);
  net.wait_s(100);
  net.refused(by_key(Transfer{actor(2), credits(1), ""}), ErrorCode::not_authorized);
  authorise({"transfer"}, credits(10), 100);
  EXPECT_EQ(net.state().grants_of(actor(1)).at(0).spent, Money{});
  net.done(1, model::RevokeKey{actor(9)});
  net.refused(by_key(Transfer{actor(2), credits(1), ""}), ErrorCode::not_authorized);
  net.refused(1, model::RevokeKey{actor(9)}, ErrorCode::not_found);
}

TEST_F(AuthorisedKey, is_bounded_in_what_it_may_name_and_how_many_there_are) {
  const auto until = after_s(net.now, 60);
  const auto grant = [&](std::vector<std::string> names, Money limit = credits(1)) {
    return model::AuthorizeKey{actor(9), std::move(names), limit, until};
  };
  net.refused(1, grant({}), ErrorCode::invalid_argument);
  net.refused(1, grant({"authorize_key"}), ErrorCode::invalid_argument);
  net.refused(1, grant({"fly"}), ErrorCode::invalid_argument);
  net.refused(1, grant({"transfer", "transfer"}), ErrorCode::invalid_argument);
  net.refused(1, grant({"transfer"}, Money{-1}), ErrorCode::invalid_argument);
  net.refused(1, model::AuthorizeKey{actor(1), {"transfer"}, credits(1), until}, ErrorCode::invalid_argument);
  net.refused(1, model::AuthorizeKey{actor(9), {"transfer"}, credits(1), net.now}, ErrorCode::invalid_argument);
  net.refused(1, model::AuthorizeKey{{}, {"transfer"}, credits(1), until}, ErrorCode::invalid_argument);
  for (std::uint64_t i = 0; i < 64; ++i) {
    net.done(1, model::AuthorizeKey{actor(100 + i), {"transfer"}, credits(1), until});
  }
  net.refused(1, grant({"transfer"}), ErrorCode::limit_reached);
  EXPECT_EQ(net.state().grants_of(actor(1)).size(), 64U);
}

TEST_F(Driver, checking_changes_nothing_and_may_look_ahead_in_time) {
  const auto before = as_map(net.ledger.dump());
  EXPECT_TRUE(net.ledger.check(net.envelope(net.transaction(1, {Transfer{actor(2), credits(1), ""}}))));
  EXPECT_TRUE(net.ledger.check(net.envelope(net.transaction(5, {registration(5), offer_of(4, credits(1))}))));
  auto later = net.transaction(1, {Transfer{actor(2), credits(1), ""}});
  later.valid_until = after_s(net.now, 10'000);
  EXPECT_FALSE(net.ledger.check(net.envelope(later)));
  EXPECT_TRUE(net.ledger.check(net.envelope(later), after_s(net.now, 9'990)));
  EXPECT_EQ(as_map(net.ledger.dump()), before);
  EXPECT_EQ(net.ledger.book().size(), 0U);
}

TEST_F(Driver, transfers_refuse_amounts_that_are_none) {
  for (const std::int64_t micros : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN, kMaxMoney.micros + 1, INT64_MAX}) {
    net.refused(1, Transfer{actor(2), Money{micros}, ""}, ErrorCode::invalid_argument);
  }
  net.refused(1, Transfer{actor(2), kMaxMoney, ""}, ErrorCode::insufficient_funds);
  net.refused(1, Transfer{actor(1), credits(1), ""}, ErrorCode::invalid_argument);
  net.refused(1, Transfer{{}, credits(1), ""}, ErrorCode::invalid_argument);
  net.refused(1, Transfer{actor(2), credits(1), "two\nlines"}, ErrorCode::invalid_argument);
  const Money all{net.balance(1).micros - kFee.micros};
  net.refused(1, Transfer{actor(2), Money{all.micros + 1}, ""}, ErrorCode::insufficient_funds);
  net.done(1, Transfer{actor(42), Money{net.balance(1).micros - kFee.micros}, ""});
  EXPECT_EQ(net.balance(1), Money{});
}

TEST_F(Driver, one_account_may_hold_all_money_there_can_be) {
  auto genesis = test_genesis(0);
  genesis.accounts = {{actor(1), Money{kMaxMoney.micros - 1000}}, {actor(2), Money{1000}}};
  Network rich(genesis);
  rich.done(2, Transfer{actor(1), Money{900}, ""});
  EXPECT_EQ(rich.balance(1), Money{kMaxMoney.micros - 100});
}

}  // namespace
}  // namespace hanse::ledger
