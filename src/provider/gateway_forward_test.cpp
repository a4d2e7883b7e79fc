// Port forwards, many clients at once, and peers that do not speak SSH.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/rng.hpp"
#include "provider/descriptor.hpp"
#include "provider/testing/gateway_suite.hpp"

namespace hanse::provider {
namespace {

using testing::GatewayHouse;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Ran;
using testing::run_shell;

Descriptor dial(std::uint16_t port) {
  Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  HANSE_CHECK(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

/// Until the peer closes, or ten seconds.
bool is_closed_by_peer(int fd) {
  char buffer[4096];
  while (true) {
    pollfd poll_fd{fd, POLLIN, 0};
    if (::poll(&poll_fd, 1, 10'000) <= 0) return false;
    if (::recv(fd, buffer, sizeof buffer, 0) <= 0) return true;
  }
}

class GatewayForwardTest : public testing::GatewaySuite<GatewayForwardTest> {
 public:
  /// Perl is what the image has to serve a port with: sends back in capitals what it got, at its end.
  static constexpr const char* kCommand =
      "perl -MIO::Socket -e '$s = IO::Socket::INET->new(Listen => 5, LocalAddr => \"127.0.0.1\", LocalPort => 5000, "
      "ReuseAddr "
      "=> 1); while ($c = $s->accept) { local $/; $t = <$c>; print $c uc $t; close $c }'";

 protected:
  /// Sends `text` through a forward by ssh -W, which joins it to standard input and output.
  static Ran through(const std::string& destination, const std::string& text) {
    return run_shell("printf '" + text + "' | timeout 20 " + house().ssh("-o LogLevel=INFO -W " + destination) +
                     " 2>&1");
  }
};

TEST_F(GatewayForwardTest, ReachesThePortsOfTheLease) {
  Ran ran;
  for (int i = 0; i < 50 && ran.output != "HELLO"; ++i) ran = through("localhost:5000", "hello");
  EXPECT_EQ(ran.output, "HELLO");
  EXPECT_EQ(through("127.0.0.1:5000", "again").output, "AGAIN");
}

TEST_F(GatewayForwardTest, MegabytesPassAndEachDirectionEndsByItself) {
  const std::string sent = folder() + "/sent", wanted = folder() + "/wanted";
  run_shell("head -c 6000000 /dev/urandom | base64 > " + sent + "; tr a-z A-Z < " + sent + " > " + wanted);
  const Ran ran = run_shell("timeout 60 " + house().ssh("-W localhost:5000") + " < " + sent + " | cmp - " + wanted +
                            " && echo same");
  EXPECT_EQ(ran.output, "same\n");
}

TEST_F(GatewayForwardTest, ReachesNothingButTheLease) {
  // A port of the host, on all of its addresses.
  Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ASSERT_TRUE(listener);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 5), 0);
  socklen_t size = sizeof address;
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  const std::string port = std::to_string(ntohs(address.sin_port));
  std::string own = run_shell("hostname -I 2>/dev/null | cut -d' ' -f1 | tr -d '\\n'").output;
  if (own.empty()) own = "10.0.0.1";
  for (const auto* host : {"127.0.0.2", "0.0.0.0", "10.0.0.1", "169.254.169.254", "example.com", own.c_str()}) {
    const Ran ran = through(std::string(host) + ":" + port, "hello");
    EXPECT_NE(ran.code, 0) << host;
    EXPECT_THAT(ran.output, HasSubstr("administratively prohibited")) << host;
  }
  // These are the lease's own, where nothing listens on that port.
  for (const auto* host : {"127.0.0.1", "localhost", "[::1]"}) {
    EXPECT_EQ(through(std::string(host) + ":" + port, "hello").output, "") << host;
  }
  pollfd waiting{listener.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 0), 0) << "somebody reached the host";
}

TEST_F(GatewayForwardTest, ForwardsToTheClientAreRefused) {
  const Ran ran = run_shell(house().ssh("-o ExitOnForwardFailure=yes -R 7777:localhost:22") + " true 2>&1");
  EXPECT_EQ(ran.code, 255);
  EXPECT_THAT(ran.output, HasSubstr("remote port forwarding failed"));
}

TEST_F(GatewayForwardTest, TwentySessionsAtOnceAllWork) {
  std::vector<std::thread> threads;
  std::array<Ran, 20> rans;
  for (std::size_t i = 0; i < rans.size(); ++i) {
    threads.emplace_back([&, i] {
      rans[i] = run_shell(house().ssh() + " 'head -c 200000 /dev/zero | wc -c; exit " + std::to_string(i) + "'");
    });
  }
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < rans.size(); ++i) {
    EXPECT_EQ(rans[i].output, "200000\n");
    EXPECT_EQ(rans[i].code, static_cast<int>(i));
  }
}

TEST_F(GatewayForwardTest, ManyChannelsShareOneConnection) {
  const std::string socket = "-o ControlPath=" + folder() + "/mux ";
  FILE* master = ::popen((house().ssh("-M " + socket) + " 'echo up; cat'").c_str(), "w");
  while (run_shell(house().ssh(socket + "-O check") + " 2>/dev/null").code != 0) {
  }
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      good += run_shell("head -c 3000000 /dev/zero | " + house().ssh(socket) + " 'cat' | wc -c").output == "3000000\n";
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 8);
  ::pclose(master);
}

TEST_F(GatewayForwardTest, GarbageAndSilenceDoNotKeepOthersOut) {
  constexpr std::uint64_t seed = 20261122;
  Rng rng(seed);
  std::vector<Descriptor> peers;
  for (int i = 0; i < 60; ++i) {
    peers.push_back(dial(house().gateway->port()));
    std::string bytes = i % 3 == 0 ? "" : i % 3 == 1 ? "SSH-2.0-fake\r\n" : "";
    for (int k = 0; i % 3 != 0 && k < 2000; ++k) bytes.push_back(static_cast<char>(rng.next()));
    (void)!::send(peers.back().get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  EXPECT_TRUE(house().healthy()) << "seed " << seed;
  for (std::size_t i = 0; i < peers.size(); ++i) {
    if (i % 3 == 0) continue;
    EXPECT_TRUE(is_closed_by_peer(peers[i].get())) << "peer " << i << ", seed " << seed;
  }
}

TEST(GatewayLimits, AFullHouseShowsTheSilentOut) {
  auto options = GatewayHouse::default_options();
  options.max_connections = 4;
  GatewayHouse house("sleep infinity", options);
  std::vector<Descriptor> silent;
  for (int i = 0; i < 4; ++i) silent.push_back(dial(house.gateway->port()));
  EXPECT_TRUE(house.healthy());
  EXPECT_TRUE(is_closed_by_peer(silent.front().get()));
}

TEST(GatewayLimits, WhoDoesNotLogInIsShownOut) {
  auto options = GatewayHouse::default_options();
  options.login_timeout_ms = 300;
  GatewayHouse house("sleep infinity", options);
  const Descriptor silent = dial(house.gateway->port());
  EXPECT_TRUE(is_closed_by_peer(silent.get()));
}

TEST(GatewayLimits, SixWrongKeysEndTheConnection) {
  GatewayHouse house;
  std::string keys;
  for (int i = 0; i < 8; ++i) {
    const std::string path = house.folder().string() + "/wrong-" + std::to_string(i);
    std::ofstream(path) << format_ssh_private_key(crypto::KeyPair::generate());
    ::chmod(path.c_str(), 0400);
    keys += " -i " + path;
  }
  const std::string base =
      "ssh -F /dev/null -v -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o "
      "UserKnownHostsFile=/dev/null -p " +
      std::to_string(house.gateway->port());
  const Ran ran = run_shell(base + keys + " lease-7@127.0.0.1 true 2>&1");
  EXPECT_THAT(ran.output, HasSubstr("Connection closed by"));
  EXPECT_THAT(ran.output, Not(HasSubstr("Offering public key: " + house.folder().string() + "/wrong-7")));
}

TEST(GatewayLimits, EndsWithSessionsOpen) {
  GatewayHouse house;
  FILE* session = ::popen((house.ssh() + " 'echo up; sleep 600' 2>&1").c_str(), "r");
  char line[64];
  ASSERT_NE(std::fgets(line, sizeof line, session), nullptr);
  house.gateway.reset();
  EXPECT_NE(::pclose(session), 0);
}

}  // namespace
}  // namespace hanse::provider
