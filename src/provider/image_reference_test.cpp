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

/// A town of names, and one that nobody can look up just now.
Result<std::vector<std::string>> look_up_in_town(const std::string& host) {
  if (host == "public.example" || host == "registry-1.docker.io") return std::vector<std::string>{"8.8.8.8", "2a00::1"};
  if (host == "inside.example") return std::vector<std::string>{"10.0.0.7"};
  if (host == "half.example") return std::vector<std::string>{"8.8.8.8", "192.168.1.1"};
  if (host == "again.example") return fail(ErrorCode::unavailable, "cannot look up again.example");
  return fail(ErrorCode::not_found, "there is no " + host);
}

TEST(ImageReference, AMachineThatCannotLookUpNamesSaysSoAndBlamesNoRenter) {
  const auto checked = [](const std::string& text) { return check_registry(*parse_image(text), {}, look_up_in_town); };
  EXPECT_TRUE(checked("public.example:5000/x"));
  const auto again = checked("again.example/x:1");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::unavailable);
  EXPECT_THAT(again.error().message, HasSubstr("the machine cannot look up again.example"));
  EXPECT_THAT(again.error().message, HasSubstr("or rent another machine"));
  std::vector<Error> refused;
  for (const std::string host : {"inside", "half", "absent"}) {
    const auto answer = checked(host + ".example/x");
    ASSERT_FALSE(answer) << host;
    auto message = answer.error().message;
    for (auto at = message.find(host); at != std::string::npos; at = message.find(host))
      message.replace(at, host.size(), "H");
    refused.push_back({answer.error().code, message});
  }
  EXPECT_EQ(refused[0].code, ErrorCode::denied);
  EXPECT_EQ(refused[0], refused[1]);
  EXPECT_EQ(refused[0], refused[2]) << "a name that leads inside and one that leads nowhere read the same";
}

TEST(ImageReference, APullThatFailedForWantOfNamesIsTheMachinesTrouble) {
  const Error lookup{ErrorCode::not_found,
                     "image x cannot be pulled: dial tcp: lookup registry-1.docker.io: no such host"};
  const Error absent{ErrorCode::not_found, "image x cannot be pulled: manifest unknown"};
  const auto nothing = [](const std::string&) -> Result<std::vector<std::string>> {
    return fail(ErrorCode::unavailable, "");
  };
  const auto image = *parse_image("debian");
  EXPECT_EQ(why_not_pulled(lookup, image, nothing).code, ErrorCode::unavailable);
  EXPECT_EQ(why_not_pulled(lookup, image, look_up_in_town), lookup)
      << "it can look up names: then it is what the engine says";
  EXPECT_EQ(why_not_pulled(absent, image, nothing), absent);
}

TEST(ImageReference, RegistriesInsideAreRefusedUnlessTheOwnerNamesThem) {
  for (const std::string text : {"localhost:7070/x", "LOCALHOST/x", "127.0.0.1:2222/x", "169.254.169.254/x", "0x7f.1/x",
                                 "2130706433:80/x", "192.168.1.1/x", "10.0.0.1:5000/x", "no-such-host.invalid/x"}) {
    const auto image = parse_image(text);
    ASSERT_TRUE(image) << text;
    // Numbers need no name server.
    const auto refused = text.starts_with("no-such") ? check_registry(*image, {"registry.lan:5000"}, look_up_in_town)
                                                     : check_registry(*image, {"registry.lan:5000"});
    ASSERT_FALSE(refused) << text;
    EXPECT_THAT(refused.error().message, HasSubstr("public registries only")) << text;
    EXPECT_TRUE(check_registry(*image, {image->registry})) << text;
  }
  EXPECT_TRUE(check_registry(*parse_image("8.8.8.8/x"), {}));
  EXPECT_TRUE(check_registry(*parse_image("debian"), {}));
}

}  // namespace
}  // namespace hanse::provider
