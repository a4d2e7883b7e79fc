#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "replay/arrivals.hpp"
#include "replay/data.hpp"
#include "replay/generate.hpp"
#include "replay/measured.hpp"
#include "replay/plot.hpp"
#include "replay/report.hpp"

namespace hanse::replay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Replay, a_generated_trace_is_like_the_measured_one) {
  const auto like = statistics_of(generate_trace(1));
  for (std::size_t c = 0; c < kClusters.size(); ++c) {
    for (const bool large : {false, true}) {
      const auto& is = like.groups[c][large];
      const auto& should = kMeasured.groups[c][large];
      EXPECT_NEAR(is.jobs_per_day / should.jobs_per_day, 1, 0.2) << kClusters[c] << large;
      EXPECT_NEAR(is.mean_run_h / should.mean_run_h, 1, 0.5) << kClusters[c] << large;
      for (std::size_t h = 0; h < 24; ++h) EXPECT_NEAR(is.hour_share[h], should.hour_share[h], 0.05);
      for (std::size_t s = 0; s < 4; ++s) EXPECT_NEAR(is.size_share[s], should.size_share[s], 0.08);
    }
  }
  for (std::size_t m = 0; m < kModels.size(); ++m) {
    EXPECT_NEAR(like.prices[m].credits[2] / kMeasured.prices[m].credits[2], 1, 0.1) << kModels[m].name;
  }
}

TEST(Replay, every_scenario_accounts_for_every_job_and_micro_credit) {
  const auto trace = generate_trace(7);
  const auto orders = orders_of(trace, 2, 7);
  std::vector<Outcome> outcomes;
  for (const auto& scenario : kScenarios) {
    const auto outcome = replay(trace, orders, scenario, 2);
    ASSERT_TRUE(outcome) << outcome.error().message;
    const auto t = totals_of(orders, *outcome);
    EXPECT_EQ(t.filled + t.lapsed + t.waiting, orders.size()) << scenario.name();
    EXPECT_EQ(outcome->paid_micros, outcome->received_micros) << scenario.name();
    // By the minute, and each lease floored: off by a micro-credit a lease or an hour at most.
    EXPECT_NEAR(static_cast<double>(outcome->paid_micros - outcome->revenue_micros), 0, 3000) << scenario.name();
    EXPECT_GT(t.filled, 0U);
    EXPECT_EQ(t.preempted > 0, scenario.spot);
    EXPECT_EQ(outcome->whole_checks, 2U);
    const auto& hours = outcome->hours[3];
    EXPECT_EQ(hours[20].base == hours[47].base, !scenario.steering) << scenario.name();
    outcomes.push_back(*outcome);
  }
  const auto again = replay(trace, orders, kScenarios[0], 2);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->app_hash, outcomes[0].app_hash);
  const auto files = report_of(trace, orders, outcomes);
  outcomes[0] = *again;
  EXPECT_EQ(report_of(trace, orders, outcomes), files);
  EXPECT_NE(generate_trace(8).clusters[0].jobs, trace.clusters[0].jobs);
}

TEST(Replay, shares_gpus_out_among_jobs) {
  EXPECT_THAT(share_out(5, 2, 1, 7), ElementsAre(4, 1));
  EXPECT_THAT(share_out(48, 1, 8, 64), ElementsAre(48));
  EXPECT_THAT(share_out(0, 2, 8, 64), ElementsAre(8, 8));
  EXPECT_THAT(share_out(800, 1, 8, 64), ElementsAre(64));
}

TEST(Replay, makes_jobs_of_counts) {
  const GroupCount none, one{1, 1, 2}, two{2, 1, 3};
  std::vector<DemandRow> rows{{none, none}, {one, none}, {two, none}, {two, none}, {{1, 1, 1}, none}, {none, none}};
  EXPECT_THAT(jobs_of(rows, 1), ElementsAre(Job{60, 180, 2}, Job{120, 60, 1}));
}

TEST(Replay, prices_go_round_and_lie_between_quantiles) {
  const ListPrice first{0, {Money{10}, Money{20}, Money{30}, Money{40}, Money{50}}, 1};
  auto second = first;
  second.at_s = kHourS;
  const Model model{"x", 1, {first, second}};
  EXPECT_EQ(&model.price_at(kHourS - 1), &model.prices[0]);
  EXPECT_EQ(&model.price_at(kPeriodS - 1), &model.prices[1]);
  EXPECT_EQ(&model.price_at(kPeriodS), &model.prices[0]);
  EXPECT_EQ(first.at_percent(5), Money{10});
  EXPECT_EQ(first.at_percent(75), Money{40});
  EXPECT_EQ(first.at_percent(95), Money{50});
}

TEST(Replay, says_what_is_wrong_with_damaged_data) {
  const std::string header =
      "time,total_job_num_less_8,running_job_num_less_8,total_gpu_num_less_8,total_job_num_noless_8,"
      "running_job_num_noless_8,total_gpu_num_noless_8\n";
  const auto demand = [&](const std::string& text) { return parse_demand(text, "d").error().message; };
  EXPECT_THAT(demand("when\n"), HasSubstr("d, line 1: the first column must be \"time\""));
  EXPECT_THAT(demand("time,x\n"), HasSubstr("no column \"total_job_num_less_8\""));
  EXPECT_THAT(demand(header + "2020-05-01 00:00:00,1,1\n"), HasSubstr("line 2: 3 columns where 7"));
  EXPECT_THAT(demand(header + "2020-05-01 00:00:00,1,-1,1,0,0,0\n"), HasSubstr("running_job_num_less_8 is no count"));
  EXPECT_THAT(demand(header + "2020-05-01 00:00:00,0,0,0,0,0,0\n2020-05-01 00:02:00,0,0,0,0,0,0\n"),
              HasSubstr("line 3: not the minute after"));
  EXPECT_THAT(demand(header + "2020-05-01 00:00:00,0,0,0,0,0,0\n"), HasSubstr("four weeks are needed"));
  const auto prices = [](const std::string& text) { return parse_prices(text, "p").error().message; };
  EXPECT_THAT(prices("{"), HasSubstr("p, line 1: not a JSON object"));
  EXPECT_THAT(prices(R"({"price_stats":{"p10":-1},"availability":{}})"), HasSubstr("p10 must be above 0"));
  EXPECT_THAT(prices(R"({"price_stats":{"p10":2,"p25":1},"availability":{}})"), HasSubstr("p25 is below"));
  EXPECT_THAT(prices(""), HasSubstr("empty"));
}

TEST(Replay, notices_a_gzip_file_that_is_cut_off) {
  const auto path = std::filesystem::path(testing::TempDir()) / "replay_cut.gz";
  auto* file = gzopen(path.c_str(), "wb");
  for (int i = 0; i < 5000; ++i) gzprintf(file, "%d\n", i * i);
  gzclose(file);
  EXPECT_TRUE(read_gzip(path));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_THAT(read_gzip(path).error().message, HasSubstr("damaged"));
  EXPECT_THAT(read_gzip("/nowhere.gz").error().message, HasSubstr("cannot read"));
  std::filesystem::remove(path);
}

TEST(Replay, replaces_its_figures_in_a_page_and_nothing_else) {
  const auto once = with_figures("text\n", "one\n");
  const auto twice = with_figures(once + "more\n", "two\n");
  EXPECT_THAT(twice, testing::AllOf(HasSubstr("text\n"), HasSubstr("two\n"), HasSubstr("more\n")));
  EXPECT_THAT(twice, testing::Not(HasSubstr("one\n")));
}

TEST(Replay, ticks_are_round) {
  EXPECT_THAT(ticks(0, 100, 4), ElementsAre(0, 50, 100));
}

}  // namespace
}  // namespace hanse::replay
