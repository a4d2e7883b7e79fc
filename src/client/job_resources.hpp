#pragma once

// The `resources` of a job file: what its short forms mean in the `where` language.
//
//   gpu: "RTX4090,A100:24GB..:2"    models, VRAM of each device, how many; parts in any order, each at most once
//   cpu: 8..   memory: 64GB..128GB   at least, from to; a bare figure means "at least" too
//   disk: 200GB   shm: 16GB          the size of /workspace and of /dev/shm, which is part of the memory

#include <string>

#include "client/yaml.hpp"

namespace hanse::client {

struct Resources {
  std::string where;  ///< Constraints; empty: none.
  std::uint32_t gpu_count = 1;
  std::uint64_t disk_bytes = 0;
  std::uint64_t shm_bytes = 0;
};

Result<Resources> parse_resources(const YAML::Node& node);

}  // namespace hanse::client
