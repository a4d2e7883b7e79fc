#include "client/image_reference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace hanse::client {
namespace {

using ::testing::HasSubstr;

TEST(ImageReference, NamesTheRegistryThatTheEngineWouldAsk) {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  const std::vector<std::array<std::string, 4>> cases{
      {"debian", "docker.io", "docker.io/library/debian", ""},
      {"debian:bookworm-slim", "docker.io", "docker.io/library/debian", ":bookworm-slim"},
      {"docker.io/debian", "docker.io", "docker.io/library/debian", ""},
      {"pytorch/pytorch:2.1" + digest, "docker.io", "docker.io/pytorch/pytorch", ":2.1" + digest},
      {"oci:x", "docker.io", "docker.io/library/oci", ":x"},
      {"ghcr.io/me/a_b.c--d:v1", "ghcr.io", "ghcr.io/me/a_b.c--d", ":v1"},
      {"registry.lan:5000/x", "registry.lan:5000", "registry.lan:5000/x", ""},
      {"localhost/x", "localhost", "localhost/x", ""},
      {"LOCALHOST/x", "LOCALHOST", "LOCALHOST/x", ""},
      {"127.0.0.1:2222/x", "127.0.0.1:2222", "127.0.0.1:2222/x", ""},
  };
  for (const auto& [text, registry, repository, rest] : cases) {
    const auto image = parse_image(text);
    ASSERT_TRUE(image) << text;
    EXPECT_EQ(image->registry, registry);
    EXPECT_EQ(image->repository, repository);
    EXPECT_EQ(image->full, repository + rest);
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

}  // namespace
}  // namespace hanse::client
