#include "cli/registry_auth.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace hanse::cli {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class RegistryAuth : public ::testing::Test {
 protected:
  RegistryAuth() { fs::create_directories(folder_); }
  ~RegistryAuth() override {
    ::setenv("PATH", path_.c_str(), 1);
    fs::remove_all(folder_);
  }

  /// On the PATH: answers for one server, and says no to all others, as the helpers do.
  void make_helper(const std::string& name, const std::string& server, const std::string& answer) {
    const auto file = folder_ / ("docker-credential-" + name);
    std::ofstream(file) << "#!/bin/sh\n[ \"$1\" = get ] && read -r server\n[ \"$server\" = '" << server
                        << "' ] && echo 'warning: deprecated' >&2 && echo '" << answer
                        << "' && exit 0\necho 'credentials not found'\nexit 1\n";
    fs::permissions(file, fs::perms::owner_all);
    ::setenv("PATH", (folder_.string() + ":" + path_).c_str(), 1);
  }
  std::string written(const std::string& text) {
    std::ofstream(folder_ / "config.json") << text;
    return folder_ / "config.json";
  }

  const fs::path folder_ = fs::temp_directory_path() / ("hanse-registry-auth-" + std::to_string(::getpid()));
  const std::string path_ = std::getenv("PATH");
};

TEST_F(RegistryAuth, TheLoginOfTheImagesRegistryIsReadAndNoOther) {
  const auto file = written(R"({"auths": {"ghcr.io": {"auth": "bWU6cHc="}}})");
  EXPECT_EQ(read_registry_login(file, "ghcr.io/me/tool:1"), client::RegistryLogin("ghcr.io", "me", "pw", ""));
  const auto none = read_registry_login(file, "debian:bookworm-slim");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("no login for docker.io, but for ghcr.io"));
  EXPECT_THAT(none.error().message, HasSubstr("podman login"));
  EXPECT_FALSE(read_registry_login(folder_ / "absent.json", "ghcr.io/me/tool:1"));
  EXPECT_THAT(read_registry_login(written("{"), "ghcr.io/me/tool:1").error().message, HasSubstr("config.json"));
}

TEST_F(RegistryAuth, ProgramsThatKeepLoginsAreAsked) {
  make_helper("one", "gcr.example", R"({"ServerURL": "gcr.example", "Username": "robot", "Secret": "s"})");
  make_helper("all", "https://index.docker.io/v1/", R"({"Username": "<token>", "Secret": "t"})");
  const auto file = written(R"({"auths": {"https://index.docker.io/v1/": {}}, "credHelpers": {"gcr.example": "one"},
                              "credsStore": "all"})");
  EXPECT_EQ(read_registry_login(file, "gcr.example/x"), client::RegistryLogin("gcr.example", "robot", "s", ""));
  EXPECT_EQ(read_registry_login(file, "debian"), client::RegistryLogin("docker.io", "", "", "t"));
  EXPECT_THAT(read_registry_login(file, "ghcr.io/x").error().message,
              HasSubstr("docker-credential-all has no login for ghcr.io: 'docker login ghcr.io' makes one"));
  const auto absent = read_registry_login(written(R"({"credsStore": "absent"})"), "ghcr.io/x");
  ASSERT_FALSE(absent);
  EXPECT_THAT(absent.error().message, HasSubstr("docker-credential-absent"));
  EXPECT_FALSE(read_registry_login(written(R"({"credsStore": "../x;y"})"), "ghcr.io/x"));
}

TEST_F(RegistryAuth, ThePlanSaysWhoseLoginGoesAndNotThePassword) {
  const auto facts = registry_facts(client::RegistryLogin("ghcr.io", "me", "hunter2", ""));
  ASSERT_EQ(facts.size(), 1U);
  EXPECT_THAT(facts[0].second, HasSubstr("the login of me for ghcr.io goes to the machine"));
  EXPECT_EQ(facts[0].second.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace hanse::cli
