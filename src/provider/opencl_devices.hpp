#pragma once

// What OpenCL offers on this machine, through whatever drivers its loader finds.

#include <cstdint>
#include <string>
#include <vector>

namespace hanse::provider {

struct OpenClDevice {
  std::string name, driver;
  std::uint64_t memory_bytes = 0;
  bool is_gpu = false;
};

std::vector<OpenClDevice> opencl_devices();

}  // namespace hanse::provider
