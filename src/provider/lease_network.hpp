#pragma once

// Each lease's own network: made, and at the agent's start tried out.

#include <string>

#include "provider/engine.hpp"
#include "provider/network.hpp"

namespace hanse::provider {

/// Makes the network `name` on the first /29 of the pool that nothing else uses, takes it from the pool and returns it.
/// Passes over what this machine has an address in or a bridge for (a VPN, another agent's lease), and what the engine
/// refuses, a few times over; then the error is the engine's own.
Result<std::string> make_network(Engine& engine, SubnetPool& subnets, const std::string& name,
                                 const std::string& label);

/// Starts a container on a network of its own, looks for its bridge by the name that the firewall knows it by, and
/// removes both. The error says what the machine could not do.
Result<> try_network(Engine& engine, const std::string& image, SubnetPool& subnets, const std::string& label);

/// What a renter is told on a machine whose leases have no network.
inline constexpr const char* kNoNetworkNotice =
    "this machine gives its leases no network: downloads will fail; files, ssh and forwards work";

}  // namespace hanse::provider
