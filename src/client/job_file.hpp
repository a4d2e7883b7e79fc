#pragma once

// A job file (JOB.yaml, DESIGN section 10): what to run, what it needs, what it may cost. Unknown keys are refused
// with the nearest known one, and every error names the line.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/job.hpp"
#include "model/lease.hpp"

namespace hanse::client {

inline constexpr std::uint64_t kDefaultKeepS = 3600;  ///< Of the files of a job that has outputs.

struct JobFile {
  model::Job job;                    ///< Without salt; env resolved.
  model::Demand demand;              ///< `resources` and `where` become one `where`; of `keep`, kDefaultKeepS or 0.
  std::filesystem::path workdir;     ///< Absolute; empty: nothing to copy.
  std::vector<std::uint16_t> ports;  ///< Forwarded to localhost.
  Money bid;                         ///< On spot, of a GPU-hour; 0: not given.
  bool sealed = false;               ///< The bid.
  std::uint64_t retry_for_s = 0;     ///< 0: no retry.
  bool retry_on_no_capacity = false;
  bool retry_on_interruption = false;
};

/// `environment` looks up bare names in `env:`; a name that is not set is an error that says so.
Result<JobFile> parse_job_file(std::string_view yaml, const std::filesystem::path& folder,
                               const std::function<std::optional<std::string>(const std::string&)>& environment);

}  // namespace hanse::client
