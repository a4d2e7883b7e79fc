// Files in and out of a lease, with scp(1), sftp(1) and rsync(1), and attempts to get out of it.

#include "provider/testing/gateway_suite.hpp"

namespace hanse::provider {
namespace {

using ::testing::HasSubstr;
using testing::Ran;
using testing::run_shell;

class GatewayCopyTest : public testing::GatewaySuite<GatewayCopyTest> {
 protected:
  static std::string scp() { return "scp -q -F " + house().config() + " "; }
  static Ran sftp(const std::string& commands) {
    return run_shell("printf '%b' '" + commands + "' | sftp -q -b - -F " + house().config() + " " + house().target() +
                     " 2>&1");
  }
  static std::string blob() {
    static const std::string path = [] {
      const std::string file = folder() + "/blob";
      run_shell("head -c 50000000 /dev/urandom > " + file);
      return file;
    }();
    return path;
  }
};

TEST_F(GatewayCopyTest, ScpCopiesThereAndBackUnchanged) {
  ASSERT_EQ(run_shell(scp() + blob() + " " + house().target() + ":there 2>&1").output, "");
  EXPECT_EQ(run_shell("cmp " + blob() + " " + (house().workspace() / "there").string()).code, 0);
  ASSERT_EQ(run_shell(scp() + house().target() + ":/workspace/there " + folder() + "/back 2>&1").output, "");
  EXPECT_EQ(run_shell("cmp " + blob() + " " + folder() + "/back").code, 0);
}

TEST_F(GatewayCopyTest, ScpCopiesFoldersWithModesAndTimes) {
  run_shell("mkdir -p " + folder() + "/tree/deep/er && echo x > " + folder() + "/tree/deep/er/file && chmod 751 " +
            folder() + "/tree/deep/er/file && touch -d '2001-02-03 04:05:06 UTC' " + folder() + "/tree/deep/er/file");
  ASSERT_EQ(run_shell(scp() + "-rp " + folder() + "/tree " + house().target() + ":~/tree 2>&1").output, "");
  EXPECT_EQ(run_shell("stat -c '%a %Y' " + (house().workspace() / "tree/deep/er/file").string()).output,
            "751 981173106\n");
}

TEST_F(GatewayCopyTest, SftpDoesWhatPeopleDoWithIt) {
  ASSERT_EQ(
      sftp("put " + blob() + " a\\nmkdir d\\nrename a d/b\\nln -s b d/link\\nln d/b d/hard\\nchmod 600 d/b\\n").code,
      0);
  const Ran listing = sftp("pwd\\nls -l d\\ndf\\n");
  EXPECT_THAT(listing.output, HasSubstr("Remote working directory: /workspace"));
  EXPECT_THAT(listing.output, HasSubstr("-rw-------"));
  EXPECT_THAT(listing.output, HasSubstr("50000000"));
  EXPECT_THAT(listing.output, HasSubstr("lrwxrwxrwx"));
  ASSERT_EQ(sftp("get d/link " + folder() + "/got\\nrm d/b\\nrm d/link\\nrm d/hard\\nrmdir d\\n").code, 0);
  EXPECT_EQ(run_shell("cmp " + blob() + " " + folder() + "/got").code, 0);
  EXPECT_THAT(sftp("ls d\\n").output, HasSubstr("not found"));
}

TEST_F(GatewayCopyTest, AnInterruptedCopyResumes) {
  run_shell("head -c 20000000 " + blob() + " > " + (house().workspace() / "part").string());
  ASSERT_EQ(sftp("reput " + blob() + " part\\n").code, 0);
  EXPECT_EQ(run_shell("cmp " + blob() + " " + (house().workspace() / "part").string()).code, 0);
}

TEST_F(GatewayCopyTest, FoldersOfThousandsOfFilesAreListed) {
  run_shell("mkdir -p " + (house().workspace() / "many").string() + " && cd " +
            (house().workspace() / "many").string() + " && seq 3000 | xargs touch");
  EXPECT_EQ(run_shell("printf 'ls -1 many\\n' | sftp -q -b - -F " + house().config() + " " + house().target() +
                      " 2>&1 | grep -c many/")
                .output,
            "3000\n");
}

TEST_F(GatewayCopyTest, RsyncSynchronises) {
  // The image has no rsync: ours goes in with its libraries.
  const std::string bin = (house().workspace() / "bin").string();
  run_shell("mkdir -p " + bin + " && cp $(command -v rsync) " + bin +
            "/ && cp $(ldd $(command -v rsync) | grep -o '/[^ ]*so[^ ]*') " + bin);
  run_shell("mkdir -p " + folder() + "/r && cp " + blob() + " " + folder() + "/r/one && echo 2 > " + folder() +
            "/r/two");
  const std::string rsync =
      "rsync -a --delete --rsync-path='LD_LIBRARY_PATH=/workspace/bin /workspace/bin/rsync' -e 'ssh -F " +
      house().config() + "' ";
  ASSERT_EQ(run_shell(rsync + folder() + "/r/ " + house().target() + ":r/ 2>&1").output, "");
  EXPECT_EQ(run_shell("diff -r " + folder() + "/r " + (house().workspace() / "r").string()).output, "");
  run_shell("rm " + folder() + "/r/two; echo 3 >> " + folder() + "/r/one");
  ASSERT_EQ(run_shell(rsync + folder() + "/r/ " + house().target() + ":r/ 2>&1").output, "");
  EXPECT_EQ(run_shell("diff -r " + folder() + "/r " + (house().workspace() / "r").string()).output, "");
}

TEST_F(GatewayCopyTest, PathsThatClimbOutStayInTheContainer) {
  const std::string secret = folder() + "/secret";  // A path of the host that the container does not have.
  std::ofstream(secret) << "host";
  for (const std::string& path :
       std::vector<std::string>{secret, "../../../../../../../.." + secret, "/proc/1/root" + secret,
                                "/proc/self/root" + secret, "/proc/self/cwd/../.." + secret}) {
    EXPECT_THAT(sftp("get " + path + " " + folder() + "/stolen\\n").output, HasSubstr("not found")) << path;
    EXPECT_FALSE(std::filesystem::exists(folder() + "/stolen")) << path;
  }
  EXPECT_THAT(sftp("cd ../../..\\npwd\\n").output, HasSubstr("Remote working directory: /\n"));
}

TEST_F(GatewayCopyTest, SymbolicLinksLeadNowhereElse) {
  std::filesystem::create_symlink("/etc/hostname", house().workspace() / "name");
  const std::string inside = run_shell(house().ssh() + " cat /etc/hostname").output;
  ASSERT_EQ(sftp("get name " + folder() + "/name\\n").code, 0);
  EXPECT_EQ(run_shell("cat " + folder() + "/name").output, inside);
  EXPECT_NE(inside, run_shell("cat /etc/hostname").output);
  const std::string outside = folder() + "/not-there";
  std::filesystem::create_symlink(outside, house().workspace() / "out");
  (void)sftp("put " + house().config() + " out\\n");
  EXPECT_FALSE(std::filesystem::exists(outside));
}

TEST_F(GatewayCopyTest, ALinkSwappedDuringCopiesNeverShowsTheHost) {
  const std::string secret = folder() + "/swap-secret";
  std::ofstream(secret) << "host";
  run_shell("echo inside > " + (house().workspace() / "plain").string());
  std::atomic<bool> stop = false;
  std::thread swapper([&] {
    for (unsigned i = 0; !stop; ++i) {
      const auto temporary = house().workspace() / "swap.new";
      std::error_code ignored;
      std::filesystem::create_symlink(i % 2 == 0 ? secret : "/workspace/plain", temporary, ignored);
      std::filesystem::rename(temporary, house().workspace() / "swap", ignored);
    }
  });
  std::string commands;
  for (int i = 0; i < 100; ++i) commands += "-get swap " + folder() + "/swapped-" + std::to_string(i) + "\\n";
  // As often as it takes for some of the copies to meet the link while it leads to the file inside.
  std::string seen;
  for (int i = 0; i < 100 && seen.empty(); ++i) {
    (void)sftp(commands);
    seen = run_shell("cat " + folder() + "/swapped-* 2>/dev/null | sort -u").output;
  }
  stop = true;
  swapper.join();
  EXPECT_EQ(seen, "inside\n");
}

TEST_F(GatewayCopyTest, TheHelperHasNoMoreRightsThanTheContainer) {
  // Held open so that its process can be looked at from the host.
  FILE* session =
      ::popen(("sftp -q -F " + house().config() + " " + house().target() + " >/dev/null 2>&1").c_str(), "w");
  const std::string find =
      "for p in $(pgrep -f 'namespace-helper sftp'); do grep -q 'NSpid:.*[0-9]\\s[0-9]' /proc/$p/status && echo $p; "
      "done";
  std::string pid;
  for (int i = 0; i < 500 && pid.empty(); ++i) pid = run_shell(find).output;
  ASSERT_FALSE(pid.empty());
  pid = pid.substr(0, pid.find('\n'));
  const auto state = testing::EngineService::instance().engine().inspect(house().container());
  ASSERT_TRUE(state);
  for (const std::string field : {"CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Uid", "Gid"}) {
    const auto value = [&](const std::string& process) {
      return run_shell("grep ^" + field + ": /proc/" + process + "/status").output;
    };
    EXPECT_EQ(value(pid), value(std::to_string(state->pid)));
  }
  for (const std::string space : {"mnt", "net", "pid_for_children", "ipc", "uts", "user", "cgroup"}) {
    EXPECT_EQ(run_shell("readlink /proc/" + pid + "/ns/" + space).output,
              run_shell("readlink /proc/" + std::to_string(state->pid) + "/ns/" + space).output);
  }
  EXPECT_EQ(run_shell("cat /proc/" + pid + "/cgroup").output,
            run_shell("cat /proc/" + std::to_string(state->pid) + "/cgroup").output);
  EXPECT_EQ(run_shell("ls /proc/" + pid + "/fd | wc -l").output, "3\n");
  // And the container cannot reach the host's program through it.
  EXPECT_NE(run_shell(house().ssh() + " 'for p in /proc/[0-9]*; do readlink $p/exe; done' | grep -c " HANSE_TEST_HELPER)
                .output,
            "1\n");
  ::pclose(session);
}

TEST_F(GatewayCopyTest, AConnectionCutInTheMiddleHurtsNobodyElse) {
  run_shell("timeout -s KILL 0.3 " + scp() + "-l 80000 " + blob() + " " + house().target() + ":cut 2>&1");
  EXPECT_TRUE(house().healthy());
  EXPECT_LT(std::filesystem::file_size(house().workspace() / "cut"), 50'000'000U);
}

TEST_F(GatewayCopyTest, AHelperThatDiesGivesAnError) {
  FILE* session = ::popen((scp() + "-l 8000 " + blob() + " " + house().target() + ":died 2>&1").c_str(), "r");
  for (int i = 0; i < 2000 && !std::filesystem::exists(house().workspace() / "died"); ++i) ::usleep(5000);
  run_shell("pkill -KILL -f 'namespace-helper sftp " +
            std::to_string(testing::EngineService::instance().engine().inspect(house().container())->pid) + "$'");
  std::string output;
  char line[256];
  while (std::fgets(line, sizeof line, session) != nullptr) output += line;
  EXPECT_NE(::pclose(session), 0);
  EXPECT_THAT(output, HasSubstr("lost connection"));
  EXPECT_TRUE(house().healthy());
}

}  // namespace
}  // namespace hanse::provider
