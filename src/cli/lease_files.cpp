// The files of a job on one machine: its workdir there, its outputs back.

#include "cli/copy.hpp"
#include "cli/lease_job.hpp"
#include "cli/progress.hpp"

namespace hanse::cli {
namespace {

/// As a person here would write it: relative, where that does not climb.
std::string from_here(const std::filesystem::path& path) {
  std::error_code error;
  const auto relative = std::filesystem::proximate(path, error);
  return error || relative.empty() || *relative.begin() == ".." ? path.string() : relative.string();
}

}  // namespace

Result<> LeaseJob::copy_workdir(bool resume) {
  auto sftp = Sftp::open(*session_);
  if (!sftp) return fail(sftp);
  Progress progress(context_.terminal, "copying the workdir in", Unit::bytes, quiet());
  CopyOptions options;
  options.resume = resume;
  options.progress = [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); };
  options.stopped = [&] { return stop_.stopped(); };
  const auto report = upload(**sftp, workdir_, "/workspace", options);
  if (!report) return fail(report.error().code, "copying the workdir in failed: " + report.error().message);
  return {};
}

Result<> LeaseJob::fetch_outputs(const std::filesystem::path& folder, nlohmann::json& report) {
  if (file_.outputs.empty()) return {};
  auto sftp = Sftp::open(*session_);
  if (!sftp) return fail(sftp);
  Progress progress(context_.terminal, "copying outputs", Unit::bytes, quiet());
  CopyOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); };
  options.stopped = [&] { return stop_.stopped(); };
  for (const auto& output : file_.outputs) {
    const auto target = folder / output;
    const auto copied = download(**sftp, "/workspace/" + output, target, options);
    if (!copied) {
      progress.finish();
      return fail(copied.error().code == ErrorCode::not_found ? ErrorCode::io : copied.error().code,
                  "output " + output + " did not come back: " + copied.error().message);
    }
    for (const auto& line : copied->skipped) say("left out: " + printable(line));
    report.push_back(target.string());
    say(output + ": " + rough_size(copied->bytes) + " to " + from_here(target));
  }
  return {};
}

}  // namespace hanse::cli
