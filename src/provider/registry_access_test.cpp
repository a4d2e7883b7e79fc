#include "provider/registry_access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hanse::provider {
namespace {

using client::parse_image;
using ::testing::HasSubstr;

/// A town of names, and one that nobody can look up just now.
Result<std::vector<std::string>> look_up_in_town(const std::string& host) {
  if (host == "public.example" || host == "registry-1.docker.io") return std::vector<std::string>{"8.8.8.8", "2a00::1"};
  if (host == "inside.example") return std::vector<std::string>{"10.0.0.7"};
  if (host == "half.example") return std::vector<std::string>{"8.8.8.8", "192.168.1.1"};
  if (host == "again.example") return fail(ErrorCode::unavailable, "cannot look up again.example");
  return fail(ErrorCode::not_found, "there is no " + host);
}

TEST(RegistryAccess, AMachineThatCannotLookUpNamesSaysSoAndBlamesNoRenter) {
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

TEST(RegistryAccess, APullThatFailedForWantOfNamesIsTheMachinesTrouble) {
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

TEST(RegistryAccess, RegistriesInsideAreRefusedUnlessTheOwnerNamesThem) {
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
