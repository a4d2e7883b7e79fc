#pragma once

// For tests of the gateway: a suite whose tests share one house.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "provider/testing/gateway_fixture.hpp"

namespace hanse::provider::testing {

/// class MyTest : public GatewaySuite<MyTest>. A suite may name another `kCommand` for the container to run.
template <class Suite>
class GatewaySuite : public ::testing::Test {
  GatewaySuite() = default;
  friend Suite;

 protected:
  static constexpr const char* kCommand = "sleep infinity";

  /// Made by the main thread: podman's service dies with the thread that started it.
  static void SetUpTestSuite() { house(); }
  static GatewayHouse& house() {
    static GatewayHouse instance(Suite::kCommand);
    return instance;
  }
  static std::string folder() { return house().folder(); }
};

}  // namespace hanse::provider::testing
