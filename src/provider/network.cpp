#include "provider/network.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <bit>
#include <charconv>
#include <fstream>
#include <optional>

#include "provider/process.hpp"

namespace hanse::provider {

namespace {

/// What the public internet is not. Everything that goes out for a renter is held to it.
constexpr const char* kInside[] = {"0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",
                                   "169.254.0.0/16", "172.16.0.0/12",  "192.0.0.0/24",  "192.0.2.0/24",
                                   "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
                                   "203.0.113.0/24", "224.0.0.0/3"};

constexpr std::uint32_t kSubnetSize = 8;  // a /29: gateway, one container, and room for none other

std::string dotted(std::uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24, (address >> 16) & 255, (address >> 8) & 255, address & 255);
}

struct Block {
  std::uint32_t base;
  unsigned bits;
};

std::optional<Block> parse_block(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  in_addr address{};
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
  if (error != std::errc() || end != text.data() + text.size() || bits > 32) return std::nullopt;
  if (::inet_pton(AF_INET, text.substr(0, slash).c_str(), &address) != 1) return std::nullopt;
  return Block{ntohl(address.s_addr), bits};
}

bool is_private(std::uint32_t base, unsigned bits) {
  const auto inside = [&](std::uint32_t block, unsigned block_bits) {
    return bits >= block_bits && (base >> (32 - block_bits)) == (block >> (32 - block_bits));
  };
  return inside(0x0a000000, 8) || inside(0xac100000, 12) || inside(0xc0a80000, 16);
}

}  // namespace

Result<SubnetPool> SubnetPool::parse(const std::string& text) {
  const auto block = parse_block(text);
  const bool fits = block && block->bits >= 8 && block->bits <= 29 && is_private(block->base, block->bits) &&
                    (block->base & ((std::uint64_t{1} << (32 - block->bits)) - 1)) == 0;
  if (!fits) {
    return fail(ErrorCode::malformed, "\"" + text + "\" is not a private subnet from /8 to /29 such as 10.213.0.0/16");
  }
  SubnetPool out;
  out.text_ = text;
  out.base_ = block->base;
  out.count_ = (std::uint32_t{1} << (32 - block->bits)) / kSubnetSize;
  return out;
}

Result<std::string> SubnetPool::take(const std::function<bool(const std::string&)>& is_free) {
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (taken_.contains(i)) continue;
    auto subnet = dotted(base_ + i * kSubnetSize) + "/29";
    if (is_free && !is_free(subnet)) continue;
    taken_.insert(i);
    return subnet;
  }
  return fail(ErrorCode::limit_reached, "the subnet pool " + text_ + " has no free /29: set another 'subnet_pool'");
}

bool SubnetPool::take(const std::string& subnet) {
  const auto block = parse_block(subnet);
  if (!block || block->bits != 29 || block->base < base_ || block->base % kSubnetSize != 0) return false;
  const auto index = (block->base - base_) / kSubnetSize;
  return index < count_ && taken_.insert(index).second;
}

void SubnetPool::give_back(const std::string& subnet) {
  if (const auto block = parse_block(subnet); block && block->base >= base_) {
    taken_.erase((block->base - base_) / kSubnetSize);
  }
}

std::vector<std::string> addresses_of_this_machine() {
  std::vector<std::string> out;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return out;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_netmask == nullptr || at->ifa_addr->sa_family != AF_INET) continue;
    const auto part = [](const sockaddr* from) {
      return ntohl(reinterpret_cast<const sockaddr_in*>(from)->sin_addr.s_addr);
    };
    out.push_back(fmt::format("{}/{}", dotted(part(at->ifa_addr)), std::popcount(part(at->ifa_netmask))));
  }
  ::freeifaddrs(list);
  return out;
}

bool overlaps(const std::string& subnet, const std::vector<std::string>& others) {
  const auto one = parse_block(subnet);
  return one && std::any_of(others.begin(), others.end(), [&](const std::string& text) {
           const auto other = parse_block(text);
           if (!other) return false;
           const auto bits = std::min(one->bits, other->bits);
           return bits == 0 || ((one->base ^ other->base) >> (32 - bits)) == 0;
         });
}

bool is_public_address(const std::string& address) {
  in6_addr six{};
  if (::inet_pton(AF_INET6, address.c_str(), &six) == 1) {
    const auto* b = six.s6_addr;
    const bool is_global = (b[0] & 0xe0) == 0x20;                                            // 2000::/3 is all there is
    const bool wraps_ipv4 = (b[0] == 0x20 && b[1] == 0x02) ||                                // 6to4
                            (b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x00 && b[3] == 0x00);  // Teredo
    const bool is_example = b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0d && b[3] == 0xb8;
    return is_global && !wraps_ipv4 && !is_example;
  }
  return parse_block(address + "/32") && !overlaps(address + "/32", {std::begin(kInside), std::end(kInside)});
}

std::string firewall_rules() {
  // Leases are known by their bridges' names (engine.hpp), which the agent sees to before it gives out networks.
  // Priority -100 is after connection tracking (-200), whose states the rules use, and before every usual filter (0).
  // The first line makes the second valid where no table stood; the file is applied as a whole, without a gap.
  return R"(add table inet hanse
delete table inet hanse
table inet hanse {
  set inside {
    type ipv4_addr; flags interval; auto-merge
    elements = { )" +
         fmt::format("{}", fmt::join(kInside, ", ")) + R"( }
  }
  chain input {
    type filter hook input priority -100; policy accept;
    iifname "hanse*" drop
  }
  chain forward {
    type filter hook forward priority -100; policy accept;
    iifname "hanse*" oifname "hanse*" drop
    iifname "hanse*" meta nfproto ipv6 drop
    oifname "hanse*" meta nfproto ipv6 drop
    iifname "hanse*" ip saddr != { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 } drop
    iifname "hanse*" ip daddr @inside drop
    oifname "hanse*" ct state != { established, related } drop
  }
  chain output {
    type filter hook output priority -100; policy accept;
    oifname "hanse*" drop
  }
}
)";
}

Result<> raise_firewall() {
  if (::geteuid() != 0) {
    return fail(ErrorCode::unsupported,
                "the firewall for leases needs root: run the agent as root (or rent out with "
                "'internet: false')");
  }
  auto loaded = run_program({"nft", "-f", "-"}, firewall_rules());
  if (!loaded) {
    if (loaded.error().code != ErrorCode::unsupported) return fail(loaded);
    return fail(ErrorCode::unsupported, "the firewall for leases needs nft: apt install nftables");
  }
  if (loaded->exit_code != 0) {
    return fail(ErrorCode::unsupported, "the kernel refuses the firewall for leases: " + loaded->text.substr(0, 300));
  }
  std::ofstream("/proc/sys/net/ipv4/ip_forward") << "1";  // engines set it too; without it there is just no way out
  return {};
}

bool firewall_stands() {
  const auto listed = run_program({"nft", "list", "chain", "inet", "hanse", "forward"});
  return listed && listed->exit_code == 0 && listed->text.find("@inside") != std::string::npos;
}

}  // namespace hanse::provider
