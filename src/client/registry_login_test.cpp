#include "client/registry_login.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hanse::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ImageReference image(const std::string& text) {
  return *parse_image(text);
}

TEST(RegistryLogin, IsFoundWhereDockerAndPodmanPutIt) {
  const auto logins = parse_registry_logins(R"({
    "auths": {
      "https://index.docker.io/v1/": {"auth": "aHViOnNlY3JldDox"},
      "ghcr.io": {"username": "me", "password": "p w"},
      "ghcr.io/team/tools": {"auth": "dGVhbTp4"},
      "registry.lan:5000": {"identitytoken": "t0ken", "auth": "PHRva2VuPjo="},
      "kept.example": {}
    },
    "credHelpers": {"https://gcr.io": "gcloud"}, "credsStore": "desktop", "HttpHeaders": {"User-Agent": "x"}})");
  ASSERT_TRUE(logins) << logins.error().message;
  const auto found = [&](const std::string& text) { return login_for(*logins, image(text)); };
  EXPECT_EQ(*found("debian"), RegistryLogin("docker.io", "hub", "secret:1", ""));
  EXPECT_EQ(*found("ghcr.io/me/tool:1"), RegistryLogin("ghcr.io", "me", "p w", ""));
  EXPECT_EQ(found("ghcr.io/team/tools:2")->user, "team") << "the most particular";
  EXPECT_EQ(found("ghcr.io/team/tools/sub@sha256:" + std::string(64, 'a'))->user, "team");
  EXPECT_EQ(found("ghcr.io/team/toolshed")->user, "me");
  EXPECT_EQ(found("registry.lan:5000/x")->token, "t0ken");
  for (const std::string other : {"registry.lan/x", "registry.lan:500/x", "kept.example/x", "xghcr.io/x", "gcr.io/x"}) {
    EXPECT_EQ(found(other), nullptr) << other;
  }
  EXPECT_EQ(logins->helpers, (std::map<std::string, std::string>{{"gcr.io", "gcloud"}}));
  EXPECT_EQ(logins->store, "desktop");
}

TEST(RegistryLogin, ComesOutAsItWentIn) {
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes += static_cast<char>(c);
  bytes += "end";
  for (const auto& login : {RegistryLogin("ghcr.io", "me", bytes, ""), RegistryLogin("docker.io", "", "", "t\n\"")}) {
    const auto again = parse_registry_logins(format_registry_login(login));
    ASSERT_TRUE(again);
    ASSERT_EQ(again->logins.size(), 1U);
    EXPECT_EQ(again->logins[0], login);
  }
}

TEST(RegistryLogin, WhatIsNoFileOfLoginsIsRefusedAndItsSecretsNotRepeated) {
  for (const std::string text :
       {"", "[]", "{", "{\"auths\": []}", "{\"auths\": {\"a.example\": \"hunter2\"}}",
        "{\"auths\": {\"a.example\": {\"auth\": \"hunter2\"}}}", "{\"auths\": {\"a.example\": {\"auth\": 7}}}",
        "{\"auths\": {\"a.example\": {\"auth\": \"aHVudGVyMg==\"}}}", "{\"credHelpers\": {\"a\": 1}}",
        "{\"credsStore\": []}", "{\"auths\": {}, \"auths\": {}}"}) {
    const auto logins = parse_registry_logins(text);
    ASSERT_FALSE(logins) << text;
    EXPECT_THAT(logins.error().message, HasSubstr("config.json"));
    EXPECT_THAT(logins.error().message, Not(HasSubstr("hunter2")));
  }
  EXPECT_FALSE(parse_registry_logins(std::string(kMaxLoginsBytes + 1, ' ')));
  EXPECT_TRUE(parse_registry_logins("{}")->logins.empty());
}

}  // namespace
}  // namespace hanse::client
