#pragma once

// A lease's container as the engine is to make it: its share of the machine, its job's image and environment. Pure.

#include "model/job.hpp"
#include "model/lease.hpp"
#include "provider/agent.hpp"
#include "provider/workspace.hpp"

namespace hanse::provider {

inline constexpr std::int64_t kPidsPerLease = 4096;
inline constexpr std::uint64_t kShmOfUnknownMemory = 64ULL << 20;

/// Of a container: which devices it was made with, and by which nodes (access_text).
inline const std::string kDevicesLabel = "hanse.devices=";

struct LeasePlace {
  std::string container_name;
  std::vector<std::string> labels;
  Workspaces::Paths paths;
  std::string network;                      ///< Or "none".
  std::uint32_t machines = 1;               ///< Of the gang that the lease is of.
  std::string image = {};                   ///< The id of the job's image; empty: by its name in the job.
  std::vector<Device> devices = {};         ///< The leased ones; none of a machine without GPUs.
  DeviceAccess access = {};                 ///< What it takes to use them.
  std::vector<std::string> image_env = {};  ///< "NAME=value", as the image sets it.
};

/// The id of the image if it is known, or else its name.
std::string image_of(const AgentConfig& config, const model::Job& job, const LeasePlace& place);

/// CPU threads and memory in proportion to the GPUs. /dev/shm counts against the memory: half of it, as a Linux machine
/// has it, or what the job asks for up to all of it.
ContainerSpec lease_spec(const AgentConfig& config, const model::Lease& lease, const model::Job& job,
                         const LeasePlace& place);

/// What holds the files of a lease that is kept: the same image, next to none of the machine, no device and no network.
ContainerSpec keeper_spec(const AgentConfig& config, const model::Lease& lease, const model::Job& job,
                          LeasePlace place);

/// The numbers of the leased devices, ascending.
std::vector<std::uint32_t> leased_devices(const model::Lease& lease);

}  // namespace hanse::provider
