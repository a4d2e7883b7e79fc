// What browsers are told: whose pages may read which answers, and what may be asked for.

#include <gmock/gmock.h>

#include "api/origins.hpp"
#include "api/testing/running_server.hpp"

namespace hanse::api::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kAllowed = "Access-Control-Allow-Origin";
const std::string kApp = "https://app.example.org";
const std::string kOther = "https://other.example.org";

std::string from(const std::string& origin) {
  return "Origin: " + origin + "\r\n";
}
std::string preflight(const std::string& origin, const std::string& method) {
  return from(origin) + "Access-Control-Request-Method: " + method +
         "\r\nAccess-Control-Request-Headers: content-type\r\n";
}
ServerOptions naming(std::vector<std::string> origins) {
  ServerOptions out;
  out.cors_origins = std::move(origins);
  return out;
}

TEST(OriginsTest, AreReadAsBrowsersWriteThem) {
  const std::vector<std::pair<std::string, std::string>> good{
      {"https://app.example.org", "https://app.example.org"},
      {"HTTPS://App.Example.org", "https://app.example.org"},
      {"https://app.example.org:443", "https://app.example.org"},
      {"http://app.example.org:443", "http://app.example.org:443"},
      {"http://localhost:80", "http://localhost"},
      {"http://localhost:5173", "http://localhost:5173"},
      {"http://[::1]:5173", "http://[::1]:5173"},
      {"http://[2001:DB8::7]", "http://[2001:db8::7]"},
      {"moz-extension://0a1b-2c", "moz-extension://0a1b-2c"}};
  for (const auto& [text, sent] : good) {
    const auto origins = Origins::parse({text});
    ASSERT_TRUE(origins) << text << ": " << origins.error().message;
    EXPECT_EQ(origins->grant(false, sent).allow, sent) << text;
    EXPECT_EQ(origins->grant(false, kOther).allow, "") << text;
  }
  for (const std::string text :
       {"", "null", "app.example.org", "https://", "https://app.example.org/", "https://app.example.org/path",
        "https://*.example.org", "https://a b", "https://a:", "https://a:0", "https://a:070", "https://a:65536",
        "https://a:x", "https://a:1:2", "https://user@a", "https://[::1", "https://[]", "https://ä.example", "**"}) {
    const auto origins = Origins::parse({kApp, text});
    ASSERT_FALSE(origins) << text;
    EXPECT_EQ(origins.error().code, ErrorCode::invalid_argument) << text;
    EXPECT_THAT(origins.error().message, HasSubstr(model::quoted(text)));
  }
  EXPECT_EQ(Origins::parse(std::vector(kMaxOrigins + 1, kApp)).error().code, ErrorCode::too_large);
}

TEST(CorsTest, AnyPageMayReadWhatIsEveryonesAndNothingElse) {
  const RunningServer server;
  for (const std::string method : {"GET", "HEAD"}) {
    for (const std::string target : {"/v1/status", "/v1/offers", "/v1/offers/offer-9", "/v1/offers?limit=0", "/healthz",
                                     "/v1/openapi.json", "/nowhere", "/v1/offers?where=%zz"}) {
      for (const std::string& fields : {std::string(), from(kOther)}) {
        const auto answer = ask(server.port(), method, target, "", "", fields);
        EXPECT_EQ(answer.field(kAllowed), "*") << method << " " << target;
        EXPECT_EQ(answer.field("Access-Control-Expose-Headers"), "Allow, Retry-After");
        EXPECT_EQ(answer.field("Vary"), "") << target;
      }
    }
    EXPECT_EQ(ask(server.port(), method, "/metrics", "", "", from(kOther)).field(kAllowed), "");
  }
  for (const std::string target : {"/v1/quotes", "/v1/transactions"}) {
    const auto answer = ask(server.port(), "POST", target, "text/plain", "x", from(kOther));
    EXPECT_EQ(answer.status, 415U);
    EXPECT_THAT(answer.head, Not(HasSubstr("Access-Control")));
    EXPECT_EQ(answer.field("Vary"), "") << "no origin is named, so none makes a difference";
  }
  EXPECT_THAT(ask(server.port(), "DELETE", "/v1/offers", "", "", from(kOther)).head, Not(HasSubstr("Access-Control")));
}

TEST(CorsTest, ANamedOriginMayDoTheRestAndCachesAreToldThatItDepends) {
  RunningServer server(naming({kApp, "http://localhost:5173"}));
  const auto post = [&](const std::string& fields) {
    return ask(server.port(), "POST", "/v1/quotes", "application/json", "{}", fields);
  };
  EXPECT_EQ(post(from(kApp)).status, 200U);
  EXPECT_EQ(post(from(kApp)).field(kAllowed), kApp);
  EXPECT_EQ(post(from("http://localhost:5173")).field(kAllowed), "http://localhost:5173");
  for (const auto& fields : {from(kOther), from("null"), from(kApp + ".evil.example"), from(""), std::string()}) {
    EXPECT_EQ(post(fields).status, 200U) << "who is no browser is served all the same";
    EXPECT_EQ(post(fields).field(kAllowed), "") << fields;
  }
  for (const auto& fields : {from(kApp), from(kOther), std::string()}) {
    EXPECT_EQ(post(fields).field("Vary"), "Origin") << fields;
    EXPECT_EQ(ask(server.port(), "GET", "/metrics", "", "", fields).field("Vary"), "Origin");
  }
  EXPECT_EQ(ask(server.port(), "GET", "/metrics", "", "", from(kApp)).field(kAllowed), kApp);
  const auto read = ask(server.port(), "GET", "/v1/status", "", "", from(kApp));
  EXPECT_EQ(read.field(kAllowed), "*");
  EXPECT_EQ(read.field("Vary"), "") << "one answer for all may be kept for all";
  EXPECT_THAT(post(from(kApp)).head, Not(HasSubstr("Allow-Credentials")));
}

TEST(CorsTest, AnyOriginMayBeNamedOnPurpose) {
  const RunningServer server(naming({"*"}));
  const auto answer = ask(server.port(), "POST", "/v1/quotes", "application/json", "{}", from(kOther));
  EXPECT_EQ(answer.field(kAllowed), "*");
  EXPECT_EQ(answer.field("Vary"), "");
  const auto asked = ask(server.port(), "OPTIONS", "/v1/transactions", "", "", preflight(kOther, "POST"));
  EXPECT_EQ(asked.field(kAllowed), "*");
}

TEST(CorsTest, APreflightIsToldOfTheRequestThatItAsksFor) {
  const RunningServer server(naming({kApp}));
  const auto ask_for = [&](const std::string& target, const std::string& origin, const std::string& method) {
    auto answer = ask(server.port(), "OPTIONS", target, "", "", preflight(origin, method));
    EXPECT_EQ(answer.status, 204U) << target;
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(answer.field("Content-Length"), "");
    EXPECT_EQ(answer.field("Content-Type"), "");
    EXPECT_EQ(answer.field("Vary"), "Origin, Access-Control-Request-Method");
    return answer;
  };
  const auto good = ask_for("/v1/transactions", kApp, "POST");
  EXPECT_EQ(good.field(kAllowed), kApp);
  EXPECT_EQ(good.field("Access-Control-Allow-Methods"), "POST, OPTIONS");
  EXPECT_EQ(good.field("Access-Control-Allow-Headers"), "Content-Type");
  EXPECT_EQ(good.field("Access-Control-Max-Age"), "7200");
  EXPECT_EQ(ask_for("/v1/offers/offer-1?x=y", kOther, "GET").field(kAllowed), "*");
  EXPECT_EQ(ask_for("/v1/offers", kOther, "HEAD").field("Access-Control-Allow-Methods"), "GET, HEAD, OPTIONS");
  for (const auto& refused : {ask_for("/v1/transactions", kOther, "POST"), ask_for("/metrics", kOther, "GET"),
                              ask_for("/v1/transactions", kApp, "DELETE"), ask_for("/v1/offers", kApp, "POST")}) {
    EXPECT_THAT(refused.head, Not(HasSubstr("Access-Control-A")));
    EXPECT_NE(refused.field("Allow"), "");
  }
}

TEST(CorsTest, OptionsTellWhatAPathTakes) {
  const RunningServer server;
  const auto options = [&](const std::string& target) { return ask(server.port(), "OPTIONS", target); };
  EXPECT_EQ(options("/v1/offers").status, 204U);
  EXPECT_EQ(options("/v1/offers").field("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(options("/v1/offers/offer-7?a=b").field("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(options("/v1/transactions").field("Allow"), "POST, OPTIONS");
  EXPECT_EQ(options("*").status, 204U);
  EXPECT_EQ(options("*").field("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_THAT(options("/v1/offers").head, Not(HasSubstr("Access-Control-A")));
  const auto nothing = options("/v2/offers");
  EXPECT_EQ(nothing.status, 404U);
  EXPECT_EQ(nothing.field("Content-Type"), "application/problem+json");
  EXPECT_EQ(nothing.body_json()["code"], "not_found");
}

TEST(CorsTest, OptionsKeepTheConnectionAndTheBounds) {
  ServerOptions options;
  options.max_body_bytes = 100;
  options.max_header_bytes = 2000;
  const RunningServer server(options);
  RawConnection connection(server.port());
  const std::string one = "OPTIONS /v1/offers HTTP/1.1\r\nHost: t\r\n\r\n";
  connection.send(one + one + "GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  const auto all = connection.read_all();
  EXPECT_THAT(all, HasSubstr("\"ok\""));
  EXPECT_EQ(parse_answer(all).status, 204U);
  const auto large = ask(server.port(), "OPTIONS", "/v1/offers", "text/plain", std::string(101, 'x'));
  EXPECT_EQ(large.status, 413U);
  EXPECT_EQ(large.field(kAllowed), "*") << "a page should see why it failed";
  EXPECT_EQ(ask(server.port(), "OPTIONS", "/v1/offers?" + std::string(3000, 'x')).status, 431U);
}

TEST(CorsTest, AWebSocketOfEventsIsForPagesOfAnyOrigin) {
  const RunningServer server(naming({kApp}));
  RawConnection connection(server.port());
  connection.send("GET /v1/events HTTP/1.1\r\nHost: t\r\n" + from(kOther) +
                  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  const auto text = connection.read_until([](const std::string& t) { return t.find("\r\n\r\n") != t.npos; });
  EXPECT_EQ(parse_answer(text).status, 101U);
}

TEST(CorsTest, WhatIsNoOriginIsSaidAtStart) {
  RunningServer server;
  const auto refused = Server::start(server.node(), naming({"https://app.example.org/"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace hanse::api::testing
