// What OpenSSH itself makes of the files that are written for it.

#include "cli/ssh_files.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "client/private_file.hpp"

namespace hanse::cli {
namespace {

namespace fs = std::filesystem;

/// `ssh -G`, by the file alone: the settings of lease-7.
std::string settings(const fs::path& config) {
  // The file's name goes in by a descriptor, so that no shell and no rule of ssh's stands in between.
  FILE* pipe = ::popen(("ssh -G -F /dev/stdin lease-7 2>&1 < '" + config.string() + "'").c_str(), "r");
  std::string out;
  for (char buffer[4096]; std::fgets(buffer, sizeof buffer, pipe) != nullptr;) out += buffer;
  ::pclose(pipe);
  return out;
}

TEST(SshFiles, HomeFoldersOfAnyNameAreFoundByOpenSsh) {
  const fs::path root = fs::temp_directory_path() / ("hanse-ssh-files-" + std::to_string(::getpid()));
  for (const std::string name :
       {"plain", "sp ace", "br%2Fanch", "p%h", "p%%", "a[b]", "st*r", "q\"uote", "back\\slash", "br{a,b}", "d$ollar"}) {
    const Home home(root / name);
    fs::create_directories(home.ssh());
    model::Lease lease;
    lease.id = {7};
    lease.endpoint = "127.0.0.1:2222";
    ASSERT_TRUE(write_ssh_files({lease}, home)) << name;
    const auto include = root / "include";
    std::ofstream(include, std::ios::trunc) << include_line(home) << "\n";
    const auto said = settings(include);
    EXPECT_NE(said.find("\nport 2222\n"), std::string::npos) << name << ": the Include is not followed\n" << said;
    EXPECT_NE(said.find("\nuserknownhostsfile " + (home.ssh() / "known_hosts").string() + "\n"), std::string::npos)
        << name << "\n"
        << said;
    // The key's name is shown as it is written: with its tokens.
    EXPECT_NE(said.find("identityfile "), std::string::npos) << said;
  }
  fs::remove_all(root);
}

TEST(SshFiles, WhatTheUserGivesToAllHostsDoesNotReachALease) {
  const fs::path root = fs::temp_directory_path() / ("hanse-ssh-files-" + std::to_string(::getpid()));
  const Home home(root);
  fs::create_directories(home.ssh());
  model::Lease lease;
  lease.id = {7};
  lease.endpoint = "127.0.0.1:2222";
  ASSERT_TRUE(write_ssh_files({lease}, home));
  std::ofstream(root / "all") << include_line(home) << "\nHost *\n  ForwardAgent yes\n  ForwardX11 yes\n"
                              << "  ForwardX11Trusted yes\n  GSSAPIAuthentication yes\n  PermitLocalCommand yes\n"
                              << "  RemoteCommand tmux\n  Tunnel yes\n";
  const auto said = settings(root / "all");
  for (const std::string line :
       {"forwardagent no", "forwardx11 no", "forwardx11trusted no", "permitlocalcommand no", "tunnel false"}) {
    EXPECT_NE(said.find("\n" + line + "\n"), std::string::npos) << line << "\n" << said;
  }
  EXPECT_EQ(said.find("gssapiauthentication yes"), std::string::npos) << said;
  EXPECT_EQ(said.find("tmux"), std::string::npos) << said;
  fs::remove_all(root);
}

}  // namespace
}  // namespace hanse::cli
