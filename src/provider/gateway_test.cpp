// Logging in and running commands, with the ssh(1) that people use.

#include "provider/gateway.hpp"

#include "provider/testing/gateway_suite.hpp"
#include "provider/testing/heard.hpp"

namespace hanse::provider {
namespace {

using testing::EngineService;
using testing::GatewayHouse;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Ran;
using testing::run_shell;

class GatewayTest : public testing::GatewaySuite<GatewayTest> {};

TEST_F(GatewayTest, CommandsGiveTheirOutputErrorsAndExitCode) {
  const Ran ran = run_shell(house().ssh() + " 'echo out; echo err >&2; exit 42' 2>" + folder() + "/err");
  EXPECT_EQ(ran.code, 42);
  EXPECT_EQ(ran.output, "out\n");
  EXPECT_EQ(run_shell("cat " + folder() + "/err").output, "err\n");
}

TEST_F(GatewayTest, CommandsRunInTheWorkspaceOfTheContainer) {
  std::ofstream(house().workspace() / "mine") << "hello";
  EXPECT_EQ(run_shell(house().ssh() + " 'pwd; cat mine'").output, "/workspace\nhello");
  EXPECT_NE(run_shell(house().ssh() + " hostname").output, run_shell("hostname").output);
}

TEST_F(GatewayTest, InputReachesTheCommandAndItsEndToo) {
  EXPECT_EQ(run_shell("printf 'a\\nb\\nc\\n' | " + house().ssh() + " wc -l").output, "3\n");
  EXPECT_EQ(run_shell(house().ssh("-n") + " cat").output, "");
}

TEST_F(GatewayTest, CommandsThatNeverReadTheirInputEndAllTheSame) {
  EXPECT_EQ(run_shell("head -c 20000000 /dev/zero | " + house().ssh() + " 'exit 3'").code, 3);
}

TEST_F(GatewayTest, FiftyMegabytesPassBothWaysUnchanged) {
  const std::string file = folder() + "/blob";
  run_shell("head -c 50000000 /dev/urandom > " + file);
  const Ran ran = run_shell(house().ssh() + " cat < " + file + " | cmp - " + file + " && echo same");
  EXPECT_EQ(ran.output, "same\n");
}

TEST_F(GatewayTest, ASlowReaderGetsEverythingLater) {
  const Ran ran =
      run_shell(house().ssh() + " 'head -c 30000000 /dev/zero' | (read -t 0.3 nothing < /dev/tty; wc -c) 2>/dev/null");
  EXPECT_EQ(ran.output, "30000000\n");
}

TEST_F(GatewayTest, TerminalsHaveTheClientsSize) {
  // script(1) gives ssh a terminal of the size that stty set on it.
  const Ran ran = run_shell("script -qec \"stty rows 33 cols 101; " + house().ssh("-tt") + " stty size\" /dev/null");
  EXPECT_THAT(ran.output, HasSubstr("33 101"));
}

TEST_F(GatewayTest, AShellStartsWithTheClientsTerminalAndLanguage) {
  const Ran ran = run_shell("printf 'echo [$TERM] [$LC_TEST] [$EVIL]\\nexit 5\\n' | TERM=vt220 LC_TEST=de EVIL=1 " +
                            house().ssh("-tt -o SendEnv=LC_TEST -o SendEnv=EVIL"));
  EXPECT_THAT(ran.output, HasSubstr("[vt220] [de] []"));
  EXPECT_EQ(ran.code, 5);
}

TEST_F(GatewayTest, AnotherKeyIsRefused) {
  const std::string options = "-o IdentityFile=none -i " + (house().folder() / "stranger").string();
  const Ran ran = run_shell(
      "ssh -F /dev/null -o HostName=127.0.0.1 -o StrictHostKeyChecking=no -o BatchMode=yes -o "
      "UserKnownHostsFile=/dev/null -p " +
      std::to_string(house().gateway->port()) + " " + options + " lease-7@127.0.0.1 true 2>&1");
  EXPECT_EQ(ran.code, 255);
  EXPECT_THAT(ran.output, HasSubstr("Permission denied (publickey)"));
}

TEST_F(GatewayTest, UnknownUsersAndLeasesAreRefusedAlike) {
  for (const std::string user : {"root", "lease-8", "lease-07", "7", "lease-", "lease-99999999999999999999", "hanse"}) {
    const Ran ran = run_shell("ssh -F " + house().config() + " " + user + "@lease true 2>&1");
    EXPECT_EQ(ran.code, 255) << user;
    EXPECT_THAT(ran.output, HasSubstr("Permission denied (publickey)")) << user;
  }
}

TEST_F(GatewayTest, OnlyKeysAreAcceptedForLogin) {
  const Ran ran =
      run_shell(house().ssh("-o PubkeyAuthentication=no -o PreferredAuthentications=password,keyboard-interactive") +
                " true 2>&1");
  EXPECT_THAT(ran.output, HasSubstr("Permission denied (publickey)"));
}

TEST_F(GatewayTest, TheHostKeyIsTheProviders) {
  const Ran ran = run_shell("ssh-keyscan -p " + std::to_string(house().gateway->port()) + " 127.0.0.1 2>/dev/null");
  EXPECT_THAT(ran.output, HasSubstr(format_ssh_public_key(house().host_key.public_key())));
  EXPECT_THAT(ran.output, Not(HasSubstr("rsa")));
}

TEST_F(GatewayTest, AnEndedLeaseIsClosedAndRefused) {
  const crypto::KeyPair key = house().client;
  constexpr model::LeaseId other{8};
  house().host.put(other, {key.public_key(), house().container(), false});
  const std::string ssh = "ssh -F " + house().config() + " lease-8@lease ";
  FILE* session = ::popen((ssh + "'echo up; sleep 600' 2>&1").c_str(), "r");
  char line[64];
  ASSERT_NE(std::fgets(line, sizeof line, session), nullptr);
  EXPECT_STREQ(line, "up\n");
  house().host.end(other);
  house().gateway->drop(other);
  EXPECT_NE(::pclose(session), 0);
  EXPECT_THAT(run_shell(ssh + "true 2>&1").output, HasSubstr("Permission denied"));
  EXPECT_TRUE(house().healthy());
}

TEST_F(GatewayTest, AShellWhoseClientIsGoneIsHungUp) {
  FILE* session = ::popen((house().ssh("-tt") + " 'echo up; exec sleep 4711' 2>&1").c_str(), "r");
  char line[64];
  ASSERT_NE(std::fgets(line, sizeof line, session), nullptr);
  const std::string look = house().ssh() + " 'cat /proc/[0-9]*/cmdline | tr \"\\0\" \" \"' | grep -c '^.*sleep 4711'";
  EXPECT_EQ(run_shell(look).output, "1\n");
  house().gateway->drop(GatewayHouse::kLease);
  ::pclose(session);
  for (int i = 0; i < 100 && run_shell(look).output == "1\n"; ++i) {
  }
  EXPECT_EQ(run_shell(look).output, "0\n");
}

TEST_F(GatewayTest, ACommandWhoseOutputNobodyReadsEnds) {
  EXPECT_EQ(run_shell("timeout 20 " + house().ssh() + " 'yes 4712' | head -1").output, "4712\n");
  const std::string look = house().ssh() + " 'cat /proc/[0-9]*/cmdline | tr \"\\0\" \" \"' | grep -c '^.*yes 4712'";
  for (int i = 0; i < 100 && run_shell(look).output == "1\n"; ++i) {
  }
  EXPECT_EQ(run_shell(look).output, "0\n");
}

TEST_F(GatewayTest, SubsystemsOfTheHanseCommandAnswer) {
  const std::string ssh = "ssh -F " + house().config() + " -s lease-7@lease ";
  EXPECT_EQ(run_shell("printf job | " + ssh + "hanse-job").output,
            "{\"state\":\"pulling\",\"done\":1,\"total\":2,\"text\":\"half \\\"way\\\"\"}\n{\"state\":\"started\"}\n");
  const Ran refused = run_shell("printf bad | " + ssh + "hanse-job");
  EXPECT_THAT(refused.output, HasSubstr("\"code\":\"bad_signature\""));
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(run_shell("head -c 300000 /dev/zero | " + ssh + "hanse-job").output, HasSubstr("too_large"));
  EXPECT_EQ(run_shell(R"(printf '{"auths":{"ghcr.io":{"username":"me","password":"p"}}}' | )" + ssh + "hanse-registry")
                .output,
            "{\"state\":\"taken\"}\n");
  EXPECT_EQ(house().host.login(), client::RegistryLogin("ghcr.io", "me", "p", ""));
  for (const std::string none : {"{}", "no login", R"({"auths":{"a":{"password":"p"},"b":{"password":"p"}}})"}) {
    EXPECT_THAT(run_shell("printf '" + none + "' | " + ssh + "hanse-registry").output, HasSubstr("\"failed\"")) << none;
  }
  EXPECT_EQ(run_shell(ssh + "hanse-go < /dev/null").output, "{\"state\":\"running\"}\n");
  EXPECT_EQ(run_shell(ssh + "hanse-delivered < /dev/null").output, "job");
  EXPECT_EQ(run_shell(ssh + "hanse-stats < /dev/null | head -1").output, "{\"cpu_percent\":1}\n");
  EXPECT_NE(run_shell(ssh + "no-such 2>/dev/null").code, 0);
}

TEST(GatewayEnvironment, OfWhatSshStartsIsThatOfTheJobWithWhatTheEngineAddedForADevice) {
  if (EngineService::instance().is_docker()) GTEST_SKIP() << "Docker adds nothing of its own";
  // The engine itself reads this: a device that is nothing but a variable, beside those that may be there.
  const std::string device = "hanse-test-" + std::to_string(::getpid());
  const std::filesystem::path spec = "/var/run/cdi/" + device + ".json";
  std::filesystem::create_directories(spec.parent_path());
  std::ofstream(spec) << R"({"cdiVersion": "0.3.0", "kind": "nvidia.com/gpu", "devices": [{"name": ")" << device
                      << R"(", "containerEdits": {"env": ["LD_LIBRARY_PATH=/of/the/driver"]}}]})";
  {
    const GatewayHouse house("sleep infinity", GatewayHouse::default_options(), {"OF_THE_JOB=a b=c", "BOTH=job"},
                             {.cdi = {"nvidia.com/gpu=" + device}});
    const auto said = run_shell(house.ssh("-o SetEnv='LANG=C.UTF-8'") + " env").output;
    for (const std::string entry :
         {"LD_LIBRARY_PATH=/of/the/driver\n", "OF_THE_JOB=a b=c\n", "BOTH=job\n", "LANG=C.UTF-8\n"}) {
      EXPECT_THAT(said, HasSubstr(entry));
    }
    const auto shell = run_shell("echo 'echo got $LD_LIBRARY_PATH' | " + house.ssh("-T")).output;
    EXPECT_THAT(shell, HasSubstr("got /of/the/driver"));
  }
  std::filesystem::remove(spec);
}

TEST(GatewayBytes, NoneThatAGuestSendsEndMoreThanItsOwnCommand) {
  const GatewayHouse house;
  const auto refused = run_shell(house.ssh() + R"x( "$(printf 'echo a\377\300\200z')" 2>&1)x");
  EXPECT_EQ(refused.code, 255);
  EXPECT_THAT(refused.output, HasSubstr("must be UTF-8"));
  struct Odd {
    std::string before, options, command;
  };
  const std::string odd = R"x("$(printf 'x\377\300')")x";
  for (const auto& [before, options, command] :
       {Odd{"", "-o SetEnv=LANG=" + odd, "true"}, Odd{"TERM=" + odd + " ", "-tt", "true"}, Odd{"", "-s", odd}}) {
    static_cast<void>(run_shell(before + house.ssh(options) + " " + command + " < /dev/null 2>&1"));
    EXPECT_EQ(run_shell(house.ssh() + " echo still here").output, "still here\n") << before << options;
  }
  for (int byte = 1; byte < 256; byte += 7) {
    char octal[8];
    std::snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned>(byte));
    static_cast<void>(run_shell(house.ssh() + " \"$(printf 'true " + octal + "')\" < /dev/null 2>&1"));
  }
  EXPECT_EQ(run_shell(house.ssh() + " echo still here").output, "still here\n");
}

class GatewayLogs : public testing::GatewaySuite<GatewayLogs> {
 protected:
  GatewayLogs() : kept_(OutputLog::open(house().folder() / testing::test_name("log"), 64 << 20).value()), log(*kept_) {
    house().host.set_log(kept_);
  }
  static testing::Heard heard(const std::string& request) {
    const Ran ran = run_shell("printf '" + request + "' | ssh -F " + house().config() + " -s lease-7@lease hanse-logs");
    EXPECT_EQ(ran.code, 0) << "nothing of the job is told by the channel's own exit status";
    testing::Heard heard;
    heard.take(as_bytes(ran.output));
    return heard;
  }

  const std::shared_ptr<OutputLog> kept_;
  OutputLog& log;
};

TEST_F(GatewayLogs, AreFollowedToTheJobsEnd) {
  log.append(wire::FrameKind::output, "one\n");
  std::jthread job([&] {
    log.append(wire::FrameKind::errors, "two\n");
    log.append(wire::FrameKind::note, "said by the machine");
    log.append(wire::FrameKind::exit, to_text(wire::JobExit{255, false}));
  });
  const auto all = heard("");
  EXPECT_EQ(all.out, "one\n");
  EXPECT_EQ(all.err, "two\n");
  EXPECT_THAT(all.notes, ::testing::ElementsAre("said by the machine"));
  EXPECT_EQ(all.exit, (wire::JobExit{255, false})) << "whatever number it is, it is the job's";
}

TEST_F(GatewayLogs, GoOnAtAMark) {
  log.append(wire::FrameKind::output, "before\n");
  const auto mark = log.end();
  log.append(wire::FrameKind::output, "after\n");
  const auto rest = heard(to_text(wire::StreamRequest{mark, false}));
  EXPECT_EQ(rest.out, "after\n");
  EXPECT_TRUE(rest.is_done);
  EXPECT_FALSE(rest.exit);
}

TEST_F(GatewayLogs, WhatIsThereEndsThoughTheJobGoesOnPrinting) {
  log.append(wire::FrameKind::output, "some\n");
  std::jthread job([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) log.append(wire::FrameKind::output, std::string(1000, 'x'));
  });
  EXPECT_TRUE(heard(to_text(wire::StreamRequest{0, false})).is_done);
}

TEST_F(GatewayLogs, AFailureIsSaidInTheStreamAndNotAsTheJobs) {
  house().host.set_log(nullptr);
  const auto none = heard("");
  ASSERT_TRUE(none.failure);
  EXPECT_EQ(*none.failure, (Error{ErrorCode::wrong_state, "no job yet"}));
  EXPECT_EQ(none.all, "");
  EXPECT_EQ(heard("[1]").failure->code, ErrorCode::malformed);
}

}  // namespace
}  // namespace hanse::provider
