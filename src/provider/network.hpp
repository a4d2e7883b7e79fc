#pragma once

// What a lease may reach: a bridge network of its own out of a private pool, and a firewall table `inet hanse` around
// all of them. Of a lease's traffic only new connections to public addresses pass, and what answers to them; the host,
// the LAN, link-local (cloud metadata), carrier NAT, multicast and other leases do not, over IPv4 or IPv6. A drop is
// final in nftables whatever other tables accept, so no other firewall on the machine can open a way.

#include <cstdint>
#include <set>
#include <string>

#include "base/error.hpp"

namespace hanse::provider {

/// The /29s of a private pool. A value; not thread-safe.
class SubnetPool {
 public:
  /// "10.213.0.0/16": inside 10/8, 172.16/12 or 192.168/16, from /8 to /29, with no host bits set.
  static Result<SubnetPool> parse(const std::string& text);

  /// A free one, lowest first; limit_reached if there is none.
  Result<std::string> take();
  /// Marks one as taken (after a restart). False if it was, or is none of this pool's.
  bool take(const std::string& subnet);
  void give_back(const std::string& subnet);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::uint32_t base_ = 0, count_ = 0;
  std::set<std::uint32_t> taken_;
};

/// The table's rules, as `nft -f` takes them; replaces what stood there. Pure.
std::string firewall_rules(const std::string& pool);

/// Loads them, and lets the kernel forward. unsupported (nft missing, not root, or no netfilter) says which, and what
/// to install. Safe to repeat.
Result<> raise_firewall(const std::string& pool);
/// True while the table stands: someone may flush it (`nft flush ruleset`) under us.
bool firewall_stands();

}  // namespace hanse::provider
