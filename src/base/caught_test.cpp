#include "base/caught.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace hanse {
namespace {

TEST(Caught, WhatIsThrownIsAnErrorAndWhatIsNotIsNone) {
  bool ran = false;
  EXPECT_TRUE(caught([&] { ran = true; }));
  EXPECT_TRUE(ran);
  const auto known = caught([] { throw std::runtime_error("odd byte"); });
  ASSERT_FALSE(known);
  EXPECT_NE(known.error().message.find("odd byte"), std::string::npos);
  EXPECT_FALSE(caught([] { throw 7; }));
}

}  // namespace
}  // namespace hanse
