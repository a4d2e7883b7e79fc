// The isolation of leases as the kernel enforces it, tried from inside real containers.

#include "provider/network.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "provider/lease_network.hpp"
#include "provider/process.hpp"
#include "provider/testing/engine_service.hpp"
#include "provider/testing/free_pool.hpp"

namespace hanse::provider {
namespace {

using testing::address_in;
using testing::EngineService;
using testing::free_pool;
using ::testing::HasSubstr;
using testing::read_all;
using testing::TestContainer;

/// A listening TCP socket of the host, on every address of its own.
class HostListener {
 public:
  HostListener() : fd_(::socket(AF_INET6, SOCK_STREAM, 0)) {
    HANSE_CHECK(fd_ >= 0);
    const int off = 0;
    ::setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    HANSE_CHECK(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && ::listen(fd_, 8) == 0);
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin6_port);
  }
  ~HostListener() { ::close(fd_); }
  [[nodiscard]] int port() const { return port_; }

 private:
  int fd_, port_ = 0;
};

/// Two leases' networks with a container each; the firewall up.
class Isolation : public ::testing::Test {
 protected:
  void SetUp() override {
    auto& engine = EngineService::instance().engine();
    ASSERT_TRUE(raise_firewall());
    for (const auto& [name, subnet] : networks_) {
      ASSERT_TRUE(engine.remove_network(name));
      const auto made = engine.create_network(name, subnet, testing::kTestLabel);
      ASSERT_TRUE(made) << made.error().message;
    }
    const std::string serve =
        "exec perl -MSocket -e 'socket(S,PF_INET,SOCK_STREAM,0); setsockopt(S,SOL_SOCKET,"
        "SO_REUSEADDR,1); bind(S,sockaddr_in(7777,INADDR_ANY)) or die; listen(S,5); "
        "$|=1; print \"up\\n\"; while(accept(C,S)){print C \"lease\\n\"; close C}'";
    first_ = std::make_unique<TestContainer>(serve, ContainerSpec{.network = networks_[0].first});
    second_ = std::make_unique<TestContainer>(serve, ContainerSpec{.network = networks_[1].first});
    for (const auto* container : {first_.get(), second_.get()}) {
      auto logs = engine.logs(container->id(), true);
      ASSERT_TRUE(logs && (*logs)->read());
    }
  }
  void TearDown() override {
    first_.reset();
    second_.reset();
    for (const auto& [name, subnet] : networks_) {
      EXPECT_TRUE(EngineService::instance().engine().remove_network(name));
    }
  }

  /// "open" if the container (the first one) can connect there within two seconds, else "shut".
  std::string connect(const std::string& host, int port, std::string from = "") {
    if (from.empty()) from = first_->id();
    const auto script =
        fmt::format("timeout 2 bash -c 'exec 3<>/dev/tcp/{}/{}' 2>/dev/null && echo open || echo shut", host, port);
    auto exec =
        EngineService::instance().engine().exec(from, {.command = {"bash", "-c", script}, .env = {}, .workdir = "/"});
    return exec ? read_all(**exec).out : exec.error().message;
  }

  const std::string pool_ = free_pool(28);
  const std::vector<std::pair<std::string, std::string>> networks_{
      {testing::test_name("iso-a"), address_in(pool_, 0) + "/29"},
      {testing::test_name("iso-b"), address_in(pool_, 8) + "/29"}};
  std::unique_ptr<TestContainer> first_, second_;
};

TEST_F(Isolation, LeaseReachesItselfAndNeitherHostNorLanNorAnotherLease) {
  const HostListener host;
  EXPECT_EQ(connect("127.0.0.1", 7777), "open\n");
  EXPECT_EQ(connect("127.0.0.1", host.port()), "shut\n");           // its own loopback, not the host's
  EXPECT_EQ(connect(address_in(pool_, 1), host.port()), "shut\n");  // the host as its gateway
  EXPECT_EQ(connect(address_in(pool_, 9), host.port()), "shut\n");  // the host as the other's gateway
  EXPECT_EQ(connect(address_in(pool_, 10), 7777), "shut\n");        // the other lease
  EXPECT_EQ(connect("169.254.169.254", 80), "shut\n");              // a cloud's metadata
}

TEST_F(Isolation, WithoutTheFirewallTheSameConnectionsOpen) {
  // What shows that the test above holds because of the rules and not because nothing works.
  const HostListener host;
  ASSERT_EQ(run_program({"nft", "delete", "table", "inet", "hanse"})->exit_code, 0);
  EXPECT_FALSE(firewall_stands());
  EXPECT_EQ(connect(address_in(pool_, 1), host.port()), "open\n");
  ASSERT_TRUE(raise_firewall());
  EXPECT_TRUE(firewall_stands());
  EXPECT_EQ(connect(address_in(pool_, 1), host.port()), "shut\n");
}

TEST_F(Isolation, HostIsShutOverLinkLocalIpv6Too) {
  const HostListener host;
  const auto script = fmt::format(
      "perl -MSocket -e '$i=unpack(\"i\",pack(\"i\",`cat /sys/class/net/eth0/ifindex`)); "
      "socket(S,PF_INET6,SOCK_STREAM,0); alarm 3; $a=Socket::pack_sockaddr_in6({},Socket::inet_pton(AF_INET6,"
      "\"ff02::1\"),$i); print connect(S,$a) ? \"open\" : \"shut\"'",
      host.port());
  auto exec = EngineService::instance().engine().exec(first_->id(),
                                                      {.command = {"bash", "-c", script}, .env = {}, .workdir = "/"});
  ASSERT_TRUE(exec);
  EXPECT_THAT(read_all(**exec).out, ::testing::Not(HasSubstr("open")));
  // The bridge's own address is only known outside.
  const auto bridge = run_program(
      {"ip", "-6", "-o", "addr", "show", "dev", network_interface_of(networks_[0].second).value(), "scope", "link"});
  ASSERT_TRUE(bridge);
  const auto at = bridge->text.find("fe80");
  if (at == std::string::npos) return;  // a host without IPv6 has no such way at all
  const auto address = bridge->text.substr(at, bridge->text.find('/', at) - at);
  EXPECT_EQ(connect(address + "%eth0", host.port()), "shut\n");
}

/// A network namespace with an address that passes for a public one, and a service there that names who calls.
class PublicHost {
 public:
  PublicHost() {
    run("ip netns del hanse-public 2>/dev/null; ip link del pub0 2>/dev/null; true");
    run("ip netns add hanse-public && ip link add pub0 type veth peer name pub1 netns hanse-public && "
        "ip addr add 198.20.0.1/30 dev pub0 && ip link set pub0 up && "
        "ip -n hanse-public addr add 198.20.0.2/30 dev pub1 && ip -n hanse-public link set pub1 up");
    run("ip netns exec hanse-public perl -MSocket -e 'socket(S,PF_INET,SOCK_STREAM,0); alarm 60; "
        "bind(S,sockaddr_in(7778,INADDR_ANY)) or die; listen(S,5); while(accept(C,S)){close C}' >/dev/null 2>&1 &");
  }
  ~PublicHost() { run("kill $(ip netns pids hanse-public) 2>/dev/null; ip link del pub0; ip netns del hanse-public"); }

 private:
  static void run(const std::string& command) {
    EXPECT_EQ(run_program({"sh", "-c", command})->exit_code, 0) << command;
  }
};

TEST_F(Isolation, LeasesOfEveryPoolReachThePublicAtOnce) {
  const PublicHost host;
  EXPECT_EQ(connect("198.20.0.2", 7778), "open\n");
  auto& engine = EngineService::instance().engine();
  const auto name = testing::test_name("iso-c"), subnet = free_pool(29, "172.16.0.0/12");
  ASSERT_TRUE(engine.create_network(name, subnet, testing::kTestLabel));
  {
    ASSERT_TRUE(raise_firewall());  // as another agent on this machine, with another pool, does
    const TestContainer other("sleep 1000", ContainerSpec{.network = name});
    EXPECT_EQ(connect("198.20.0.2", 7778, other.id()), "open\n");
    EXPECT_EQ(connect("198.20.0.2", 7778), "open\n");
    EXPECT_EQ(connect(address_in(subnet, 2), 7777), "shut\n");
  }
  EXPECT_TRUE(engine.remove_network(name));
}

TEST(LeaseNetwork, TwoAgentsWithOnePoolGetOneEach) {
  auto& engine = EngineService::instance().engine();
  const auto block = free_pool(28), low = address_in(block, 0) + "/29", high = address_in(block, 8) + "/29";
  auto first = SubnetPool::parse(block).value(), second = first;
  const auto& label = testing::kTestLabel;
  const auto name = [](int i) { return testing::test_name(fmt::format("two-{}", i)); };
  EXPECT_EQ(make_network(engine, first, name(1), label).value(), low);  // known to the engine alone
  EXPECT_TRUE(try_network(engine, testing::kTestImage, second, label));
  EXPECT_EQ(make_network(engine, second, name(2), label).value(), high);
  const auto none = make_network(engine, second, name(3), label);
  ASSERT_FALSE(none);
  EXPECT_TRUE(engine.remove_network(name(1)));
  EXPECT_EQ(make_network(engine, second, name(3), label).value(), low);  // a refused one is not lost
  for (int i : {2, 3}) EXPECT_TRUE(engine.remove_network(name(i)));
}

TEST(LeaseNetwork, WhatAnInterfaceOfThisMachineUsesIsPassedOver) {
  const auto block = free_pool(27);
  const std::string setup = "ip link del test-vpn 2>/dev/null; ip link add test-vpn type bridge && ip addr add " +
                            address_in(block, 3) + "/28 dev test-vpn";
  ASSERT_EQ(run_program({"sh", "-c", setup})->exit_code, 0);
  auto pool = SubnetPool::parse(block).value();
  auto& engine = EngineService::instance().engine();
  const auto name = testing::test_name("vpn");
  EXPECT_EQ(make_network(engine, pool, name, testing::kTestLabel).value(), address_in(block, 16) + "/29");
  EXPECT_TRUE(engine.remove_network(name));
  EXPECT_EQ(run_program({"ip", "link", "del", "test-vpn"})->exit_code, 0);
}

TEST(LeaseNetwork, OverlapIsOfAnyTwoNetworksThatShareAnAddress) {
  EXPECT_TRUE(overlaps("10.0.0.8/29", {"192.168.0.1/24", "10.0.0.15/32"}));
  EXPECT_TRUE(overlaps("10.0.0.8/29", {"10.9.9.9/8"}));
  EXPECT_FALSE(overlaps("10.0.0.8/29", {"10.0.0.16/29", "10.0.0.7/32", "nonsense"}));
}

TEST(Network, OnlyAddressesOfThePublicInternetArePublic) {
  for (const char* inside : {"127.0.0.1",
                             "127.9.9.9",
                             "0.0.0.0",
                             "10.1.2.3",
                             "172.31.0.1",
                             "192.168.0.1",
                             "169.254.169.254",
                             "100.64.0.1",
                             "224.0.0.1",
                             "255.255.255.255",
                             "::1",
                             "::",
                             "fe80::1",
                             "fe80::1%lo",
                             "fd00::1",
                             "ff02::1",
                             "::ffff:8.8.8.8",
                             "64:ff9b::7f00:1",
                             "2002:7f00:1::",
                             "2001::1",
                             "2001:db8::1",
                             "example.org",
                             ""}) {
    EXPECT_FALSE(is_public_address(inside)) << inside;
  }
  for (const char* outside :
       {"8.8.8.8", "172.32.0.1", "100.128.0.1", "223.255.255.255", "2606:4700::1111", "2001:4860:4860::8888"}) {
    EXPECT_TRUE(is_public_address(outside)) << outside;
  }
}

TEST(Firewall, RulesNameEveryPrivateRange) {
  const auto rules = firewall_rules();
  for (const char* range : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
                            "127.0.0.0/8", "224.0.0.0/3"}) {
    EXPECT_THAT(rules, HasSubstr(range));
  }
}

}  // namespace
}  // namespace hanse::provider
