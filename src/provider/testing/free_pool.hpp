#pragma once

// For tests: private addresses that are free on this machine, whatever runs here and whatever a killed run left. (The
// bridges of a Docker that was killed stay, and no engine knows them any more.)

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdlib>
#include <random>
#include <string>

#include "base/check.hpp"
#include "provider/network.hpp"

namespace hanse::provider::testing {

/// "10.240.3.9" for the address `number` after the beginning of `block`, "10.240.3.0/24".
inline std::string address_in(const std::string& block, std::uint32_t number) {
  in_addr address{};
  HANSE_CHECK(::inet_pton(AF_INET, block.substr(0, block.find('/')).c_str(), &address) == 1);
  address.s_addr = htonl(ntohl(address.s_addr) + number);
  char text[INET_ADDRSTRLEN];
  return ::inet_ntop(AF_INET, &address, text, sizeof text);
}

/// A block such as "10.240.3.0/28" of which no interface here has an address, at random: programs that run at one time
/// do not meet. `bits` not less than those of `within`. Aborts where all are taken.
inline std::string free_pool(int bits, const std::string& within = "10.224.0.0/11") {
  static std::mt19937 random{std::random_device()()};
  const int spare = bits - std::atoi(within.c_str() + within.find('/') + 1);
  const auto used = addresses_of_this_machine();
  for (int i = 0; i < 1000; ++i) {
    const auto number = (static_cast<std::uint32_t>(random()) & ((1U << spare) - 1)) << (32 - bits);
    const auto block = address_in(within, number) + "/" + std::to_string(bits);
    if (!overlaps(block, used)) return block;
  }
  HANSE_CHECK(false && "no private addresses are free here");
}

}  // namespace hanse::provider::testing
