// What the plan says of a workdir, and whether it fits the disk that is rented.

#include "cli/workdir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace hanse::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LocalTree tree_of(const std::vector<std::string>& names, std::uint64_t size = 10) {
  LocalTree tree;
  for (const auto& name : names) {
    tree.files.push_back({name, name, size, 0644, 0, false});
    tree.bytes += size;
  }
  return tree;
}

TEST(Workdir, WhatLooksLikeASecretIsNamed) {
  const std::vector<std::string> secrets{".env",
                                         "a/.env.production",
                                         "prod.env",
                                         "tls/server.pem",
                                         "x.KEY",
                                         "id_rsa",
                                         "keys/id_ed25519",
                                         ".netrc",
                                         ".npmrc",
                                         ".pypirc",
                                         ".aws/config",
                                         "home/.ssh/config",
                                         "a/.kube/config",
                                         ".docker/config.json",
                                         "cert.p12",
                                         "b/c.pfx",
                                         ".git-credentials",
                                         "HF_TOKEN.txt",
                                         "my-service-account-1.json",
                                         "google_credentials.json",
                                         "a/token",
                                         "id_rsa_work",
                                         "kaggle.json",
                                         ".config/gcloud/application_default_credentials.json"};
  EXPECT_EQ(likely_secrets(tree_of(secrets)), secrets);
}

TEST(Workdir, WhatOnlySoundsLikeOneIsNot) {
  EXPECT_THAT(
      likely_secrets(tree_of({".env.example", ".env.sample", "a/.env.template", "id_rsa.pub", "sub/id_ed25519.pub",
                              "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "src/token.py",
                              "token.hpp", "config.json", "env", "environment.yml", "keys.txt", "ca/cacert.pem",
                              ".env/bin/python", "docker/config.json", "monkey", "aws/config"})),
      IsEmpty());
}

TEST(Workdir, WhatATakenBackLineNamesIsMeant) {
  auto tree = tree_of({".env", "a.pem"});
  tree.files[0].is_meant = true;
  EXPECT_THAT(likely_secrets(tree), ElementsAre("a.pem"));
}

TEST(Workdir, ThePlanSaysHowMuchGoesAndWhatLooksLikeASecret) {
  auto lines = workdir_facts(tree_of({"a", "b"}, 1'700'000), 1);
  EXPECT_THAT(lines, ElementsAre(::testing::Pair("workdir", "2 files, 3.4 MB go to the machine")));
  lines = workdir_facts(tree_of({"a\n.pem"}), 4);
  EXPECT_EQ(lines[0].second, "1 file, 10 B goes to each of the 4 machines");
  EXPECT_THAT(lines[1].second, HasSubstr("a?.pem looks like a secret: name in .hanseignore"));
  lines = workdir_facts(tree_of({"1.pem", "2.pem", "3.pem", "4.pem", "5.pem", "6.pem", "7.pem"}), 1);
  EXPECT_THAT(lines[1].second, HasSubstr("1.pem, 2.pem, 3.pem, 4.pem, 5.pem and 2 more look like secrets"));
  EXPECT_EQ(workdir_json(tree_of({"a", ".env"})).dump(), R"({"bytes":20,"files":2,"secrets":[".env"]})");
}

TEST(Workdir, OneThatDoesNotFitTheDiskIsRefusedWithBothFigures) {
  constexpr std::uint64_t kMiB = 1 << 20;
  EXPECT_TRUE(check_disk(tree_of({"a"}, 900 * kMiB), 0));
  auto refused = check_disk(tree_of({"data.bin"}, 1'200'000'000), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_large);
  EXPECT_THAT(refused.error().message,
              HasSubstr("1 file, 1.2 GB, and the disk of a job that asks for none, 1GiB, holds 1.0 GB"));
  EXPECT_THAT(refused.error().message, HasSubstr("resources: {disk: 1300MB}"));
  refused = check_disk(tree_of({"a"}, 1020 * kMiB), 1024 * kMiB);
  ASSERT_FALSE(refused) << "less than the disk, and more than its file system leaves";
  EXPECT_THAT(refused.error().message, HasSubstr("the job's disk of 1GiB"));
  EXPECT_TRUE(check_disk(tree_of({"a"}, 1'200'000'000), 1'300'000'000)) << "what it said to write is enough";
  EXPECT_THAT(check_disk(tree_of({"a"}, 37'000'000'000), 0).error().message, HasSubstr("{disk: 40GB}"));
}

TEST(Workdir, SmallFilesTakeWholeBlocksAndOnlySoManyFit) {
  LocalTree tree;
  tree.files.assign(60'000, {"x", "x", 1, 0644, 0, false});
  EXPECT_TRUE(check_disk(tree, 1ULL << 30));
  EXPECT_FALSE(check_disk(tree, 600'000'000));
  tree.files.assign(70'000, {"x", "x", 0, 0644, 0, false});
  const auto refused = check_disk(tree, 1ULL << 30);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("files and folders"));
}

}  // namespace
}  // namespace hanse::cli
