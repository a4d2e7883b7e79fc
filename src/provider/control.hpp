#pragma once

// How a lease's container is run. Its first process is a small shell script of ours: it waits for the word to go, runs
// the job's `setup` and `run`, notes the exit code, marks the end in the output, and then stays, so that files can be
// fetched and ssh works until the lease ends. It is told what to do through a folder mounted at /run/hanse. The job
// runs as root in there and may tamper with all of it, to its own harm only: what we read back is bounded, and no
// link of its making is followed.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "model/job.hpp"
#include "provider/engine.hpp"

namespace hanse::provider {

/// {"/bin/sh", "-c", …}: what the container runs. Needs a shell and `sleep` in the image, no more.
std::vector<std::string> supervisor_command();

/// Writes the job into the control folder; replaces what a former run of the same lease left. `token` marks the end of
/// the output and is this lease's secret. `notice`, one line, goes into the job's stderr before the job starts.
Result<> write_control(const std::string& folder, const model::Job& job, const std::string& token,
                       const std::string& notice = "");
/// The word to go. Safe to repeat.
Result<> write_go(const std::string& folder);
/// In the supervisor's command line, and in no other of ours.
inline constexpr std::string_view kSupervisorMark = "hanse-end:";

/// When the lease is pre-empted, in Unix seconds, at kPreemptFile: what starts from then on has it as HANSE_PREEMPT_AT.
inline constexpr std::string_view kPreemptFile = "/run/hanse/preempt_at";
Result<> write_preempt_at(const std::string& folder, Time at);
/// The job's exit code once its process has ended; nullopt before.
std::optional<int> read_exit_code(const std::string& folder);

/// The job's output out of the container's: ends where both streams carry the mark of `token`, or with `logs` itself.
std::unique_ptr<ExecStream> make_job_output(std::unique_ptr<ExecStream> logs, const std::string& token);

}  // namespace hanse::provider
