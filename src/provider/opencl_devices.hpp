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
  std::uint32_t vendor = 0;  ///< Its PCI id.
  std::string pci;           ///< "0000:03:00.0"; empty where the driver does not say.
};

std::vector<OpenClDevice> opencl_devices();

}  // namespace hanse::provider
