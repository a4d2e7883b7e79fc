#include "provider/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hanse::provider {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, EachGpuOfTheOfferIsWellOrNot) {
  const auto text = metrics_text({{}, {true, false}});
  EXPECT_THAT(text, HasSubstr("hanse_agent_leases 0"));
  EXPECT_THAT(text, HasSubstr("hanse_agent_gpu_well{gpu=\"0\"} 1"));
  EXPECT_THAT(text, HasSubstr("hanse_agent_gpu_well{gpu=\"1\"} 0"));
}

}  // namespace
}  // namespace hanse::provider
