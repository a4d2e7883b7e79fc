// hanse cp SRC DST: files to and from a lease.

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/copy.hpp"
#include "cli/interrupt.hpp"
#include "cli/lease_link.hpp"
#include "cli/progress.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

namespace fs = std::filesystem;

struct Place {
  model::LeaseId lease;  ///< 0: this machine.
  std::string path;
  bool is_inside = false;  ///< "data/", ".", "lease-7:": what is in that folder, or into it.
};

/// "lease-7:out/a.png", or a local path. A relative path in a lease is below /workspace.
Place parse_place(const std::string& text) {
  Place place{{}, text};
  const auto colon = text.find(':');
  if (colon != std::string::npos && text.find('/') >= colon) {
    if (const auto lease = model::parse_id<model::LeaseTag>(text.substr(0, colon)); lease && *lease) {
      place = {*lease, text.substr(colon + 1)};
    }
  }
  const std::string name = fs::path(place.path).filename().string();
  place.is_inside = name.empty() || name == "." || name == "..";
  if (place.lease && !place.path.starts_with('/')) {
    place.path = place.path.empty() || place.path == "." ? "/workspace" : "/workspace/" + place.path;
  }
  if (place.path.empty()) place.path = ".";
  while (place.path.size() > 1 && place.path.ends_with('/')) place.path.pop_back();
  return place;
}

std::string base_name(const std::string& path) {
  return fs::path(path).filename().string();
}

/// Where a folder goes, by the names alone, so that the same command again means the same place: as with rsync, into
/// the target under its own name, or what is in it if the source ends in '/'. `data` to `there/data` is that `data`.
std::string folder_target(const Place& from, const Place& to) {
  const std::string name = base_name(from.path);
  return from.is_inside || (!to.is_inside && name == base_name(to.path)) ? to.path : to.path + "/" + name;
}

bool is_remote_folder(Sftp& sftp, const std::string& path) {
  const auto there = sftp.stat(path);
  return there && there->kind == SftpAttributes::Kind::folder;
}

/// A folder that is not there is an error here: an upload that arrives nowhere must not look like one that did.
template <class File>
Result<CopyReport> copy_one_up(Sftp& sftp, const File& file, const std::string& target, const CopyOptions& options) {
  const std::string folder = fs::path(target).parent_path().string();
  if (!is_remote_folder(sftp, folder)) {
    return fail(ErrorCode::not_found,
                folder + " is no folder of the lease: make it first, with mkdir -p over hanse ssh");
  }
  auto report = upload_file(sftp, file, target, options);
  if (report && report->files == 0 && (!options.stopped || !options.stopped())) {
    return fail(ErrorCode::io, target + " was not written: is it a folder, or a place that nothing can be written to?");
  }
  return report;
}

Result<CopyReport> copy_up(Sftp& sftp, const Place& from, const Place& to, const CopyOptions& options) {
  const auto tree = scan(from.path);
  if (!tree) return fail(tree);
  if (!fs::is_directory(from.path)) {
    if (tree->files.empty()) return fail(ErrorCode::invalid_argument, from.path + ": neither a file nor a folder");
    const bool into = to.is_inside || is_remote_folder(sftp, to.path);
    return copy_one_up(sftp, tree->files.front(), into ? to.path + "/" + base_name(from.path) : to.path, options);
  }
  if (auto made = sftp.make_folder(to.path); !made) return fail(made);
  const std::string folder = folder_target(from, to);
  if (auto made = sftp.make_folder(folder); !made) return fail(made);
  return upload(sftp, *tree, folder, options);
}

Result<CopyReport> copy_down(Sftp& sftp, const Place& from, const Place& to, const CopyOptions& options) {
  if (is_remote_folder(sftp, from.path)) return download(sftp, from.path, folder_target(from, to), options);
  const bool into = to.is_inside || fs::is_directory(to.path);
  return download(sftp, from.path, into ? to.path + "/" + base_name(from.path) : to.path, options);
}

Outcome cp(Context& context, const std::string& source, const std::string& target) {
  const Place from = parse_place(source);
  const Place to = parse_place(target);
  if (static_cast<bool>(from.lease) == static_cast<bool>(to.lease)) {
    return refuse(ErrorCode::invalid_argument, "one side names a lease, the other a path here",
                  "hanse cp lease-7:out.png .   or   hanse cp data lease-7:");
  }
  const auto lease = from.lease ? from.lease : to.lease;
  Interrupt interrupt;
  const StopSource outer(interrupt);
  const LeaseWatch watch(context, lease, outer);
  Progress progress(context.terminal, "copying", Unit::bytes, context.json());
  CopyOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); };
  options.stopped = [&] { return watch.stop().stopped(); };
  const auto failed = [&](const Error& error) -> Outcome {
    progress.finish();
    const auto why = why_broken(context, lease, watch, error);
    const bool may_pass = why.code == ErrorCode::unavailable || why.code == ErrorCode::timeout;
    return std::unexpected(Failure(why, may_pass ? "the same command again goes on where this stopped" : "",
                                   interrupt.count() > 0 ? kInterrupted : -1));
  };
  auto session = open_lease(context, lease, watch.stop());
  if (!session) return failed(session.error());
  auto sftp = Sftp::open(**session);
  if (!sftp) return failed(sftp.error());
  const auto report = to.lease ? copy_up(**sftp, from, to, options) : copy_down(**sftp, from, to, options);
  if (!report) return failed(report.error());
  progress.finish();
  for (const auto& line : report->skipped) context.say("left out: " + printable(line));
  if (context.json()) {
    context.print_json({{"files", report->files},
                        {"bytes", report->bytes},
                        {"resumed_bytes", report->resumed_bytes},
                        {"skipped", report->skipped}});
  } else {
    context.say(std::to_string(report->files) + (report->files == 1 ? " file, " : " files, ") +
                rough_size(report->bytes) +
                (report->resumed_bytes > 0 ? " (" + rough_size(report->resumed_bytes) + " were there already)" : ""));
  }
  return static_cast<int>(report->skipped.empty() ? Exit::ok : Exit::failed);
}

}  // namespace

void add_cp(Program& program) {
  auto paths = std::make_shared<std::pair<std::string, std::string>>();
  auto* command = program.add(program.app, "cp", "Copy files to or from a lease, folders and all",
                              "  hanse cp data lease-7:                 to /workspace/data\n"
                              "  hanse cp data/ lease-7:input           what is in data, to /workspace/input\n"
                              "  hanse cp lease-7:results/model.pt .\n"
                              "A copy that broke off goes on where it stopped: give the same command again.\n");
  command->add_option("source", paths->first, "A path here, or LEASE:PATH (below /workspace)")
      ->required()
      ->type_name("SRC");
  command->add_option("target", paths->second, "Where to; the other kind")->required()->type_name("DST");
  program.on(command, [paths, &program] { return cp(program.context, paths->first, paths->second); });
}

}  // namespace hanse::cli
