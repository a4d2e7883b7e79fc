// The files of a job on one machine: its workdir there, its outputs back.

#include "cli/copy.hpp"
#include "cli/lease_job.hpp"
#include "cli/progress.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

constexpr int kMostBreaks = 8;

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
  options.checks_room = false;
  options.progress = [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); };
  options.stopped = [&] { return stop_.stopped(); };
  const auto report = upload(**sftp, workdir_, "/workspace", options);
  if (!report) return fail(report.error().code, "copying the workdir in failed: " + report.error().message);
  return {};
}

FetchedOutputs LeaseJob::fetch_outputs(const std::filesystem::path& folder) {
  FetchedOutputs fetched;
  if (file_.job.outputs.empty()) return fetched;
  Progress progress(context_.terminal, "copying outputs", Unit::bytes, quiet());
  CopyOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); };
  options.stopped = [&] { return stop_.stopped(); };
  std::set<std::filesystem::path> brought;
  options.brought = &brought;
  options.part_of = model::format_id(lease_);
  std::unique_ptr<Sftp> sftp;
  int breaks = 0;
  for (const auto& output : file_.job.outputs) {
    Result<> came = fail(ErrorCode::unavailable, "");
    while (!came) {
      came = session_ != nullptr ? Result<>() : reconnect();
      if (came && !sftp) {
        auto opened = Sftp::open(*session_);
        came = opened ? Result<>() : fail(opened);
        if (opened) sftp = std::move(*opened);
      }
      if (came) came = fetch_output(*sftp, output, folder, options, fetched);
      // What broke midway goes on where it stopped; a machine that breaks it again and again is given up.
      if (came || !is_broken(came.error()) || stop_.stopped() || ++breaks > kMostBreaks) break;
      sftp.reset();
      session_.reset();
    }
    if (!came) fetched.missing.push_back({output, came.error()});
  }
  progress.finish();
  for (const auto& one : fetched.copied) {
    for (const auto& line : one.report.skipped) say("left out: " + printable_name(line));
    say(printable_name(from_here(one.target)) + ": " + rough_size(one.report.bytes));
  }
  return fetched;
}

}  // namespace hanse::cli
