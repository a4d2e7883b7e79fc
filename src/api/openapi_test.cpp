// The contract that is served and the server that serves it say the same.

#include <gmock/gmock.h>

#include "api/route.hpp"
#include "api/testing/running_server.hpp"
#include "api/testing/schema_checker.hpp"

namespace hanse::api::testing {
namespace {

/// A network where something of every kind is there to be asked for.
class OpenApiTest : public ::testing::Test {
 protected:
  OpenApiTest() : document(ask(server.port(), "GET", "/v1/openapi.json").body_json()), checker(document) {
    register_provider(server, 1);
    server.apply(1, offer_of("box", 4, 400'000));
    server.apply(1, offer_of("dear box", 8, 900'000));
    server.apply(2, model::AuthorizeKey{key(7).public_key(), {"end_lease"}, credits(1), after_s(kStart, 86400)});
    const auto outcome = server.apply(2, request_of());
    lease = model::format_id(outcome.lease);
    request = model::format_id(outcome.request);
    server.apply(1, model::ConfirmLease{outcome.lease, "127.0.0.1:2222", key(1).public_key()});
    server.clock.advance_ms(20'000);
    const auto bytes = server.sign(3, {transfer(4, 5)});
    const auto receipt = consensus::testing::send(server.node(), bytes);
    transaction = to_hex(receipt->tx_hash.view());
    height = std::to_string(receipt->height);
  }

  /// A path of the route that has an answer.
  [[nodiscard]] std::string path_of(const Route& route) const {
    std::string path(route.path);
    const auto open = path.find('{');
    if (open == std::string::npos) return path;
    const bool is_provider = path.find("providers") != std::string::npos;
    const std::string value = path.find("accounts") != std::string::npos   ? address(2)
                              : is_provider                                ? address(1)
                              : path.find("offers") != std::string::npos   ? "offer-1"
                              : path.find("requests") != std::string::npos ? request
                              : path.find("leases") != std::string::npos   ? lease
                              : path.find("blocks") != std::string::npos   ? height
                                                                           : transaction;
    return path.replace(open, path.find('}') - open + 1, value);
  }

  /// Asks the server and holds the answer to what the document says of this path, method and status.
  RawAnswer check(const std::string& route, const std::string& method, const std::string& target,
                  const std::string& type = "", const std::string& body = "") {
    auto answer = ask(server.port(), method, target, type, body);
    const std::string lower = method == "GET" ? "get" : "post";
    const auto& responses = document["paths"][route][lower]["responses"];
    const auto status = std::to_string(answer.status);
    EXPECT_TRUE(responses.contains(status)) << method << " " << target << " answered " << status << answer.body;
    if (!responses.contains(status)) return answer;
    check_head(answer, responses[status]["headers"], method + " " + target);
    const auto& content = responses[status]["content"];
    const auto media = answer.field("Content-Type");
    EXPECT_TRUE(content.contains(media.substr(0, media.find(';')))) << target << " came as " << media;
    if (media.starts_with("application/")) {
      const auto& schema = content[media]["schema"];
      EXPECT_EQ(checker.check(answer.body_json(), schema), "") << method << " " << target << "\n" << answer.body;
    }
    return answer;
  }

  /// What the document says must stand in the head stands there, and is as it says.
  void check_head(const RawAnswer& answer, const json& headers, const std::string& asked) const {
    for (const auto& item : headers.items()) {
      const auto& header = document.at(json::json_pointer(item.value()["$ref"].get<std::string>().substr(1)));
      const auto field = answer.field(item.key());
      EXPECT_FALSE(field.empty() && header.value("required", false)) << asked << " came without " << item.key();
      if (field.empty()) continue;
      const json value = header["schema"]["type"] == "integer" ? json(std::stoi(field)) : json(field);
      EXPECT_EQ(checker.check(value, header["schema"]), "") << asked << ": " << item.key();
    }
  }

  RunningServer server;
  json document;
  SchemaChecker checker;
  std::string lease, request, transaction, height;
};

TEST_F(OpenApiTest, EveryRouteAnswersAsItsSchemaSays) {
  for (const auto& route : routes()) {
    if (route.method != "GET" || route.path == "/v1/prices/history") continue;
    EXPECT_EQ(check(std::string(route.path), "GET", path_of(route)).status, 200U) << route.path;
  }
  const auto prices = check("/v1/prices", "GET", "/v1/prices?limit=5").body_json();
  ASSERT_FALSE(prices["items"].empty());
  const std::string name = prices["items"][0]["price_class"];
  EXPECT_EQ(check("/v1/prices/history", "GET", "/v1/prices/history?hours=2&class=" + name).status, 200U);
  EXPECT_EQ(check("/v1/prices", "GET", "/v1/prices?gpu=nothing-of-that-name").body_json()["items"].size(), 0U);
  EXPECT_EQ(check("/v1/quotes", "POST", "/v1/quotes", "application/json", R"({"duration_s":3600})").status, 200U);
  const auto none =
      check("/v1/quotes", "POST", "/v1/quotes", "application/json", R"({"duration_s":3600,"where":"vram>=80GB"})");
  EXPECT_TRUE(none.body_json()["match"].is_null());
  EXPECT_THAT(none.body_json()["explanation"]["text"], ::testing::Not(""));
  EXPECT_EQ(none.body_json()["explanation"]["fitting"], 0);
  for (const std::string wrong : {"0", "1152921504606846976", "18446744073709551615"}) {
    const auto refused = check("/v1/quotes", "POST", "/v1/quotes", "application/json",
                               R"({"offer":"offer-1","duration_s":)" + wrong + "}");
    EXPECT_EQ(refused.status, 400U) << wrong;
    EXPECT_THAT(refused.body_json()["detail"].get<std::string>(), ::testing::HasSubstr("duration"));
  }
  const auto asked = check("/v1/quotes", "POST", "/v1/quotes?explain=1", "application/json", R"({"duration_s":3600})");
  EXPECT_TRUE(asked.body_json()["fits"]);
  EXPECT_EQ(asked.body_json()["explanation"]["fitting"], asked.body_json()["explanation"]["offers"]) << asked.body;
  const auto gang =
      check("/v1/quotes", "POST", "/v1/quotes", "application/json", R"({"duration_s":3600,"machines":64})");
  EXPECT_THAT(gang.body_json()["explanation"]["text"], ::testing::HasSubstr("64 machines are wanted"));
  const auto term =
      check("/v1/quotes", "POST", "/v1/quotes", "application/json", R"({"duration_s":3600,"mode":"reserved"})");
  EXPECT_EQ(term.body_json()["members"].size(), 1U) << term.body;
  const auto spot =
      check("/v1/quotes", "POST", "/v1/quotes", "application/json", R"({"duration_s":3600,"mode":"spot"})");
  EXPECT_FALSE(spot.body_json()["fits"]) << spot.body;  // nothing is for rent on spot
  EXPECT_THAT(spot.body_json()["explanation"]["text"],
              ::testing::StartsWith("no machine is for rent on spot now"));
  const std::string type = "application/x-protobuf";
  const auto good = server.sign(3, {transfer(4, 5)});
  EXPECT_EQ(check("/v1/transactions", "POST", "/v1/transactions", type, std::string(as_text(good))).status, 200U);
}

TEST_F(OpenApiTest, EveryDocumentedPathIsServedAndEveryServedPathIsDocumented) {
  std::size_t operations = 0;
  for (const auto& path : document["paths"].items()) operations += path.value().size();
  EXPECT_EQ(operations, routes().size());
  for (const auto& route : routes()) {
    const auto& operation = document["paths"][std::string(route.path)][route.method == "GET" ? "get" : "post"];
    EXPECT_EQ(operation["operationId"], std::string(route.operation));
    EXPECT_NE(ask(server.port(), std::string(route.method), path_of(route)).status, 404U) << route.path;
  }
}

TEST_F(OpenApiTest, EveryReferenceInTheDocumentLeadsSomewhere) {
  const std::function<void(const json&)> walk = [&](const json& node) {
    if (node.is_object() && node.contains("$ref")) {
      EXPECT_TRUE(document.contains(json::json_pointer(node["$ref"].get<std::string>().substr(1)))) << node;
    }
    if (node.is_structured()) std::for_each(node.begin(), node.end(), walk);
  };
  walk(document);
}

TEST_F(OpenApiTest, ErrorsAreProblemsThatTheDocumentKnows) {
  const auto expect = [&](const std::string& route, const std::string& target, unsigned status, const char* code) {
    const auto answer = check(route, "GET", target);
    EXPECT_EQ(answer.status, status) << target;
    const auto problem = answer.body_json();
    EXPECT_EQ(problem["code"], code) << target;
    EXPECT_EQ(problem["type"], std::string("urn:hanse:error:") + code);
    EXPECT_THAT(problem["detail"].get<std::string>(), ::testing::SizeIs(::testing::Gt(10U)));
  };
  const std::string nobody = model::format_address(key(99).public_key());
  expect("/v1/accounts/{address}", "/v1/accounts/hanse1nobody", 400, "invalid_argument");
  expect("/v1/providers/{address}", "/v1/providers/" + nobody, 404, "not_found");
  expect("/v1/offers/{id}", "/v1/offers/offer-77", 404, "not_found");
  expect("/v1/offers/{id}", "/v1/offers/first", 400, "invalid_argument");
  expect("/v1/offers", "/v1/offers?where=vramm%3E%3D80GB", 400, "invalid_argument");
  expect("/v1/offers", "/v1/offers?sort=beauty", 400, "invalid_argument");
  expect("/v1/offers", "/v1/offers?limit=1001", 400, "invalid_argument");
  expect("/v1/prices/history", "/v1/prices/history?class=none", 400, "invalid_argument");
  expect("/v1/prices/history", "/v1/prices/history?class=h999/europe", 404, "not_found");
  expect("/v1/prices/history", "/v1/prices/history?class=h999/europe&hours=0", 400, "invalid_argument");
  expect("/v1/offers", "/v1/offers?limit=0", 400, "invalid_argument");
  expect("/v1/offers", "/v1/offers?sort=price&after=x", 400, "invalid_argument");
  expect("/v1/offers", "/v1/offers?duration=long", 400, "invalid_argument");
  expect("/v1/offers", "/v1/offers?wher=x", 400, "invalid_argument");
  expect("/v1/offers", "/v1/offers?where=%zz", 400, "malformed");
  expect("/v1/offers", "/v1/offers?gpus=1&gpus=2", 400, "malformed");
  expect("/v1/offers", "/v1/offers?duration=91d", 400, "invalid_argument");
  expect("/v1/requests/{id}", "/v1/requests/request-77", 404, "not_found");
  expect("/v1/leases/{id}", "/v1/leases/lease-77", 404, "not_found");
  expect("/v1/leases/{id}/invoice", "/v1/leases/lease-77/invoice", 404, "not_found");
  expect("/v1/leases", "/v1/leases?state=ended", 400, "invalid_argument");
  expect("/v1/leases", "/v1/leases?state=asleep", 400, "invalid_argument");
  expect("/v1/transactions/{hash}", "/v1/transactions/" + std::string(64, '0'), 404, "not_found");
  expect("/v1/transactions/{hash}", "/v1/transactions/12", 400, "invalid_argument");
  expect("/v1/blocks/{height}", "/v1/blocks/0", 400, "invalid_argument");
  expect("/v1/blocks/{height}", "/v1/blocks/99999999", 404, "not_found");
  expect("/v1/blocks/{height}", "/v1/blocks/-1", 400, "invalid_argument");
  expect("/v1/events", "/v1/events?after=-1", 400, "invalid_argument");
  expect("/v1/events", "/v1/events?after=", 400, "invalid_argument");
  expect("/v1/events", "/v1/events?account=" + model::format_address({}), 400, "invalid_argument");
}

TEST_F(OpenApiTest, RefusedTransactionsAreProblemsWithTheirReceipt) {
  const std::string type = "application/x-protobuf";
  const auto submit = [&](const Bytes& bytes) {
    return check("/v1/transactions", "POST", "/v1/transactions", type, std::string(as_text(bytes)));
  };
  const auto poor = submit(server.sign(3, {transfer(4, credits(2'000'000).micros)}));
  EXPECT_EQ(poor.status, 422U);
  EXPECT_EQ(poor.body_json()["code"], "insufficient_funds");
  EXPECT_EQ(poor.body_json()["receipt"]["code"], "insufficient_funds");
  EXPECT_EQ(submit({1, 2, 3}).status, 400U);
  EXPECT_EQ(submit({}).status, 400U);
  auto forged = server.sign(3, {transfer(4, 5)});
  forged.back() ^= 1;
  EXPECT_EQ(submit(forged).body_json()["code"], "bad_signature");
  auto other = consensus::testing::transaction(key(3), after_s(server.clock.now(), 60), *std::make_unique<Rng>(1),
                                               {transfer(4, 5)});
  other.network = "elsewhere";
  EXPECT_EQ(submit(consensus::testing::sign(other, key(3))).body_json()["code"], "wrong_network");
  EXPECT_EQ(check("/v1/transactions", "POST", "/v1/transactions", "text/plain", "x").status, 415U);
  EXPECT_EQ(check("/v1/quotes", "POST", "/v1/quotes", "application/json", "{").status, 400U);
  EXPECT_EQ(check("/v1/quotes", "POST", "/v1/quotes", "application/json", R"({"gpus":1})").status, 400U);
}

}  // namespace
}  // namespace hanse::api::testing
