#include "wire/json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "model/text.hpp"
#include "wire/random_record.hpp"

namespace hanse::wire {
namespace {

using nlohmann::json;

template <model::Described T>
void expect_refused(const json& value, std::string_view field, std::string_view what) {
  const auto read = from_json<T>(value);
  ASSERT_FALSE(read) << value.dump();
  EXPECT_EQ(read.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(read.error().message.find(field), std::string::npos) << read.error().message;
  EXPECT_NE(read.error().message.find(what), std::string::npos) << read.error().message;
}

template <class T>
class Json : public testing::Test {};
#define HANSE_LISTED(R) , model::R
template <class First, class... Rest>
using RestOf = testing::Types<Rest...>;
using Records = RestOf<void HANSE_WIRE_RECORDS(HANSE_LISTED)>;
TYPED_TEST_SUITE(Json, Records);

TYPED_TEST(Json, RandomRecordsRoundTripThroughText) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto record = RandomRecord(seed).make<TypeParam>();
    const auto parsed = parse_json(to_json(record).dump());
    ASSERT_TRUE(parsed) << "seed " << seed << ": " << parsed.error().message;
    const auto again = from_json<TypeParam>(*parsed);
    ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().message;
    EXPECT_EQ(*again, record) << "seed " << seed;
  }
}

TYPED_TEST(Json, MissingKeysAreZeroAndZerosAreWritten) {
  const auto zero = from_json<TypeParam>(json::object());
  ASSERT_TRUE(zero);
  EXPECT_EQ(encode(*zero), Bytes{});
  model::for_each_field<TypeParam>(
      [&](const auto& field) { EXPECT_TRUE(to_json(*zero).contains(field.name)) << field.name; });
}

TEST(JsonForms, ReadAsPeopleWriteThem) {
  model::Lease lease;
  lease.id = {7};
  lease.provider.data.fill(1);
  lease.job_hash.data.fill(0xab);
  lease.state = model::LeaseState::running;
  lease.rate_per_hour = Money{1'200'000};
  lease.matched_at = Time{5};
  lease.devices = UINT64_MAX;
  const auto value = to_json(lease);
  EXPECT_EQ(value["id"], "lease-7");
  EXPECT_EQ(value["request"], "");
  EXPECT_EQ(value["provider"], model::format_address(lease.provider));
  EXPECT_EQ(value["consumer"], "");
  EXPECT_EQ(value["job_hash"], to_hex(lease.job_hash.view()));
  EXPECT_EQ(value["state"], "running");
  EXPECT_EQ(value["rate_micros_per_hour"], 1'200'000);
  EXPECT_EQ(value["matched_at_ms"], 5);
  EXPECT_EQ(value["devices"], UINT64_MAX);

  model::Receipt receipt;
  receipt.code = ErrorCode::insufficient_funds;
  EXPECT_EQ(to_json(receipt)["code"], "insufficient_funds");
}

TEST(JsonForms, OperationsAreKeyedByTheirName) {
  model::Transaction tx;
  tx.operations = {model::Transfer{{}, Money{5}, "tip"}, model::Heartbeat{}};
  const auto value = to_json(tx);
  EXPECT_EQ(value["operations"][0]["transfer"]["amount_micros"], 5);
  EXPECT_EQ(value["operations"][1], (json{{"heartbeat", json::object()}}));
  EXPECT_EQ(from_json<model::Transaction>(value).value(), tx);

  expect_refused<model::Transaction>({{"operations", {{{"transfr", json::object()}}}}}, "Transaction.operations",
                                     "did you mean \"transfer\"?");
  expect_refused<model::Transaction>({{"operations", {json::object()}}}, "Transaction.operations", "one key");
  expect_refused<model::Transaction>({{"operations", {{{"heartbeat", json::object()}, {"settle", json::object()}}}}},
                                     "Transaction.operations", "one key");
}

TEST(JsonRules, UnknownKeysNameTheNearest) {
  expect_refused<model::Demand>({{"gpu_cuont_", 1}}, "Demand", "has no \"gpu_cuont_\"");
  expect_refused<model::Demand>({{"gpu_counts", 1}}, "Demand", "did you mean \"gpu_count\"?");
}

TEST(JsonRules, WrongTypesAndRangesAreRefusedByField) {
  expect_refused<model::Demand>(5, "Demand", "object");
  expect_refused<model::Demand>({{"gpu_count", -1}}, "Demand.gpu_count", "from 0 to 4294967295");
  expect_refused<model::Demand>({{"gpu_count", 4294967296}}, "Demand.gpu_count", "whole number");
  expect_refused<model::Demand>({{"gpu_count", 1.5}}, "Demand.gpu_count", "whole number");
  expect_refused<model::Demand>({{"gpu_count", "1"}}, "Demand.gpu_count", "whole number");
  expect_refused<model::Demand>({{"max_cost_micros", UINT64_MAX}}, "Demand.max_cost_micros", "whole number");
  expect_refused<model::Demand>({{"mode", "spotty"}}, "Demand.mode", "on_demand, spot, reserved");
  expect_refused<model::Demand>({{"offer", "lease-1"}}, "Demand.offer", "offer-7");
  expect_refused<model::Demand>({{"where", 1}}, "Demand.where", "string");
  expect_refused<model::Demand>({{"where", std::string(4097, ' ')}}, "Demand.where", "longer than 4096");
  expect_refused<model::Demand>({{"where", "\xff"}}, "Demand.where", "UTF-8");
  expect_refused<model::Job>({{"wait_for_workdir", 1}}, "Job.wait_for_workdir", "true or false");
  expect_refused<model::Job>({{"env", "A=1"}}, "Job.env", "list");
  expect_refused<model::Job>({{"env", std::vector<std::string>(257, "A=1")}}, "Job.env", "more than 256");
  expect_refused<model::Job>({{"salt", "abc"}}, "Job.salt", "odd");
  expect_refused<model::Account>({{"id", "hanse1qqqq"}}, "Account.id", "address");
  expect_refused<model::Offer>({{"machine", {{"name", nullptr}}}}, "Machine.name", "string");
  expect_refused<model::Receipt>({{"code", "no_such_code"}}, "Receipt.code", "insufficient_funds");
}

TEST(JsonRules, AWholeNumberMayBeWrittenAsOneWithAFraction) {
  const auto gpus_of = [](const char* text) {
    const auto demand = from_json<model::Demand>({{"gpu_count", *parse_json(text)}});
    return demand ? std::optional(demand->gpu_count) : std::nullopt;
  };
  EXPECT_EQ(gpus_of("7.0"), 7U);
  EXPECT_EQ(gpus_of("7e2"), 700U);
  EXPECT_EQ(gpus_of("-0.0"), 0U);
  for (const auto* text : {"7.5", "-7.0", "4294967296.0", "1e300", "-1e300"}) EXPECT_EQ(gpus_of(text), std::nullopt);
  const auto cost_of = [](const char* text) {
    const auto demand = from_json<model::Demand>({{"max_cost_micros", *parse_json(text)}});
    return demand ? std::optional(demand->max_cost.micros) : std::nullopt;
  };
  EXPECT_EQ(cost_of("9007199254740991.0"), 9'007'199'254'740'991);
  EXPECT_EQ(cost_of("9007199254740992.0"), std::nullopt) << "it may have been one more";
  EXPECT_EQ(cost_of("-12.0"), -12);
}

TEST(JsonText, IsBoundedAndNeverThrows) {
  EXPECT_EQ(parse_json("{\"a\": [1, 2]}").value()["a"][1], 2);
  EXPECT_EQ(parse_json(std::string(32, '[') + std::string(32, ']')).has_value(), true);
  EXPECT_EQ(parse_json(std::string(33, '[') + std::string(33, ']')).error().code, ErrorCode::too_large);
  EXPECT_TRUE(parse_json("\"" + std::string(100, '[') + "\\\"[[\""));
  EXPECT_EQ(parse_json(std::string((1U << 20) + 1, ' ')).error().code, ErrorCode::too_large);
  for (const std::string_view bad : {"", "{", "[1,]", "{\"a\":1,\"a\":2}", "nan", "\"\xff\"", "1e999", "{} {}",
                                     "{\"b\":{\"a\":1,\"a\":2}}", "// x\n1"}) {
    EXPECT_EQ(parse_json(bad).error().code, ErrorCode::malformed) << bad;
  }
  EXPECT_TRUE(parse_json("[{\"a\":1},{\"a\":2},{\"b\":{\"a\":1},\"a\":2}]"));
}

}  // namespace
}  // namespace hanse::wire
