#pragma once

// The market's short names of GPU models. Pure.

#include <cstdint>
#include <string>
#include <string_view>

namespace hanse::provider {

/// "NVIDIA GeForce RTX 4090" → "RTX4090", "NVIDIA H100 80GB HBM3" → "H100-SXM", "NVIDIA H100 PCIe" → "H100-PCIe",
/// "NVIDIA A100-SXM4-80GB" → "A100-SXM", "Tesla V100-SXM2-16GB" → "V100-SXM". Memory sizes are no part of a name: the
/// `vram` field has them. An unknown device keeps its own words, joined by dashes, without its vendor's.
std::string canonical_gpu_model(std::string_view device_name);

}  // namespace hanse::provider
