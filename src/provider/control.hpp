#pragma once

// How a lease's container is run. Its first process is a small shell script of ours: it waits for the word to go, runs
// the job's `setup` and `run` with their output into two pipes, notes the exit code, and then stays, so that files can
// be fetched and ssh works until the lease ends. It is told what to do through a folder mounted at /run/hanse, where
// the pipes are too. The job runs as root in there and may tamper with all of it, to its own harm only: what we read
// back is bounded, and no link of its making is followed.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "model/job.hpp"
#include "provider/descriptor.hpp"
#include "wire/job_stream.hpp"

namespace hanse::provider {

/// {"/bin/sh", "-c", …}: what the container runs. Needs a shell and `sleep` in the image, no more.
std::vector<std::string> supervisor_command();

/// Writes the job into the control folder; replaces what a former run of the same lease left.
Result<> write_control(const std::string& folder, const model::Job& job);

/// The job's output as the agent holds it, made where it is missing. Non-blocking; open for writing too, so that no end
/// is read while no job runs.
struct JobPipes {
  Descriptor output, errors;
};
Result<JobPipes> open_job_pipes(const std::string& folder);

/// The word to go. Safe to repeat.
Result<> write_go(const std::string& folder);
/// From now on a container that is stopped ends its job for good: the exit code is noted.
Result<> write_over(const std::string& folder);

/// In the supervisor's command line, and in no other of ours.
inline constexpr std::string_view kSupervisorMark = "hanse-supervisor";

/// That the lease ends, and when: "SECONDS WHY" at kEndFile, in Unix time. What starts from then on has the seconds as
/// HANSE_END_AT. Time 0: it does not any more, or not so soon.
inline constexpr std::string_view kEndFile = "/run/hanse/end_at";
Result<> write_end(const std::string& folder, Time at, std::string_view why);
/// How the job ended, once its process has; nullopt before.
std::optional<wire::JobExit> read_exit(const std::string& folder);
/// The program that the first line of a script names and the image does not have, in its container's own words; "":
/// none.
std::string read_missing(const std::string& folder);

}  // namespace hanse::provider
