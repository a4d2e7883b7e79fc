#pragma once

// Names and connections with an end to every wait: at a deadline, or when somebody says stop.

#include <cstdint>
#include <string>
#include <vector>

#include <netinet/in.h>

#include "base/error.hpp"

namespace hanse::net {

/// An address and port of a host: the family that its own first field names.
union Address {
  sockaddr head;
  sockaddr_in v4;
  sockaddr_in6 v6;
  [[nodiscard]] socklen_t size() const { return head.sa_family == AF_INET6 ? sizeof v6 : sizeof v4; }
};

/// What the name server says, in its order. It is asked by a thread that is left behind when it takes too long, for
/// nothing can end it. not_found: there is no such host; unavailable: the name server does not answer; timeout;
/// wrong_state: `stop_fd` (-1: none) became readable.
Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port, int timeout_ms, int stop_fd = -1);

/// A connected, non-blocking socket, the caller's to close: to the first address that takes it, each given its share of
/// the time. unavailable names the last one's reason; timeout and wrong_state as above.
Result<int> connect(const std::vector<Address>& addresses, int timeout_ms, int stop_fd = -1);

}  // namespace hanse::net
