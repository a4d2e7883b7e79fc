#pragma once

// The real data: demand of two clusters minute by minute, list prices by the half-hour. What the files hold and where
// they are from is written beside them. Every error names file and line.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "replay/trace.hpp"

namespace hanse::replay {

/// A folder with `demand/` and `prices/`, as the project's shared data has it.
[[nodiscard]] Result<Trace> read_trace(const std::string& folder);
[[nodiscard]] bool has_data(const std::string& folder);

/// Jobs and GPUs of one group (jobs of fewer than eight GPUs, or the others) in one minute.
struct GroupCount {
  std::int64_t jobs = 0, running = 0, gpus = 0;
};
struct DemandRow {
  GroupCount small, large;
};
/// The text of a demand file: one row a minute without gaps.
[[nodiscard]] Result<std::vector<DemandRow>> parse_demand(std::string_view text, const std::string& name);

/// The text of a price file: one JSON object a line, by time. The hour is that of the last line before its end.
[[nodiscard]] Result<std::vector<ListPrice>> parse_prices(std::string_view text, const std::string& name);

/// A gzip file, whole; too_large beyond 64 MiB of text.
[[nodiscard]] Result<std::string> read_gzip(const std::string& path);

}  // namespace hanse::replay
