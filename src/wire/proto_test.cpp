// Holds the records' field tables to the published contract in proto/hanse/v1: what a table says and what protoc read
// must agree, and protobuf itself must read what we write and write the same bytes again.

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>

#include "hanse/v1/account.pb.h"
#include "hanse/v1/block.pb.h"
#include "hanse/v1/event.pb.h"
#include "hanse/v1/job.pb.h"
#include "hanse/v1/prices.pb.h"
#include "hanse/v1/spot.pb.h"
#include "hanse/v1/transaction.pb.h"
#include "wire/codec.hpp"
#include "wire/random_record.hpp"

namespace hanse::wire {
namespace {

namespace pb = google::protobuf;
using Kind = pb::FieldDescriptor::Type;

// Touches one message of each file, so that the linker keeps the descriptors.
const pb::DescriptorPool& contract() {
  v1::Account::descriptor();
  v1::Block::descriptor();
  v1::Event::descriptor();
  v1::Job::descriptor();
  v1::ClassPrices::descriptor();
  v1::Auction::descriptor();
  v1::Transaction::descriptor();
  return *pb::DescriptorPool::generated_pool();
}

const pb::Descriptor* message_of(std::string_view name) {
  return contract().FindMessageTypeByName("hanse.v1." + std::string(name));
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

// "lease_state" of LeaseState, as the values' prefix has it.
std::string snake(std::string_view camel) {
  std::string out;
  for (const char c : camel) {
    if (c >= 'A' && c <= 'Z' && !out.empty()) out.push_back('_');
    out.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return out;
}

template <class T>
void expect_same_enum(const pb::EnumDescriptor& listed) {
  using hanse::name_of;
  using model::name_of;
  ASSERT_EQ(static_cast<std::size_t>(listed.value_count()), count_of<T>()) << listed.full_name();
  for (std::size_t i = 0; i < count_of<T>(); ++i) {
    const auto* value = listed.FindValueByNumber(static_cast<int>(i));
    ASSERT_NE(value, nullptr) << listed.full_name() << " " << i;
    EXPECT_EQ(value->name(), upper(snake(listed.name())) + "_" + upper(name_of(static_cast<T>(i))));
  }
}

template <class T>
void expect_same_message(const pb::Descriptor* listed);
void expect_same_operation(const pb::Descriptor& listed);

template <class T>
void expect_same_type(const pb::FieldDescriptor& listed) {
  const auto expect = [&](Kind kind) { EXPECT_EQ(listed.type(), kind) << listed.full_name(); };
  if constexpr (OneOf<T>) {
    expect(Kind::TYPE_MESSAGE);
    expect_same_operation(*listed.message_type());
  } else if constexpr (model::Described<T>) {
    expect(Kind::TYPE_MESSAGE);
    ASSERT_NE(listed.message_type(), nullptr);
    EXPECT_EQ(listed.message_type()->name(), model::Describe<T>::name);
    expect_same_message<T>(listed.message_type());
  } else if constexpr (std::is_enum_v<T>) {
    expect(Kind::TYPE_ENUM);
    ASSERT_NE(listed.enum_type(), nullptr);
    expect_same_enum<T>(*listed.enum_type());
  } else if constexpr (std::same_as<T, bool>) {
    expect(Kind::TYPE_BOOL);
  } else if constexpr (std::same_as<T, std::uint32_t>) {
    expect(Kind::TYPE_UINT32);
  } else if constexpr (std::same_as<T, std::uint64_t> || IsId<T>::value) {
    expect(Kind::TYPE_UINT64);
  } else if constexpr (std::same_as<T, std::int64_t> || std::same_as<T, Money> || std::same_as<T, Time>) {
    expect(Kind::TYPE_INT64);
  } else if constexpr (std::same_as<T, std::string>) {
    expect(Kind::TYPE_STRING);
  } else {
    static_assert(Fixed<T> || std::same_as<T, Bytes>);
    expect(Kind::TYPE_BYTES);
  }
}

template <class T>
void expect_same_message(const pb::Descriptor* listed) {
  ASSERT_NE(listed, nullptr) << model::Describe<T>::name << " is not in the contract";
  int count = 0;
  model::for_each_field<T>([&]<class Member>(const model::Field<T, Member>& field) {
    ++count;
    const auto* found = listed->FindFieldByNumber(static_cast<int>(field.number));
    ASSERT_NE(found, nullptr) << listed->full_name() << "." << field.name;
    EXPECT_EQ(found->name(), field.name);
    EXPECT_EQ(found->is_repeated(), List<Member>) << found->full_name();
    EXPECT_EQ(found->has_presence(), Nested<Member> && !List<Member>) << found->full_name();
    if constexpr (List<Member>) {
      EXPECT_EQ(found->is_packed(), Scalar<typename Member::value_type>) << found->full_name();
      expect_same_type<typename Member::value_type>(*found);
    } else {
      expect_same_type<Member>(*found);
    }
  });
  EXPECT_EQ(listed->field_count(), count) << listed->full_name() << " has fields that the table lacks";
}

void expect_same_operation(const pb::Descriptor& listed) {
  ASSERT_EQ(listed.oneof_decl_count(), 1);
  ASSERT_EQ(static_cast<std::size_t>(listed.field_count()), std::variant_size_v<model::Operation>);
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    const auto check = [&]<std::size_t I>() {
      const auto* found = listed.FindFieldByNumber(I + 1);
      ASSERT_NE(found, nullptr);
      EXPECT_EQ(found->name(), model::name_of_operation(I));
      EXPECT_NE(found->containing_oneof(), nullptr);
      expect_same_type<std::variant_alternative_t<I, model::Operation>>(*found);
    };
    (check.template operator()<Index>(), ...);
  }(std::make_index_sequence<std::variant_size_v<model::Operation>>());
}

Bytes deterministic_bytes(const pb::Message& message) {
  std::string out;
  {
    pb::io::StringOutputStream stream(&out);
    pb::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return Bytes(out.begin(), out.end());
}

template <class T>
class Proto : public testing::Test {};
#define HANSE_LISTED(R) , model::R
template <class First, class... Rest>
using RestOf = testing::Types<Rest...>;
using Records = RestOf<void HANSE_WIRE_RECORDS(HANSE_LISTED)>;
TYPED_TEST_SUITE(Proto, Records);

TYPED_TEST(Proto, TheTableAndTheContractAgree) {
  expect_same_message<TypeParam>(message_of(model::Describe<TypeParam>::name));
}

TYPED_TEST(Proto, ProtobufReadsOurBytesAndWritesThemAgain) {
  const auto* listed = message_of(model::Describe<TypeParam>::name);
  ASSERT_NE(listed, nullptr);
  const auto* prototype = pb::MessageFactory::generated_factory()->GetPrototype(listed);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const auto bytes = encode(RandomRecord(seed).make<TypeParam>());
    const std::unique_ptr<pb::Message> message(prototype->New());
    ASSERT_TRUE(message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) << "seed " << seed;
    EXPECT_EQ(deterministic_bytes(*message), bytes) << "seed " << seed;
  }
}

}  // namespace
}  // namespace hanse::wire
