#pragma once

// For tests of commands: each run in this process, with a home folder of the test's own.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/cli.hpp"

namespace hanse::cli {

struct Ran {
  int code;
  std::string out, err;
};

/// Runs the command in this process with its own home folder.
inline Ran run_command(std::vector<std::string> words) {
  words.insert(words.begin(), "hanse");
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int code = run(static_cast<int>(words.size()), argv.data());
  std::string out = ::testing::internal::GetCapturedStdout();
  return {code, out, ::testing::internal::GetCapturedStderr()};
}

class CommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "hanse-cli-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    ::setenv("HANSE_HOME", name.c_str(), 1);
    ::unsetenv("HANSE_NODE");
    ::unsetenv("HANSE_PASSPHRASE");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

}  // namespace hanse::cli
