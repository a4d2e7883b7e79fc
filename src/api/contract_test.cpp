// The contract's bounds are the server's: it refuses what they rule out, and takes what they allow.

#include <gmock/gmock.h>

#include "api/route.hpp"
#include "api/schema.hpp"
#include "api/testing/running_server.hpp"
#include "api/testing/schema_checker.hpp"

namespace hanse::api::testing {
namespace {

class ContractTest : public ::testing::Test {
 protected:
  ContractTest() : document(ask(server.port(), "GET", "/v1/openapi.json").body_json()), checker(document) {
    register_provider(server, 1);
    server.apply(1, offer_of("box", 4, 400'000));
  }

  [[nodiscard]] const json& schema(std::string_view name) const {
    return document["components"]["schemas"][std::string(name)];
  }

  /// A parameter's text as the JSON that its schema is of.
  [[nodiscard]] static json read(const std::string& text, const json& schema) {
    const bool is_number = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
    if (schema["type"] != "integer" || !is_number) return text;
    return json::parse(text.substr(std::min(text.find_first_not_of('0'), text.size() - 1)));
  }

  RunningServer server;
  json document;
  SchemaChecker checker;
};

std::vector<std::string> tricky_texts() {
  std::string upper = address(2), mixed = address(2), mistyped = address(2);
  for (auto& c : upper) c = static_cast<char>(std::toupper(c));
  mixed[9] = static_cast<char>(std::toupper(mixed[9]));
  mistyped[20] = mistyped[20] == 'q' ? 'p' : 'q';
  // clang-format off
  return {"", " ", "0", "1", "-1", "01", "+1", "1.0", "1e3", "0x1", "64", "65", "720", "721", "1000", "1001", "\n",
          "%", "9223372036854775807", "9223372036854775808", "18446744073709551616", "offer-7", "OFFER-7", "offer-0",
          "offer-07", "request-7", "lease-7", "lease-", "lease-9999999999999999999", "lease-99999999999999999999",
          address(2), upper, mixed, mistyped, "hanse1", std::string(64, 'a'), std::string(64, 'A'),
          std::string(63, 'a'), std::string(64, 'g'), std::string(32, '0'), std::string(32, 'F'), "1h", "1h30m",
          "30m1h", "90d", "91d", "0s", "1w", "s", "1.5h", std::string(38, '0') + "1h", std::string(39, '0') + "1h",
          "80GB", "80gib", "1.5TB", "0.5B", "1.2345678GB", "9EB", "GB", "value", "-value", "value-", "-value-",
          "beauty", "on_demand", "spot", "reserved", "Reserved", "live", "Live", "h100/europe", "H100/europe",
          "h100 sxm/europe", "h100-/europe", "h100/mars", "/europe", "é/europe", std::string(90, 'h') + "/europe",
          std::string(64, 'h'), std::string(65, 'h'), "gpu=H100", "gpu in [H100", "vram>=80XB", "true", "null", "[]",
          "\"1\"", std::string("a\0b", 3)};
  // clang-format on
}

TEST_F(ContractTest, EveryParameterTakesWhatItsSchemaAllowsAndNothingElse) {
  std::size_t taken = 0, refused = 0;
  const auto expect = [&](const std::string& target, const Parameter& parameter, const std::string& text) {
    const auto& its = schema(parameter.schema);
    const auto reason = checker.check(read(text, its), its);
    const auto answer = ask(server.port(), "GET", target);
    const bool is_refused = answer.status == 400;
    ++(is_refused ? refused : taken);
    // What a format of ours tells beyond the pattern, the checker does not know.
    const bool may_be = is_refused && its.value("format", "").starts_with("hanse-");
    EXPECT_TRUE(is_refused == !reason.empty() || may_be) << target << ": " << answer.status << "; " << reason;
  };
  for (const auto& route : routes()) {
    if (route.method != "GET") continue;
    const std::string path(route.path);
    for (const auto& text : tricky_texts()) {
      const auto escaped = client::percent_encode(text);
      for (const auto& parameter : route.path_parameters) {
        if (text.empty() || text.find('/') != text.npos) continue;  // that is another path
        auto target = path;
        expect(target.replace(path.find('{'), path.find('}') - path.find('{') + 1, escaped), parameter, text);
      }
      for (const auto& parameter : route.query) {
        if (path.find('{') != path.npos) continue;
        const bool needs_class = path == "/v1/prices/history" && parameter.name != "class";
        expect(path + "?" + std::string(parameter.name) + "=" + escaped + (needs_class ? "&class=h100/europe" : ""),
               parameter, text);
      }
    }
  }
  EXPECT_GT(taken, 200U);
  EXPECT_GT(refused, 300U);
}

TEST_F(ContractTest, WhatIsRequiredIsAskedFor) {
  for (const auto& route : routes()) {
    for (const auto& parameter : route.query) {
      if (!parameter.required) continue;
      EXPECT_EQ(ask(server.port(), "GET", std::string(route.path)).status, 400U) << route.path;
    }
  }
}

// clang-format off
constexpr const char* kBodies[] = {
    "{}", "[]", "null", "7", R"({"gpus":1})", R"({"gpu_count":0})", R"({"gpu_count":1})", R"({"gpu_count":64})",
    R"({"gpu_count":65})", R"({"gpu_count":4.0})", R"({"gpu_count":4.5})", R"({"gpu_count":1e1})",
    R"({"gpu_count":"1"})", R"({"gpu_count":-1})", R"({"gpu_count":null})", R"({"machines":0})",
    R"({"machines":64})", R"({"machines":65})", R"({"duration_s":0})", R"({"duration_s":1})",
    R"({"duration_s":7776000})", R"({"duration_s":7776001})", R"({"offer":""})", R"({"offer":"offer-1"})",
    R"({"offer":"1"})", R"({"offer":"lease-1"})", R"({"offer":"offer-0"})", R"({"mode":"spot"})",
    R"({"mode":"Spot"})", R"({"mode":""})", R"({"mode":"spot","machines":1})", R"({"mode":"spot","machines":2})",
    R"({"machines":2,"placement":"same_country"})", R"({"machines":1,"placement":"same_country"})",
    R"({"placement":"same_provider"})", R"({"placement":"anywhere"})", R"({"machines":2,"offer":"offer-1"})",
    R"({"machines":2,"offer":""})", R"({"max_cost_micros":-1})", R"({"max_cost_micros":9000000000000000})",
    R"({"max_cost_micros":9000000000000001})", R"({"max_price_micros_per_gpu_hour":0})",
    R"({"max_price_micros_per_gpu_hour":9000000000000001})", R"({"where":7})", R"({"keep_s":0})",
    R"({"keep_s":1})", R"({"keep_s":1,"disk_bytes":1})"};
// clang-format on

TEST_F(ContractTest, AQuoteTakesWhatItsSchemaAllowsAndNothingElse) {
  for (const std::string body : kBodies) {
    const auto reason = checker.check(json::parse(body), schema("QuoteDemand"));
    const auto answer = ask(server.port(), "POST", "/v1/quotes", "application/json", body);
    EXPECT_EQ(answer.status == 200, reason.empty()) << body << ": " << answer.body << "; " << reason;
  }
}

TEST_F(ContractTest, AQuoteTakesEveryNumberUpToItsBoundAndNoneBeyond) {
  for (const auto& item : schema("QuoteDemand")["properties"].items()) {
    const auto& its = item.value();
    if (its.value("type", "") != "integer") continue;
    json demand{{item.key(), its["maximum"]}};
    if (item.key() == "keep_s") demand["disk_bytes"] = 1;
    const auto status = [&] {
      return ask(server.port(), "POST", "/v1/quotes", "application/json", demand.dump()).status;
    };
    EXPECT_EQ(status(), 200U) << demand;
    demand[item.key()] = its["maximum"].get<std::uint64_t>() + 1;
    EXPECT_EQ(status(), 400U) << demand;
    demand[item.key()] = its["minimum"].get<std::int64_t>() - 1;
    EXPECT_EQ(status(), 400U) << demand;
  }
}

TEST_F(ContractTest, ExamplesFitTheirSchemas) {
  std::size_t seen = 0;
  const std::function<void(const json&)> walk = [&](const json& node) {
    if (node.is_object() && node.contains("examples")) {
      for (const auto& example : node["examples"]) {
        EXPECT_EQ(checker.check(example, node), "") << example;
        ++seen;
      }
    }
    if (node.is_object() && node.contains("default")) {
      EXPECT_EQ(checker.check(node["default"], node), "") << node;
    }
    if (node.is_structured()) std::for_each(node.begin(), node.end(), walk);
  };
  walk(document["components"]["schemas"]);
  EXPECT_GT(seen, 15U);
  for (const auto& parameter : {std::pair{"where", "Where"}, {"duration", "Duration"}, {"disk", "Size"}}) {
    for (const auto& example : schema(parameter.second)["examples"]) {
      const auto target =
          "/v1/offers?" + std::string(parameter.first) + "=" + client::percent_encode(example.get<std::string>());
      EXPECT_EQ(ask(server.port(), "GET", target).status, 200U) << target;
    }
  }
  for (const auto& example : schema("QuoteDemand")["examples"]) {
    EXPECT_EQ(ask(server.port(), "POST", "/v1/quotes", "application/json", example.dump()).status, 200U) << example;
  }
  EXPECT_EQ(ask(server.port(), "GET", "/v1/accounts/" + schema("Address")["examples"][0].get<std::string>()).status,
            200U);
}

TEST_F(ContractTest, ANetworksOwnBoundsAreInIt) {
  EXPECT_EQ(schema("QuoteDemand")["properties"]["duration_s"]["maximum"], model::Params{}.max_duration_s);
  model::Params params;
  params.max_duration_s = 7200;
  params.max_keep_s = 60;
  const auto other = json::parse(openapi_document(params))["components"]["schemas"];
  EXPECT_EQ(other["QuoteDemand"]["properties"]["duration_s"]["maximum"], 7200);
  EXPECT_EQ(other["QuoteDemand"]["properties"]["keep_s"]["maximum"], 60);
  EXPECT_THAT(other["Duration"]["description"].get<std::string>(), ::testing::HasSubstr("to 2h."));
}

}  // namespace
}  // namespace hanse::api::testing
