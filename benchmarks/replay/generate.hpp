#pragma once

// A trace from a seed, for where the real data is not: arrivals, sizes, durations and prices with the statistics that
// were measured from it (measured.hpp).

#include "base/rng.hpp"
#include "replay/trace.hpp"

namespace hanse::replay {

[[nodiscard]] Trace generate_trace(std::uint64_t seed);

/// Uniform in (0, 1).
[[nodiscard]] double uniform(Rng& rng);
/// Of the standard normal distribution.
[[nodiscard]] double normal(Rng& rng);

}  // namespace hanse::replay
