// Events over WebSockets: none lost, none twice, whatever breaks in between.

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "api/testing/running_server.hpp"

namespace hanse::api::testing {
namespace {

constexpr std::uint32_t kLongestMs = 60'000;

/// Reads until `count` events came, through whatever errors; false if one is out of order.
bool follow(client::EventStream& stream, std::size_t count, std::vector<model::Event>& into) {
  const auto give_up = std::chrono::steady_clock::now() + kLongest;
  while (into.size() < count && std::chrono::steady_clock::now() < give_up) {
    auto event = stream.next(1000);
    if (!event || !*event) continue;
    if (!into.empty() && (*event)->sequence <= into.back().sequence) return false;
    into.push_back(std::move(**event));
  }
  return into.size() >= count;
}

std::vector<model::Event> stored(RunningServer& server) {
  return server.node().store().events(0, 100'000);
}

TEST(EventsTest, FollowersSeeEveryEventInOrderWhileMuchHappens) {
  RunningServer server;
  constexpr std::size_t kTransactions = 600;
  std::vector<Bytes> load;
  for (std::size_t i = 0; i < kTransactions; ++i) load.push_back(server.sign(i % 4, {transfer(4 + i % 3, 1)}));
  std::vector<std::vector<model::Event>> seen(4);
  std::atomic<int> in_order = 0;
  std::vector<std::thread> followers;
  for (auto& mine : seen) {
    followers.emplace_back([&] {
      auto stream = client::EventStream::open(server.http_options(), {});
      in_order += follow(*stream, kTransactions, mine);
    });
  }
  for (auto& bytes : load) consensus::testing::submit(server.node(), std::move(bytes));
  for (auto& follower : followers) follower.join();
  EXPECT_EQ(in_order, 4);
  for (const auto& mine : seen) EXPECT_EQ(mine, stored(server));
}

TEST(EventsTest, AFollowerResumesOverRestartsUnderLoadWithoutLossOrRepeat) {
  RunningServer server;
  constexpr std::size_t kRounds = 4, kEach = 100;
  std::vector<model::Event> seen;
  std::atomic<bool> in_order = false;
  std::thread follower([&] {
    auto stream = client::EventStream::open(server.http_options(), {});
    in_order = follow(*stream, kRounds * kEach, seen);
  });
  for (std::size_t round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < kEach; ++i) {
      const auto sent = consensus::testing::send(server.node(), server.sign(round, {transfer(5, 1)}));
      ASSERT_TRUE(sent && sent->code == ErrorCode::ok);
    }
    server.stop();
    server.start();
  }
  follower.join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(seen, stored(server));
}

TEST(EventsTest, AnAccountsFollowerSeesWhatConcernsItAndAPageSaysTheSame) {
  RunningServer server;
  for (std::uint64_t i = 0; i < 30; ++i) server.apply(i % 3, transfer(3 + i % 2, 1));
  auto stream = client::EventStream::open(server.http_options(), {0, key(2).public_key()});
  std::vector<model::Event> seen;
  std::size_t concerning = 0;
  for (const auto& event : stored(server)) {
    concerning += event.account == key(2).public_key() || event.counterparty == key(2).public_key();
  }
  ASSERT_GT(concerning, 5U);
  EXPECT_TRUE(follow(*stream, concerning, seen));
  EXPECT_EQ(stream->next(1).value(), std::nullopt);

  auto http = server.http();
  std::size_t count = 0;
  std::string after = "0";
  for (;;) {
    const auto page = http->get("/v1/events?limit=3&after=" + after + "&account=" + address(2)).value();
    for (const auto& item : page["items"]) EXPECT_EQ(item["sequence"], seen.at(count++).sequence);
    if (page["next"].is_null()) break;
    after = page["next"];
  }
  EXPECT_EQ(count, concerning);
}

TEST(EventsTest, AnInterruptedFollowerReturnsAtOnceAndGoesOnLater) {
  RunningServer server;
  auto stream = client::EventStream::open(server.http_options(), {});
  std::thread other([&] { stream->interrupt(); });
  EXPECT_EQ(stream->next(kLongestMs).value(), std::nullopt);
  other.join();
  server.apply(1, transfer(2, 5));
  const auto event = stream->next(kLongestMs);
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->amount, Money{5});
}

TEST(EventsTest, AFollowerOfNothingIsToldSo) {
  client::HttpOptions options;
  options.url = "http://127.0.0.1:1";
  auto stream = client::EventStream::open(options, {});
  const auto event = stream->next(kLongestMs);
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, ErrorCode::unavailable);
  options.url = "nonsense";
  EXPECT_EQ(client::EventStream::open(options, {})->next(1).error().code, ErrorCode::invalid_argument);
}

constexpr std::string_view kUpgrade =
    " HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

TEST(EventsTest, AnUpgradeWithABadCursorIsAProblem) {
  RunningServer server;
  RawConnection connection(server.port());
  connection.send("GET /v1/events?after=x" + std::string(kUpgrade));
  const auto text = connection.read_until([](const std::string& t) { return t.find("invalid_argument") != t.npos; });
  EXPECT_EQ(parse_answer(text).status, 400U);
}

TEST(EventsTest, AnUpgradeThatIsNoneIsAListAndOneThatIsWrongIsAProblem) {
  RunningServer server;
  const auto ask_with = [&](const std::string& connection, const std::string& version, const std::string& key) {
    RawConnection raw(server.port());
    raw.send("GET /v1/events HTTP/1.1\r\nHost: t\r\nConnection: close" + connection + "\r\nUpgrade: websocket\r\n" +
             "Sec-WebSocket-Version: " + version + "\r\nSec-WebSocket-Key: " + key + "\r\n\r\n");
    return parse_answer(raw.read_all());
  };
  const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
  EXPECT_EQ(ask_with("", "13", key).status, 200U);
  const auto old = ask_with(", Upgrade", "8", key);
  EXPECT_EQ(old.status, 426U);
  EXPECT_EQ(old.field("Sec-WebSocket-Version"), "13");
  EXPECT_EQ(old.field("Upgrade"), "websocket");
  EXPECT_EQ(old.body_json()["code"], "unsupported");
  for (const std::string wrong : {"", "dGhl", "dGhlIHNhbXBsZSBub25jZQ=a"}) {
    const auto refused = ask_with(", Upgrade", "13", wrong);
    EXPECT_EQ(refused.status, 400U) << wrong;
    EXPECT_EQ(refused.field("Content-Type"), "application/problem+json") << wrong;
  }
}

TEST(EventsTest, AReaderThatIsStuckIsDropped) {
  ServerOptions options;
  options.request_timeout_ms = 200;
  RunningServer server(options);
  RawConnection connection(server.port());
  connection.send("GET /v1/events" + std::string(kUpgrade));
  // It answers no ping: what comes ends by itself, with the server's good-bye or without.
  const auto text = connection.read_all();
  EXPECT_EQ(parse_answer(text).status, 101U);
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("[late]")));
}

TEST(EventsTest, FollowersAreToldWhenTheNodeStops) {
  RunningServer server;
  RawConnection connection(server.port());
  connection.send("GET /v1/events" + std::string(kUpgrade));
  connection.read_until([](const std::string& t) { return t.find("\r\n\r\n") != t.npos; });
  server.stop();
  EXPECT_THAT(connection.read_all(), ::testing::HasSubstr("resume after the last event you got"));
}

}  // namespace
}  // namespace hanse::api::testing
