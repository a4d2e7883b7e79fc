#pragma once

// Jobs from counts. The data says how many jobs and GPUs ran and waited in each minute, not which; so:
//   - where a minute has k more jobs than the one before, k came; where it has k fewer, k left. Who comes and goes
//     within the same minute is not seen;
//   - the change in GPUs of that minute is shared out among them, in powers of two;
//   - those that wait start in the order in which they came;
//   - who leaves is drawn (from `seed`) among those that run with as many GPUs. So the number that runs is that of the
//     data in every minute, and the mean duration is what Little's law says: jobs running ÷ arrivals.

#include <cstdint>
#include <vector>

#include "replay/data.hpp"

namespace hanse::replay {

/// By arrival. Jobs that still run at the end end there.
[[nodiscard]] std::vector<Job> jobs_of(const std::vector<DemandRow>& rows, std::uint64_t seed);

/// `gpus` shared out among `jobs`: each gets at least `unit`, all powers of two of it but for a single one.
[[nodiscard]] std::vector<std::uint32_t> share_out(std::int64_t gpus, std::int64_t jobs, std::uint32_t unit,
                                                   std::uint32_t most);

}  // namespace hanse::replay
