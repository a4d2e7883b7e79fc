#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include "base/utf8.hpp"
#include "crypto/hash.hpp"
#include "wire/random_record.hpp"

namespace hanse::wire {
namespace {

// Bytes by hand: fields of a message, correct or not.
struct Message {
  Bytes bytes;
  Message& varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<std::uint8_t>(value | 0x80));
    bytes.push_back(static_cast<std::uint8_t>(value));
    return *this;
  }
  Message& number(std::uint32_t field, std::uint64_t value) { return varint(field << 3).varint(value); }
  Message& data(std::uint32_t field, ByteView value) {
    varint(field << 3 | 2).varint(value.size());
    bytes.insert(bytes.end(), value.begin(), value.end());
    return *this;
  }
  Message& text(std::uint32_t field, std::string_view value) { return data(field, as_bytes(value)); }
  Message& raw(std::initializer_list<std::uint8_t> more) {
    bytes.insert(bytes.end(), more);
    return *this;
  }
};

template <model::Described T>
void expect_refused(const Message& message, ErrorCode code, std::string_view field) {
  const auto decoded = decode<T>(message.bytes);
  ASSERT_FALSE(decoded) << field;
  EXPECT_EQ(decoded.error().code, code) << decoded.error().message;
  EXPECT_NE(decoded.error().message.find(field), std::string::npos) << decoded.error().message;
}

template <class T>
class Codec : public testing::Test {};
#define HANSE_LISTED(R) , model::R
template <class First, class... Rest>
using Rest_ = testing::Types<Rest...>;
using Records = Rest_<void HANSE_WIRE_RECORDS(HANSE_LISTED)>;
TYPED_TEST_SUITE(Codec, Records);

TYPED_TEST(Codec, RandomRecordsRoundTrip) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const auto record = RandomRecord(seed).make<TypeParam>();
    const auto bytes = encode(record);
    const auto again = decode<TypeParam>(bytes);
    ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().message;
    EXPECT_EQ(*again, record) << "seed " << seed;
  }
}

TYPED_TEST(Codec, AcceptsOnlyWhatEncodesToTheSameBytes) {
  std::size_t accepted = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    RandomRecord random(seed);
    const auto bytes = encode(random.make<TypeParam>());
    for (int i = 0; i < 20 && !bytes.empty(); ++i) {
      auto altered = bytes;
      auto& rng = random.rng();
      for (auto changes = 1 + rng.below(3); changes > 0 && !altered.empty(); --changes) {
        const auto at = static_cast<std::ptrdiff_t>(rng.below(altered.size()));
        switch (rng.below(4)) {
          case 0:
            altered[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(rng.next());
            break;
          case 1:
            altered[static_cast<std::size_t>(at)] ^= static_cast<std::uint8_t>(1U << rng.below(8));
            break;
          case 2:
            altered.erase(altered.begin() + at);
            break;
          default:
            altered.insert(altered.begin() + at, static_cast<std::uint8_t>(rng.next()));
            break;
        }
      }
      const auto decoded = decode<TypeParam>(altered);
      if (!decoded) continue;
      ++accepted;
      ASSERT_EQ(encode(*decoded), altered) << "seed " << seed << " " << to_hex(altered);
    }
  }
  EXPECT_GT(accepted, 0U);
}

TYPED_TEST(Codec, EveryCutIsRefusedOrIsItselfCanonical) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto bytes = encode(RandomRecord(seed).make<TypeParam>());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto cut = ByteView(bytes).first(size);
      const auto decoded = decode<TypeParam>(cut);
      if (decoded) {
        EXPECT_EQ(encode(*decoded), Bytes(cut.begin(), cut.end())) << "seed " << seed;
      } else {
        EXPECT_NE(decoded.error().message, "") << "seed " << seed;
      }
    }
  }
}

TYPED_TEST(Codec, NothingIsTheZeroRecordAndBack) {
  const auto zero = decode<TypeParam>({});
  ASSERT_TRUE(zero);
  EXPECT_EQ(encode(*zero), Bytes{});
}

TEST(CodecRules, AbsentIsZeroEvenWhereTheMemberHasAnotherDefault) {
  EXPECT_EQ(model::Demand{}.gpu_count, 1U);
  EXPECT_EQ(decode<model::Demand>({})->gpu_count, 0U);
  EXPECT_EQ(decode<model::Params>({})->claim_window_s, 0U);
  EXPECT_EQ(decode<model::Request>({})->demand.machines, 0U);  // nested
}

TEST(CodecRules, FieldsOutOfOrderOrTwiceAreRefused) {
  const Bytes key(32, 1);
  expect_refused<model::Account>(Message().number(2, 5).data(1, key), ErrorCode::malformed, "Account.id");
  expect_refused<model::Account>(Message().number(2, 5).number(2, 6), ErrorCode::malformed, "Account.balance_micros");
  expect_refused<model::Account>(Message().data(1, key).data(1, key), ErrorCode::malformed, "Account.id");
}

TEST(CodecRules, ExplicitZerosAreRefused) {
  expect_refused<model::Account>(Message().number(2, 0), ErrorCode::malformed, "Account.balance_micros");
  expect_refused<model::Account>(Message().data(1, Bytes(32)), ErrorCode::malformed, "Account.id");
  expect_refused<model::Provider>(Message().text(2, ""), ErrorCode::malformed, "Provider.name");
  expect_refused<model::Job>(Message().number(7, 0), ErrorCode::malformed, "Job.wait_for_workdir");
  expect_refused<model::Offer>(Message().data(3, {}), ErrorCode::malformed, "Offer.machine");
  expect_refused<model::Params>(Message().data(2, {}), ErrorCode::malformed, "Params.fee_micros");
}

TEST(CodecRules, OverlongVarintsAreRefused) {
  expect_refused<model::Account>(Message().raw({0x10, 0x85, 0x00}), ErrorCode::malformed, "Account.balance_micros");
  // Ten bytes whose last carries bits beyond the 64th; and eleven.
  expect_refused<model::Account>(
      Message().raw({0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03}).raw({0, 0, 0, 0}),
      ErrorCode::malformed, "Account.balance_micros");
  expect_refused<model::Account>(
      Message().raw({0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}), ErrorCode::malformed,
      "Account.balance_micros");
  EXPECT_EQ(decode<model::Account>(Message().number(2, UINT64_MAX).bytes)->balance.micros, -1);
  // An overlong field number, an overlong length.
  EXPECT_FALSE(decode<model::Account>(Message().raw({0x90, 0x00, 0x05}).bytes));
  EXPECT_FALSE(decode<model::Provider>(Message().raw({0x12, 0x81, 0x00, 'a'}).bytes));
  EXPECT_FALSE(decode<model::Lease>(Message().raw({0x80 | 0x88, 0x81, 0x00, 0x05}).bytes));
}

TEST(CodecRules, UnknownFieldsAreRefusedByNumber) {
  expect_refused<model::Account>(Message().number(3, 5), ErrorCode::malformed, "Account.3");
  expect_refused<model::Lease>(Message().number(18999, 5), ErrorCode::malformed, "Lease.18999");
}

TEST(CodecRules, UnpackedListsOfNumbersAndOtherWireTypesAreRefused) {
  expect_refused<model::Params>(Message().number(2, 5), ErrorCode::malformed, "Params.fee_micros");
  expect_refused<model::Params>(Message().data(2, Bytes{5}).data(2, Bytes{6}), ErrorCode::malformed,
                                "Params.fee_micros");
  expect_refused<model::Account>(Message().number(1, 5), ErrorCode::malformed, "Account.id");
  expect_refused<model::Account>(Message().raw({0x11, 1, 0, 0, 0, 0, 0, 0, 0}), ErrorCode::malformed,
                                 "Account.balance_micros");
  EXPECT_EQ(decode<model::Params>(Message().data(2, Bytes{5, 0, 6}).bytes)->fee_amounts,
            (std::vector<Money>{{5}, {0}, {6}}));
}

TEST(CodecRules, NumbersBeyondTheirTypeAreRefused) {
  expect_refused<model::Lease>(Message().number(8, 1ULL << 32), ErrorCode::malformed, "Lease.gpu_count");
  expect_refused<model::Lease>(Message().number(13, 4), ErrorCode::malformed, "Lease.state");
  expect_refused<model::Job>(Message().number(7, 2), ErrorCode::malformed, "Job.wait_for_workdir");
  expect_refused<model::Receipt>(Message().number(5, static_cast<std::uint64_t>(ErrorCode::internal) + 1),
                                 ErrorCode::malformed, "Receipt.code");
}

TEST(CodecRules, StringsAndListsKeepTheirBounds) {
  const std::string longest(64, 'x');
  EXPECT_TRUE(decode<model::Provider>(Message().text(2, longest).bytes));
  expect_refused<model::Provider>(Message().text(2, longest + "x"), ErrorCode::too_large, "Provider.name");
  Message many;
  for (int i = 0; i < 65; ++i) many.text(1, "transfer");
  expect_refused<model::Params>(many, ErrorCode::too_large, "Params.fee_operations");
  expect_refused<model::Params>(Message().data(2, Bytes(65, 1)), ErrorCode::too_large, "Params.fee_micros");
  expect_refused<model::Params>(Message().text(1, std::string(257, 'x')), ErrorCode::too_large,
                                "Params.fee_operations");
  Message discounts;
  for (int i = 0; i < 9; ++i) discounts.data(6, {});
  expect_refused<model::PriceList>(discounts, ErrorCode::too_large, "PriceList.term_discounts");
  Message operations;
  for (int i = 0; i < 65; ++i) operations.data(6, Message().data(16, {}).bytes);
  expect_refused<model::Transaction>(operations, ErrorCode::too_large, "Transaction.operations");
}

TEST(CodecRules, WholeTransactionsAndJobsKeepTheirBounds) {
  model::SignedTransaction signed_tx;
  signed_tx.signature.data.fill(1);
  const auto overhead = encode(signed_tx).size() + 4;  // the body's own tag and length
  signed_tx.body.resize(model::kMaxTransactionBytes - overhead);
  EXPECT_EQ(encode(signed_tx).size(), model::kMaxTransactionBytes);
  EXPECT_TRUE(decode<model::SignedTransaction>(encode(signed_tx)));
  signed_tx.body.push_back(0);
  EXPECT_EQ(decode<model::SignedTransaction>(encode(signed_tx)).error().code, ErrorCode::too_large);

  model::Job job;
  job.env.assign(9, std::string(32 * 1024, 'x'));
  EXPECT_EQ(decode<model::Job>(encode(job)).error().code, ErrorCode::too_large);
}

TEST(CodecRules, FixedBytesHaveTheirSize) {
  expect_refused<model::Account>(Message().data(1, Bytes(31, 1)), ErrorCode::malformed, "Account.id");
  expect_refused<model::Account>(Message().data(1, Bytes(33, 1)), ErrorCode::malformed, "Account.id");
  EXPECT_TRUE(decode<model::Account>(Message().data(1, Bytes(32, 0xff)).bytes)) << "need not be a point";
}

TEST(CodecRules, LengthsBeyondTheBytesAreRefused) {
  expect_refused<model::Provider>(Message().raw({0x12, 0x05, 'a'}), ErrorCode::malformed, "Provider.name");
  expect_refused<model::Provider>(
      Message().raw({0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'a'}), ErrorCode::malformed,
      "Provider.name");
}

TEST(CodecRules, AnOperationHoldsExactlyOneAlternative) {
  const auto heartbeat = Message().data(16, {}).bytes;
  const auto good = decode<model::Transaction>(Message().data(6, heartbeat).bytes);
  ASSERT_TRUE(good);
  EXPECT_EQ(good->operations, std::vector<model::Operation>{model::Heartbeat{}});
  expect_refused<model::Transaction>(Message().data(6, {}), ErrorCode::malformed, "Transaction.operations");
  expect_refused<model::Transaction>(
      Message().data(6, Message().data(std::variant_size_v<model::Operation> + 1, {}).bytes), ErrorCode::malformed,
      "Transaction.operations");
  expect_refused<model::Transaction>(Message().data(6, Message().data(15, {}).data(16, {}).bytes), ErrorCode::malformed,
                                     "Transaction.operations");
  expect_refused<model::Transaction>(Message().data(6, Message().data(16, Bytes{8, 1}).bytes), ErrorCode::malformed,
                                     "Heartbeat.1");
  expect_refused<model::Transaction>(Message().data(6, Message().data(1, Message().number(2, 0).bytes).bytes),
                                     ErrorCode::malformed, "Transfer.amount_micros");
}

TEST(CodecRules, TextMustBeUtf8) {
  for (const std::string_view bad :
       {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "abcdefgh\x80"}) {
    expect_refused<model::Provider>(Message().text(2, bad), ErrorCode::malformed, "Provider.name");
  }
  for (const std::string_view good : {"é", "€", "😀", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "12345678é12345678"}) {
    EXPECT_TRUE(is_utf8(as_bytes(good))) << good;
  }
}

TEST(CodecRules, NamesAndEnumsAgree) {
  EXPECT_EQ(name_of(model::EventKind::lease_kept), model::Names<model::EventKind>::names.back());
  EXPECT_EQ(name_of(model::EndReason::never_started), model::Names<model::EndReason>::names.back());
  EXPECT_EQ(name_of(model::LeaseState::ended), model::Names<model::LeaseState>::names.back());
  EXPECT_EQ(name_of(model::RequestState::ended), model::Names<model::RequestState>::names.back());
  EXPECT_EQ(name_of(model::Mode::reserved), model::Names<model::Mode>::names.back());
  EXPECT_EQ(name_of(model::DeviceKind::cpu), model::Names<model::DeviceKind>::names.back());
  EXPECT_EQ(name_of(model::OfferState::withdrawn), model::Names<model::OfferState>::names.back());
  EXPECT_EQ(model::name_of_operation(model::Operation(model::Heartbeat{}).index()), "heartbeat");
  EXPECT_EQ(model::name_of_operation(model::Operation(model::SubmitRequest{}).index()), "submit_request");
}

TEST(CodecRules, HashesHaveTheirDomains) {
  const Bytes bytes{1, 2, 3};
  EXPECT_EQ(transaction_hash(bytes), crypto::hash("hanse/txid/v1", bytes));
  model::Job job;
  job.image = "debian";
  EXPECT_EQ(job_hash(job), crypto::hash("hanse/job/v1", encode(job)));
}

}  // namespace
}  // namespace hanse::wire
