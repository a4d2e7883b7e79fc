// What the API says of leases whose files are kept.

#include <gmock/gmock.h>

#include "api/testing/running_server.hpp"
#include "wire/json.hpp"

namespace hanse::api::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A machine whose storage costs 10 micros a second for 10 GiB, and a demand for that.
struct Kept {
  RunningServer server;
  std::unique_ptr<client::Http> http = server.http();
  model::SubmitRequest request = request_of();

  Kept() {
    register_provider(server, 1);
    auto offer = offer_of("box", 1, 3'600'000);
    offer.prices.storage_per_gib_hour = Money{3600};
    server.apply(1, offer);
    request.demand.disk_bytes = 10ULL << 30;
    request.demand.keep_s = 600;
  }
  [[nodiscard]] json get(const std::string& target) const { return http->get(target).value(); }
};

TEST(KeepTest, AQuoteShowsWhatKeepingFilesLocksAndThatTheLockHoldsIt) {
  Kept kept;
  const auto quote = kept.http->post("/v1/quotes", wire::to_json(kept.request.demand)).value();
  const auto& match = quote["match"];
  EXPECT_EQ(match["keep_rate_micros_per_hour"], 36'000);
  EXPECT_EQ(match["keep_reserve_micros"], 6'000);
  EXPECT_EQ(match["lock_micros"], 3'636'000 + 6'000);
  EXPECT_EQ(match["price"]["rate_micros_per_hour"], 3'636'000);
  EXPECT_EQ(match["offer"]["quote"]["keep_rate_micros_per_hour"], 36'000);
  kept.request.quote = *wire::from_json<model::Quote>(match["offer"]["quote"]);
  EXPECT_TRUE(kept.server.apply(2, kept.request).lease) << "and it holds";

  const auto listed = kept.get("/v1/offers?disk=10GiB&gpus=1");
  EXPECT_EQ(listed["items"].size(), 0U) << "taken";
  auto without = kept.request.demand;
  without.keep_s = 8 * 86'400;
  const auto refused = kept.http->post("/v1/quotes", wire::to_json(without));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("files are kept for 7d after their job at most"));
}

TEST(KeepTest, AListedQuoteIsGoodForARequestThatKeepsFiles) {
  Kept kept;
  const auto listed = kept.get("/v1/offers?disk=10GiB");
  kept.request.quote = *wire::from_json<model::Quote>(listed["items"][0]["quote"]);
  EXPECT_EQ(kept.request.quote.keep_rate_per_hour, Money{36'000});
  EXPECT_TRUE(kept.server.apply(2, kept.request).lease);
}

TEST(KeepTest, AKeptLeaseIsLiveAndItsInvoiceAddsUp) {
  Kept kept;
  auto& server = kept.server;
  const auto outcome = server.apply(2, kept.request);
  const auto id = model::format_id(outcome.lease);
  const auto bill = [&] {
    const auto invoice = kept.get("/v1/leases/" + id + "/invoice");
    const auto at = [&](const char* key) { return invoice[key].get<std::int64_t>(); };
    EXPECT_EQ(at("accrued_micros"), at("billed_s") * at("rate_micros_per_hour") / 3600 + at("keep_micros")) << invoice;
    EXPECT_EQ(at("accrued_micros"), at("released_micros") + at("pending_micros")) << invoice;
    EXPECT_EQ(at("escrow_micros"), at("pending_micros") + at("unspent_micros")) << invoice;
    EXPECT_EQ(at("locked_micros"), at("released_micros") + at("refunded_micros") + at("escrow_micros")) << invoice;
    return invoice;
  };
  server.apply(1, model::ConfirmLease{outcome.lease, "127.0.0.1:2222", key(1).public_key()});
  server.clock.advance_ms(60'000);
  server.apply(1, model::EndLease{outcome.lease, model::EndReason::completed, "done"});
  server.clock.advance_ms(20'000);
  auto invoice = bill();
  EXPECT_EQ(invoice["state"], "kept");
  EXPECT_EQ(invoice["running_s"], 60);
  EXPECT_EQ(invoice["keep_micros"], 200) << "by the second, though no block came";
  EXPECT_EQ(invoice["keep_rate_micros_per_hour"], 36'000);
  EXPECT_EQ(invoice["unspent_micros"], 6'000 - 200);
  EXPECT_EQ(invoice["final"], false);
  const auto view = kept.get("/v1/leases/" + id);
  EXPECT_EQ(view["live"], true);
  EXPECT_EQ(view["accrual"]["keep_micros"], 200);
  EXPECT_EQ(view["accrual"]["left_now_micros"], view["accrual"]["accrued_micros"]);
  EXPECT_EQ(view["lease"]["keep_reserve_micros"], 6'000);
  EXPECT_EQ(view["lease"]["kept_until_ms"], view["lease"]["ends_at_ms"].get<std::int64_t>() + 600'000);
  const auto live = kept.get("/v1/leases?state=live&consumer=" + address(2));
  EXPECT_EQ(live["items"].size(), 1U);

  server.apply(2, model::EndLease{outcome.lease, model::EndReason::completed, ""});
  invoice = bill();
  EXPECT_EQ(invoice["state"], "ended");
  EXPECT_EQ(invoice["keep_micros"], 200);
  EXPECT_EQ(invoice["unspent_micros"], 0);
}

}  // namespace
}  // namespace hanse::api::testing
