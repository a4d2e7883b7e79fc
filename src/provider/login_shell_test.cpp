// The shells that people get, in a container whose image has a PATH of its own.

#include "provider/login_shell.hpp"

#include "provider/testing/gateway_suite.hpp"

namespace hanse::provider {
namespace {

using testing::GatewayHouse;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::run_shell;

constexpr const char* kPath = "/opt/tool/bin:/usr/local/bin:/usr/bin:/bin";

/// A tool in that PATH, and a login file that adds to PATH and defines a function.
const std::string kPrepare =
    "mkdir -p /opt/tool/bin; printf '#!/bin/sh\\necho tool-ok\\n' > /opt/tool/bin/mytool; chmod 755 "
    "/opt/tool/bin/mytool;"
    "echo 'PATH=$PATH:/added:/usr/bin; greet() { echo hello; }' > /etc/profile.d/own.sh;"
    "echo 'echo own-env' > /own-env; touch /workspace/ready; exec sleep infinity";

class LoginShell : public ::testing::TestWithParam<bool> {
 protected:
  static std::string prepare() { return (GetParam() ? "" : "rm -f /bin/bash; ") + kPrepare; }
  /// What a shell says that is told this; with a terminal it says the words too.
  static std::string said(const GatewayHouse& house, const std::string& words, bool has_terminal) {
    while (!std::filesystem::exists(house.workspace() / "ready")) ::usleep(10'000);
    return run_shell("printf '%s\\nexit\\n' '" + words + "' | TERM=vt220 " + house.ssh(has_terminal ? "-tt" : "-T") +
                     " 2>&1")
        .output;
  }
};

TEST_P(LoginShell, FindsTheImagesToolsAndWhatTheLoginFilesAdd) {
  const GatewayHouse house(prepare(), GatewayHouse::default_options(), {std::string("PATH=") + kPath});
  for (const bool has_terminal : {true, false}) {
    EXPECT_THAT(said(house, "mytool", has_terminal), HasSubstr("tool-ok")) << has_terminal;
    EXPECT_THAT(said(house, "echo [$PATH]", has_terminal),
                HasSubstr(std::string("[") + kPath + ":/usr/local/sbin:/usr/sbin:/sbin:/added]"))
        << has_terminal;
    // With a sh that has no terminal only what is exported comes through.
    if (has_terminal || GetParam()) {
      EXPECT_THAT(said(house, "greet", has_terminal), HasSubstr("hello"));
    }
  }
}

TEST_P(LoginShell, HasNothingOfOurs) {
  const GatewayHouse house(prepare(), GatewayHouse::default_options(), {std::string("PATH=") + kPath});
  for (const bool has_terminal : {true, false}) {
    EXPECT_THAT(
        said(house, "echo left-$(set | grep -c \"^HANSE_[PE]\\|^ENV=\\|^BASH_ENV=\\|^all=\\|^one=\")-", has_terminal),
        HasSubstr("left-0-"));
    EXPECT_THAT(said(house, "test -e /proc/$$/fd/3 || echo closed-$((40+2))", has_terminal), HasSubstr("closed-42"));
  }
  if (!GetParam()) return;
  EXPECT_THAT(said(house, "shopt -q login_shell && echo login-$((40+2)) $HISTFILE", true),
              HasSubstr("login-42 /root/.bash_history"));
  EXPECT_THAT(said(house, "shopt -qo posix || echo bash-$((40+2))", true), HasSubstr("bash-42"));
}

TEST_P(LoginShell, LeavesTheImageItsOwnStartFile) {
  const GatewayHouse house(prepare(), GatewayHouse::default_options(), {"ENV=/own-env", "BASH_ENV=/own-env"});
  const bool has_bash = GetParam();
  EXPECT_THAT(said(house, "echo [$ENV]", true), HasSubstr("[/own-env]"));
  // As ever: sh reads it on a terminal, bash without one.
  EXPECT_THAT(said(house, "true", !has_bash), ::testing::ContainsRegex("own-env\r?\n"));
  if (has_bash) {
    EXPECT_THAT(said(house, "true", true), Not(HasSubstr("own-env")));
  }
}

INSTANTIATE_TEST_SUITE_P(Gateway, LoginShell, ::testing::Bool(),
                         [](const auto& shell) { return shell.param ? "Bash" : "Sh"; });

}  // namespace
}  // namespace hanse::provider
