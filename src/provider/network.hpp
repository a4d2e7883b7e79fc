#pragma once

// What a lease may reach: a bridge network of its own out of a private pool, and a firewall table `inet hanse` around
// all of them. Of a lease's traffic only new connections to public addresses pass, and what answers to them; the host,
// the LAN, link-local (cloud metadata), carrier NAT, multicast and other leases do not, over IPv4 or IPv6. A drop is
// final in nftables whatever other tables accept, so no other firewall on the machine can open a way.

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace hanse::provider {

/// The /29s of a private pool. A value; not thread-safe.
class SubnetPool {
 public:
  /// "10.213.0.0/16": inside 10/8, 172.16/12 or 192.168/16, from /8 to /29, with no host bits set.
  static Result<SubnetPool> parse(const std::string& text);

  /// The lowest that is not taken and of which `is_free` holds; limit_reached if there is none.
  Result<std::string> take(const std::function<bool(const std::string&)>& is_free = {});
  /// Marks one as taken (after a restart). False if it was, or is none of this pool's.
  bool take(const std::string& subnet);
  void give_back(const std::string& subnet);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::uint32_t base_ = 0, count_ = 0;
  std::set<std::uint32_t> taken_;
};

/// The IPv4 networks of all interfaces here: "10.0.0.5/8". A bridge of ours is among them while its lease runs.
std::vector<std::string> addresses_of_this_machine();
/// True if `subnet` shares an address with one of `others`.
bool overlaps(const std::string& subnet, const std::vector<std::string>& others);

/// True for a numeric IPv4 or IPv6 address of the public internet: for IPv4, what the firewall lets leases reach.
bool is_public_address(const std::string& address);

/// The table's rules, as `nft -f` takes them; replaces what stood there. Pure. They know leases by their bridges' names
/// alone: two agents on one machine raise the very same table, whatever their pools.
std::string firewall_rules();

/// Loads them, and lets the kernel forward. unsupported (nft missing, not root, or no netfilter) says which, and what
/// to install. Safe to repeat.
Result<> raise_firewall();
/// True while the table stands: someone may flush it (`nft flush ruleset`) under us.
bool firewall_stands();

}  // namespace hanse::provider
