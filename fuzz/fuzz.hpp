#pragma once

// What every fuzz target here defines: one function that takes any bytes and aborts when something does not hold, and
// a few inputs that are good, to start from. One file, one target, built two ways:
//   - by the `fuzz` preset (clang, libFuzzer, sanitizers):  build/fuzz/fuzz/fuzz_wire CORPUS_FOLDER
//   - by every other preset with main.cpp, as a short test of seeded random mutations of the good inputs.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace hanse::fuzz {

/// Valid inputs, the same at every call.
std::vector<Bytes> seeds();

}  // namespace hanse::fuzz
