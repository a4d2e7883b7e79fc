#pragma once

// Trials at the agent's start: what this machine can really do for leases.

#include <string>
#include <vector>

#include "provider/engine.hpp"
#include "provider/network.hpp"
#include "provider/nvml.hpp"

namespace hanse::provider {

/// Starts a container on a bridge of its own and removes both. The error says what the engine could not do.
Result<> try_bridge(Engine& engine, const std::string& image, SubnetPool& subnets, const std::string& label);

/// The driver's numbers of all GPUs of one market model: device i of the offer is entry i.
std::vector<std::string> nvidia_indices(Nvml& nvml, const std::string& gpu_model);

}  // namespace hanse::provider
