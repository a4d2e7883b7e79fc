#pragma once

// The GPUs that the kernel's own drivers serve (DRM): AMD's and Intel's have a render node each, /dev/dri/renderD128.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace hanse::provider {

inline constexpr std::uint32_t kAmdVendor = 0x1002, kIntelVendor = 0x8086;

struct RenderNode {
  std::string pci;  ///< "0000:03:00.0"
  std::uint32_t vendor = 0;
  std::uint32_t number = 0;        ///< 128 of renderD128.
  std::string driver;              ///< "amdgpu", "i915", "xe"
  std::string product;             ///< As the card names itself; often empty.
  std::uint64_t memory_bytes = 0;  ///< Its own, where the driver says so (amdgpu does); else 0.
};

/// By PCI address, ascending. `root`: where /sys is.
std::vector<RenderNode> render_nodes(const std::filesystem::path& root);

}  // namespace hanse::provider
