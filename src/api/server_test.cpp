// What the server does beyond its answers: lists, limits, keep-alive, restarts, TLS.

#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <thread>

#include "api/testing/running_server.hpp"
#include "client/sender.hpp"
#include "wire/json.hpp"

namespace hanse::api::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> ids_of(const json& page) {
  std::vector<std::string> out;
  for (const auto& item : page["items"]) out.push_back(item["offer"]["id"]);
  return out;
}

TEST(ListTest, OffersComeFilteredSortedAndInPages) {
  RunningServer server;
  register_provider(server, 1);
  for (const std::int64_t price : {500'000, 300'000, 400'000, 300'000, 200'000}) {
    server.apply(1, offer_of("m" + std::to_string(server.node().stats().transactions), 2, price));
  }
  auto http = server.http();
  const auto get = [&](const std::string& query) { return http->get("/v1/offers" + query).value(); };
  EXPECT_THAT(ids_of(get("")), ElementsAre("offer-1", "offer-2", "offer-3", "offer-4", "offer-5"));
  EXPECT_THAT(ids_of(get("?sort=price")), ElementsAre("offer-5", "offer-2", "offer-4", "offer-3", "offer-1"));
  EXPECT_THAT(ids_of(get("?sort=-price")), ElementsAre("offer-1", "offer-3", "offer-2", "offer-4", "offer-5"));
  EXPECT_THAT(ids_of(get("?where=" + client::percent_encode("price<=0.30"))),
              ElementsAre("offer-5", "offer-2", "offer-4"));
  EXPECT_THAT(ids_of(get("?gpus=3")), ElementsAre());
  EXPECT_THAT(ids_of(get("?provider=" + address(2))), ElementsAre());

  for (const std::string base : {"?limit=2", "?limit=2&sort=price", "?limit=2&sort=-price"}) {
    std::vector<std::string> seen;
    std::string after;
    for (int pages = 0; pages < 10; ++pages) {
      const auto page = get(base + (after.empty() ? "" : "&after=" + client::percent_encode(after)));
      EXPECT_LE(page["items"].size(), 2U);
      for (auto& id : ids_of(page)) seen.push_back(std::move(id));
      if (page["next"].is_null()) break;
      after = page["next"];
    }
    std::sort(seen.begin(), seen.end());
    EXPECT_THAT(seen, ElementsAre("offer-1", "offer-2", "offer-3", "offer-4", "offer-5")) << base;
  }
}

TEST(ListTest, ARequestThatEndsIsFoundAtEveryMoment) {
  RunningServer server;
  for (int round = 0; round < 20; ++round) {
    auto waiting = request_of();
    waiting.demand.where = "gpu=H999";
    waiting.wait_until = after_s(server.clock.now(), 600);
    const auto id = server.apply(2, waiting).request;
    std::atomic<bool> stop = false;
    std::atomic<int> looked = 0, missed = 0;
    std::thread reader([&] {
      auto http = server.http();
      for (; !stop; ++looked) {
        const auto got = http->get("/v1/requests/" + model::format_id(id));
        missed += got ? 0 : 1;
      }
    });
    while (looked == 0) std::this_thread::yield();
    server.apply(2, model::CancelRequest{id});
    stop = true;
    reader.join();
    EXPECT_EQ(missed, 0) << "of " << looked;
  }
}

TEST(ListTest, ALeaseIsFoundFromMatchToHistoryAndItsInvoiceAddsUp) {
  RunningServer server;
  register_provider(server, 1);
  server.apply(1, offer_of("box", 1, 3'600'000));
  const auto outcome = server.apply(2, request_of());
  const auto id = model::format_id(outcome.lease);
  auto http = server.http();
  const auto check_sums = [&](const std::string& when) {
    const auto bill = http->get("/v1/leases/" + id + "/invoice").value();
    const auto at = [&](const char* key) { return bill[key].get<std::int64_t>(); };
    EXPECT_EQ(at("accrued_micros"), at("released_micros") + at("pending_micros")) << when << bill;
    EXPECT_EQ(at("escrow_micros"), at("pending_micros") + at("unspent_micros")) << when << bill;
    EXPECT_EQ(at("locked_micros"), at("released_micros") + at("refunded_micros") + at("escrow_micros")) << when;
    EXPECT_EQ(at("accrued_micros"), at("billed_s") * at("rate_micros_per_hour") / 3600) << when << bill;
    return bill;
  };
  const auto list = [&](const std::string& query) {
    std::vector<std::string> out;
    const auto page = http->get("/v1/leases?" + query).value();
    for (const auto& item : page["items"]) out.push_back(item["lease"]["id"]);
    return out;
  };
  check_sums("matched");
  server.apply(1, model::ConfirmLease{outcome.lease, "127.0.0.1:2222", key(1).public_key()});
  server.clock.advance_ms(60'000);
  EXPECT_EQ(check_sums("running")["billed_s"], 60);  // by the second, though no block came
  EXPECT_EQ(http->get("/v1/leases/" + id).value()["accrual"]["accrued_micros"], 60'000);
  EXPECT_THAT(list("state=live&consumer=" + address(2)), ElementsAre(id));
  EXPECT_THAT(list("state=ended&consumer=" + address(2)), ElementsAre());
  EXPECT_THAT(list("provider=" + address(1)), ElementsAre(id));
  EXPECT_THAT(list("provider=" + address(3)), ElementsAre());

  server.apply(2, model::EndLease{outcome.lease, model::EndReason::completed, "done"});
  check_sums("ended");
  EXPECT_THAT(list("state=ended&consumer=" + address(2)), ElementsAre(id));
  EXPECT_THAT(list("state=live&consumer=" + address(2)), ElementsAre());

  server.clock.advance_ms(2 * 3600 * 1000);
  consensus::testing::Watcher watcher(server.node());
  server.apply(3, transfer(4, 1));  // a block after the claim window: everything is paid out
  const auto is_closed = [&](const auto&) {
    return !http->get("/v1/leases/" + id).value()["live"].template get<bool>();
  };
  EXPECT_TRUE(watcher.wait(is_closed));
  const auto bill = check_sums("closed");
  EXPECT_EQ(bill["final"], true);
  EXPECT_EQ(bill["billed_s"], 60);
  EXPECT_EQ(bill["escrow_micros"], 0);
  EXPECT_THAT(list("state=ended&consumer=" + address(2)), ElementsAre(id));
  EXPECT_THAT(list("state=ended&provider=" + address(1)), ElementsAre(id));
  EXPECT_THAT(list("consumer=" + address(2)), ElementsAre());
  EXPECT_EQ(http->get("/v1/requests/" + model::format_id(outcome.request)).value()["live"], false);
}

TEST(ServerTest, ManyRequestsInOnePacketAreAnsweredInOrder) {
  RunningServer server;
  RawConnection connection(server.port());
  std::string text;
  for (int i = 0; i < 50; ++i) text += "GET /v1/blocks/" + std::to_string(1000 + i) + " HTTP/1.1\r\nHost: t\r\n\r\n";
  ASSERT_TRUE(connection.send(text + "GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"));
  const std::string all = connection.read_all();
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = all.find("there is no block " + std::to_string(1000 + i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_NE(all.find("\"ok\"", at), std::string::npos);
}

TEST(ServerTest, HeadAnswersWithTheHeadAlone) {
  RunningServer server;
  const auto get = ask(server.port(), "GET", "/healthz");
  const auto head = ask(server.port(), "HEAD", "/healthz");
  EXPECT_EQ(head.status, 200U);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.field("Content-Length"), std::to_string(get.body.size()));
}

TEST(ServerTest, WhatIsNotThereAndWhatIsNotAllowedIsSaid) {
  RunningServer server;
  const auto nothing = ask(server.port(), "GET", "/v2/status");
  EXPECT_EQ(nothing.status, 404U);
  EXPECT_EQ(nothing.field("Content-Type"), "application/problem+json");
  const auto wrong = ask(server.port(), "DELETE", "/v1/offers");
  EXPECT_EQ(wrong.status, 405U);
  EXPECT_EQ(wrong.field("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(ask(server.port(), "GET", "/v1/quotes").field("Allow"), "POST, OPTIONS");
}

TEST(ServerTest, ARequestMustNameItsHostOnceAndMayNameItWhole) {
  const RunningServer server;
  const auto answer_to = [&](const std::string& text) {
    RawConnection connection(server.port());
    connection.send(text);
    return parse_answer(connection.read_all()).status;
  };
  const std::string end = "Connection: close\r\n\r\n";
  EXPECT_EQ(answer_to("GET /healthz HTTP/1.1\r\n" + end), 400U);
  EXPECT_EQ(answer_to("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n" + end), 400U);
  EXPECT_EQ(answer_to("GET /healthz HTTP/1.0\r\n\r\n"), 200U);
  EXPECT_EQ(answer_to("GET http://t/healthz HTTP/1.1\r\nHost: t\r\n" + end), 200U);
  EXPECT_EQ(answer_to("GET https://t:7/v1/offers?limit=0 HTTP/1.1\r\nHost: t\r\n" + end), 400U);
  EXPECT_EQ(answer_to("GET http://t HTTP/1.1\r\nHost: t\r\n" + end), 404U);
}

TEST(ServerTest, HeadIsAnsweredWhereverGetIs) {
  RunningServer server;
  for (const std::string target :
       {"/v1/status", "/v1/events", "/metrics", "/v1/offers/offer-9", "/v1/offers?limit=0"}) {
    const auto get = ask(server.port(), "GET", target);
    const auto head = ask(server.port(), "HEAD", target);
    EXPECT_EQ(head.status, get.status) << target;
    EXPECT_EQ(head.body, "") << target;
    EXPECT_EQ(head.field("Content-Type"), get.field("Content-Type")) << target;
  }
  EXPECT_EQ(ask(server.port(), "HEAD", "/v1/quotes").field("Allow"), "POST, OPTIONS");
}

TEST(ServerTest, ABodyIsTakenForWhatItIsSaidToBe) {
  const RunningServer server;
  const auto status = [&](const std::string& type, const std::string& body = "{}") {
    return ask(server.port(), "POST", "/v1/quotes", type, body).status;
  };
  EXPECT_EQ(status("application/json"), 200U);
  EXPECT_EQ(status("Application/JSON ; charset=utf-8"), 200U);
  EXPECT_EQ(status("application/jsonp"), 415U);
  EXPECT_EQ(status(""), 415U);
  EXPECT_EQ(status("application/json", ""), 400U);
  EXPECT_EQ(ask(server.port(), "POST", "/v1/quotes", "application/json", R"({"mode":"spot","machines":2})").status,
            422U);
  const auto coded = [&](const std::string& coding) {
    return ask(server.port(), "POST", "/v1/quotes", "application/json", "{}", "Content-Encoding: " + coding + "\r\n")
        .status;
  };
  EXPECT_EQ(coded("identity"), 200U);
  EXPECT_EQ(coded("gzip"), 415U);
}

TEST(ServerTest, WhatFollowsABodyOfUnknownLengthIsNoRequest) {
  const RunningServer server;
  RawConnection connection(server.port());
  connection.send(
      "POST /v1/quotes HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: gzip\r\n\r\n"
      "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto all = connection.read_all();
  EXPECT_EQ(parse_answer(all).status, 400U);
  EXPECT_EQ(all.find("\"ok\""), std::string::npos) << all;
}

TEST(LimitTest, OversizedHeadsAndBodiesAreRefusedAndSaidToBe) {
  ServerOptions options;
  options.max_body_bytes = 1000;
  options.max_header_bytes = 2000;
  RunningServer server(options);
  const auto body = ask(server.port(), "POST", "/v1/quotes", "application/json", std::string(1001, ' '));
  EXPECT_EQ(body.status, 413U);
  EXPECT_EQ(body.body_json()["code"], "too_large");
  EXPECT_EQ(ask(server.port(), "GET", "/healthz?" + std::string(3000, 'x')).status, 431U);
  RawConnection chunked(server.port());
  chunked.send(
      "POST /v1/quotes HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 20; ++i) chunked.send("64\r\n" + std::string(100, ' ') + "\r\n");
  EXPECT_EQ(parse_answer(chunked.read_all()).status, 413U);
  RawConnection garbage(server.port());
  garbage.send("\x16\x03\x01 what is this\r\n\r\n");
  EXPECT_EQ(parse_answer(garbage.read_all()).status, 400U);
  EXPECT_EQ(ask(server.port(), "GET", "/healthz").status, 200U);
}

/// Of this process, in bytes.
std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(LimitTest, WhatNeverEndsTakesNoMemory) {
  const RunningServer server;
  constexpr std::size_t kMiB = 1U << 20, kSent = 96 * kMiB;
  const std::string chunked =
      "POST /v1/quotes HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const auto& [begin, fill] : std::vector<std::pair<std::string, char>>{
           {chunked + "2;", 'a'},                   // an extension of a chunk
           {chunked + "2;a=\"", 'a'},               // its value
           {chunked, '0'},                          // a chunk's size, padded
           {chunked + "2\r\n{}\r\n0\r\nX: ", 'a'},  // a field after the last chunk
           {chunked + "2\r\n{}\r\n0\r\n", 'a'},     // its name
           {"GET /", 'a'},                          // a target
           {"GET / HTTP/1.1\r\nHost: t\r\nX: ", 'a'},
           {"POST /v1/quotes HTTP/1.1\r\nHost: t\r\nContent-Length: 999999999\r\n\r\n", ' '}}) {
    const auto before = resident_bytes();
    RawConnection endless(server.port());
    const std::string piece(kMiB, fill);
    bool taken = endless.send(begin);
    for (std::size_t sent = 0; taken && sent < kSent; sent += kMiB) taken = endless.send(piece);
    EXPECT_LT(resident_bytes(), before + 24 * kMiB) << begin.substr(0, 40) << "…" << fill;
  }
  EXPECT_EQ(ask(server.port(), "GET", "/healthz").status, 200U);
}

TEST(LimitTest, ASlowRequestIsCutOffAndAnIdleConnectionIsClosed) {
  ServerOptions options;
  options.request_timeout_ms = 100;
  RunningServer server(options);
  RawConnection slow(server.port());
  slow.send("GET /healthz HTT");
  EXPECT_EQ(parse_answer(slow.read_all()).status, 408U);
  RawConnection slow_body(server.port());
  slow_body.send("POST /v1/quotes HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(parse_answer(slow_body.read_all()).status, 408U);
  RawConnection idle(server.port());
  EXPECT_EQ(idle.read_all(), "");
}

TEST(LimitTest, TooManyConnectionsAreToldToComeBack) {
  ServerOptions options;
  options.max_connections = 4;
  RunningServer server(options);
  std::vector<std::unique_ptr<RawConnection>> held;
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n";
  for (int i = 0; i < 4; ++i) {
    held.push_back(std::make_unique<RawConnection>(server.port()));
    held.back()->send(request);
    held.back()->read_until([](const std::string& text) { return text.find("\"ok\"") != std::string::npos; });
  }
  const auto refused = ask(server.port(), "GET", "/healthz");
  EXPECT_EQ(refused.status, 503U);
  EXPECT_EQ(refused.field("Retry-After"), "1");
  EXPECT_EQ(refused.body_json()["code"], "unavailable");
  held.clear();
  unsigned status = 503;
  for (int tries = 0; tries < 10'000 && status == 503; ++tries) status = ask(server.port(), "GET", "/healthz").status;
  EXPECT_EQ(status, 200U);
}

TEST(MetricsTest, RequestsAndTheLedgerAreCounted) {
  RunningServer server;
  ask(server.port(), "GET", "/healthz");
  ask(server.port(), "GET", "/v1/offers/offer-9");
  ask(server.port(), "GET", "/nowhere");
  server.apply(1, transfer(2, 5));
  const auto text = ask(server.port(), "GET", "/metrics").body;
  EXPECT_THAT(text, HasSubstr("hanse_http_requests_total{method=\"GET\",route=\"/healthz\",code=\"200\"} 1"));
  EXPECT_THAT(text, HasSubstr("hanse_http_requests_total{method=\"GET\",route=\"/v1/offers/{id}\",code=\"404\"} 1"));
  EXPECT_THAT(text, HasSubstr("route=\"unmatched\",code=\"404\"} 1"));
  EXPECT_THAT(text, HasSubstr("hanse_http_request_seconds_bucket"));
  EXPECT_THAT(text, HasSubstr("hanse_node_transactions_total 1"));
  EXPECT_THAT(text, HasSubstr("hanse_ledger_records{kind=\"account\"} 8"));
}

TEST(ClientTest, AClientOutlivesTheServerAndResubmittingDoesNothingTwice) {
  RunningServer server;
  auto http = server.http();
  const auto bytes = server.sign(1, {transfer(2, 1'000)});
  const auto first = http->submit(bytes);
  ASSERT_TRUE(first) << first.error().message;
  server.stop();
  const auto down = http->get("/v1/status");
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().code, ErrorCode::unavailable);
  EXPECT_THAT(down.error().message, HasSubstr("127.0.0.1:" + std::to_string(server.port())));
  server.start();
  const auto again = http->submit(bytes);  // as a client does that never saw the first answer
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, *first);
  EXPECT_EQ(consensus::testing::balance(server.node(), key(2).public_key()), Money{credits(1'000'000).micros + 1'000});
}

TEST(ClientTest, ASenderKeepsTryingWhileTheNodeRestarts) {
  RunningServer server;
  auto http = server.http();
  ASSERT_TRUE(http->get("/v1/status"));
  client::Sender sender(*http, kNetwork, key(1).public_key(), key(1), server.clock);
  server.stop();
  std::thread starter([&] { server.start(); });
  const auto receipt = sender.send({transfer(2, 7)});
  starter.join();
  ASSERT_TRUE(receipt) << receipt.error().message;
  const auto refused = sender.send({transfer(2, credits(5'000'000).micros)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::insufficient_funds);
  EXPECT_FALSE(sender.send({}));
}

TEST(ClientTest, ManyClientsAtOnceEachGetTheirOwnReceipt) {
  RunningServer server;
  std::vector<std::vector<Bytes>> sent(8);
  for (auto& mine : sent) {
    for (int i = 0; i < 25; ++i) mine.push_back(server.sign(1, {transfer(2, 1)}));
  }
  std::vector<std::thread> clients;
  std::atomic<int> good = 0;
  for (const auto& mine : sent) {
    clients.emplace_back([&] {
      auto http = server.http();
      for (const auto& bytes : mine) {
        const auto receipt = http->submit(bytes);
        good += receipt && receipt->code == ErrorCode::ok && receipt->tx_hash == wire::transaction_hash(bytes);
      }
    });
  }
  for (auto& one : clients) one.join();
  EXPECT_EQ(good, 200);
}

TEST(ClientTest, AnAddressThatIsNoneIsRefusedInWords) {
  for (const std::string url : {"", "localhost:7070", "ftp://x", "http://", "http://a:0", "http://a:99999",
                                "http://a/b", "http://[::1", "http://a b"}) {
    client::HttpOptions options;
    options.url = url;
    const auto http = client::Http::open(options);
    ASSERT_FALSE(http) << url;
    EXPECT_EQ(http.error().code, ErrorCode::invalid_argument) << url;
  }
}

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    const auto at = [&](const char* name) { return (folder_.path / name).string(); };
    const std::string make =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
        "/CN=test -addext subjectAltName=IP:127.0.0.1 -keyout '" +
        at("key.pem") + "' -out '" + at("cert.pem") + "' 2>/dev/null";
    HANSE_CHECK(std::system(make.c_str()) == 0);
    options_.certificate_file = at("cert.pem");
    options_.key_file = at("key.pem");
  }
  [[nodiscard]] client::HttpOptions secure(const RunningServer& server) const {
    client::HttpOptions out;
    out.url = "https://127.0.0.1:" + std::to_string(server.port());
    out.ca_file = options_.certificate_file;
    return out;
  }

  consensus::testing::Folder folder_;
  ServerOptions options_;
};

TEST_F(TlsTest, CallsTransactionsAndEventsTravelEncrypted) {
  RunningServer server(options_);
  auto http = std::move(*client::Http::open(secure(server)));
  const auto status = http->get("/v1/status");
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ((*status)["network"], kNetwork);
  ASSERT_TRUE(http->submit(server.sign(1, {transfer(2, 5)})));
  auto events = client::EventStream::open(secure(server), {});
  const auto event = events->next(60'000);
  ASSERT_TRUE(event && *event) << (event ? "none came" : event.error().message);
  EXPECT_EQ((*event)->kind, model::EventKind::transferred);
}

TEST_F(TlsTest, AnUntrustedCertificateAndAPlainClientAreRefused) {
  RunningServer server(options_);
  auto untrusting = secure(server);
  untrusting.ca_file.clear();
  const auto denied = std::move(*client::Http::open(untrusting))->get("/v1/status");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::denied);
  EXPECT_FALSE(server.http()->get("/v1/status"));
}

TEST_F(TlsTest, WhoTakesItsAnswerAndNeverSaysGoodbyeIsLetGo) {
  const RunningServer server(options_);
  const RawConnection raw(server.port());
  timeval patience{30, 0};
  ASSERT_EQ(::setsockopt(raw.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), SSL_free);
  ASSERT_EQ(SSL_set_fd(tls.get(), raw.fd()), 1);
  ASSERT_EQ(SSL_connect(tls.get()), 1);
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  ASSERT_EQ(SSL_write(tls.get(), request.data(), static_cast<int>(request.size())), static_cast<int>(request.size()));
  char piece[4096];
  ASSERT_GT(SSL_read(tls.get(), piece, sizeof piece), 0);
  ssize_t got = 1;
  while (got > 0) got = ::recv(raw.fd(), piece, sizeof piece, 0);  // below TLS: its goodbye is not answered
  ASSERT_EQ(got, 0) << "nothing said for " << patience.tv_sec << " s";
  // The server says no more; that it listens no more either is seen when what is sent comes back.
  bool gone = false;
  for (int i = 0; i < 300 && !gone; ++i) {
    gone = ::send(raw.fd(), "x", 1, MSG_NOSIGNAL) < 0;
    pollfd wait{raw.fd(), 0, 0};
    gone = gone || ::poll(&wait, 1, 100) == 1;  // an error or a reset
  }
  EXPECT_TRUE(gone) << "the server still listens";
}

TEST_F(TlsTest, AnUnreadableCertificateOrATakenPortIsSaidAtStart) {
  RunningServer server(options_);
  ServerOptions broken = options_;
  broken.key_file = (folder_.path / "none.pem").string();
  EXPECT_THAT(Server::start(server.node(), broken).error().message, HasSubstr("none.pem"));
  broken.key_file.clear();
  EXPECT_EQ(Server::start(server.node(), broken).error().code, ErrorCode::invalid_argument);
  ServerOptions taken;
  taken.port = server.port();
  const auto second = Server::start(server.node(), taken);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::io);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(server.port())));
}

}  // namespace
}  // namespace hanse::api::testing
