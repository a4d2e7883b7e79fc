#include "provider/image_reference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hanse::provider {
namespace {

using ::testing::HasSubstr;

TEST(ImageReference, NamesTheRegistryThatTheEngineWouldAsk) {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  const std::vector<std::array<std::string, 3>> cases{
      {"debian", "docker.io", "docker.io/library/debian"},
      {"debian:bookworm-slim", "docker.io", "docker.io/library/debian:bookworm-slim"},
      {"docker.io/debian", "docker.io", "docker.io/library/debian"},
      {"pytorch/pytorch:2.1" + digest, "docker.io", "docker.io/pytorch/pytorch:2.1" + digest},
      {"oci:x", "docker.io", "docker.io/library/oci:x"},
      {"ghcr.io/me/a_b.c--d:v1", "ghcr.io", "ghcr.io/me/a_b.c--d:v1"},
      {"registry.lan:5000/x", "registry.lan:5000", "registry.lan:5000/x"},
      {"localhost/x", "localhost", "localhost/x"},
      {"LOCALHOST/x", "LOCALHOST", "LOCALHOST/x"},
      {"127.0.0.1:2222/x", "127.0.0.1:2222", "127.0.0.1:2222/x"},
  };
  for (const auto& [text, registry, full] : cases) {
    const auto image = parse_image(text);
    ASSERT_TRUE(image) << text;
    EXPECT_EQ(image->registry, registry);
    EXPECT_EQ(image->full, full);
  }
}

TEST(ImageReference, WhatIsNoImageIsRefusedWithAnExample) {
  for (const std::string text : {"", "x;rm -rf /", "../../x", "http://a.example/x", "docker://debian", "dir:/etc",
                                 "oci-archive:/tmp/x.tar", "Debian", "a//b", "/a", "a/", "a:", "a b", "[::1]:5000/x",
                                 "localhost./x", "a.example:/x", "x@sha256:12", "x\n"}) {
    const auto image = parse_image(text);
    ASSERT_FALSE(image) << text;
    EXPECT_THAT(image.error().message, HasSubstr("debian:bookworm-slim")) << text;
  }
  EXPECT_FALSE(parse_image(std::string(600, 'a')));
}

TEST(ImageReference, RegistriesInsideAreRefusedUnlessTheOwnerNamesThem) {
  for (const std::string text : {"localhost:7070/x", "LOCALHOST/x", "127.0.0.1:2222/x", "169.254.169.254/x", "0x7f.1/x",
                                 "2130706433:80/x", "192.168.1.1/x", "10.0.0.1:5000/x", "no-such-host.invalid/x"}) {
    const auto image = parse_image(text);
    ASSERT_TRUE(image) << text;
    const auto refused = check_registry(*image, {"registry.lan:5000"});
    ASSERT_FALSE(refused) << text;
    EXPECT_THAT(refused.error().message, HasSubstr("public registries only")) << text;
    EXPECT_TRUE(check_registry(*image, {image->registry})) << text;
  }
  EXPECT_TRUE(check_registry(*parse_image("8.8.8.8/x"), {}));
  EXPECT_TRUE(check_registry(*parse_image("debian"), {}));
}

}  // namespace
}  // namespace hanse::provider
