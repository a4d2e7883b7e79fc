// Up: many files are open at once and up to kWindow requests are under way, whichever file they belong to.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <optional>
#include <utility>

#include "cli/copy.hpp"

namespace hanse::cli {
namespace {

constexpr std::size_t kOpenFiles = 16;
constexpr std::uint64_t kPartFromBytes = 8 << 20;  // smaller ones are quicker copied again than asked about

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

std::string part_of(const LocalFile& file, const std::string& target) {
  const std::string folder = folder_of(target);
  return folder + part_name(target.substr(folder.size()), file.size, file.modified_s);
}

/// The file system of that path, or of the nearest folder above it that is there, with its name.
Result<std::optional<Space>> space_at(Sftp& sftp, std::string& path) {
  auto space = sftp.space(path);
  while (!space && space.error().code == ErrorCode::not_found && path.size() > 1) {
    const std::string above = folder_of(path);
    path = above.size() > 1 ? above.substr(0, above.size() - 1) : "/";
    space = sftp.space(path);
  }
  return space;
}

class Upload {
 public:
  Upload(Sftp& sftp, const CopyOptions& options, std::uint64_t total) : sftp_(sftp), options_(options), total_(total) {}

  struct Job {
    const LocalFile* file;
    std::string target;
  };

  /// What the machine cannot tell is found out by copying.
  Result<> check_room(const std::vector<Job>& jobs, std::string place) {
    if (!options_.checks_room) return {};
    const auto space = space_at(sftp_, place);
    if (!space && !is_final(space.error())) return fail(space);
    if (!space || !*space) return {};
    place += " of the lease";
    if (check_space(total_, **space, place) || !options_.resume) return check_space(total_, **space, place);
    // Only now is it worth a question a file.
    std::uint64_t to_come = 0;
    for (const auto& job : jobs) to_come += job.file->size - held(job);
    return check_space(to_come, **space, place);
  }

  Result<CopyReport> run(const std::vector<Job>& jobs) {
    std::size_t next = 0;
    while (next < jobs.size() || !active_.empty()) {
      if (options_.stopped && options_.stopped()) return fail(ErrorCode::unavailable, "the copy was stopped");
      while (sftp_.in_flight() < kWindow && !error_) {
        const auto acted = step(jobs, next);
        if (!acted) return fail(acted);
        if (!*acted) break;
      }
      if (error_ && sftp_.in_flight() == 0) return give_up();
      if (sftp_.in_flight() > 0) {
        if (auto pumped = sftp_.pump(); !pumped) return fail(pumped);
      }
      if (auto renamed = rename_whole_files(); !renamed) return fail(renamed);
      active_.remove_if([](const Active& a) { return a.finished; });
      if (options_.progress) options_.progress(done_, total_);
    }
    if (error_) return give_up();
    return report_;
  }

 private:
  struct Active {
    const LocalFile* file;
    std::string target, wire_name;
    int fd = -1;
    std::string handle;  ///< Empty: not open yet.
    std::uint64_t sent = 0;
    std::size_t waiting = 0;
    bool closing = false, finished = false;
    [[nodiscard]] bool is_part() const { return wire_name != target; }
    ~Active() {
      if (fd >= 0) ::close(fd);
    }
    Active(const LocalFile* f, std::string t) : file(f), target(std::move(t)) {}
    Active(const Active&) = delete;
    Active& operator=(const Active&) = delete;
  };

  /// Sends one more request, if there is one to send now.
  Result<bool> step(const std::vector<Job>& jobs, std::size_t& next) {
    for (auto& active : active_) {
      if (active.handle.empty() || active.closing) continue;
      if (active.sent < active.file->size) {
        const auto sent = send_chunk(active);
        if (!sent) return fail(sent);
        return true;
      }
      if (active.waiting == 0) {
        const auto closed = close(active);
        if (!closed) return fail(closed);
        return true;
      }
    }
    if (next < jobs.size() && active_.size() < kOpenFiles) {
      const auto opened = open(jobs[next++]);
      if (!opened) return fail(opened);
      return true;
    }
    return false;
  }

  bool is_whole(const Job& job) {
    const auto there = sftp_.stat(job.target);
    return there && there->size == job.file->size && there->modified_s == job.file->modified_s;
  }

  /// Of this file, what the machine has.
  std::uint64_t held(const Job& job) {
    if (is_whole(job)) return job.file->size;
    if (job.file->size < kPartFromBytes) return 0;
    const auto part = sftp_.stat(part_of(*job.file, job.target));
    return part ? std::min(part->size, job.file->size) : 0;
  }

  std::unexpected<Error> give_up() {
    for (const auto& active : active_) {
      if (active.is_part() && is_final(*error_)) (void)sftp_.remove(active.wire_name);
    }
    return std::unexpected(*error_);
  }

  void fail_with(const Active& active, const Error& error) {
    if (!error_) error_ = Error{error.code, active.target + ": " + error.message};
  }

  Result<> open(const Job& job) {
    auto& active = active_.emplace_back(job.file, job.target);
    active.fd = ::open(job.file->path.c_str(), O_RDONLY | O_CLOEXEC);
    if (active.fd < 0) {
      report_.skipped.push_back(job.file->relative + ": " + std::strerror(errno));
      active.finished = true;
      return {};
    }
    active.wire_name = job.target;
    std::uint32_t flags = Sftp::kWrite | Sftp::kCreate | Sftp::kTruncate;
    if (options_.resume) {
      if (is_whole(job)) {
        count(active, job.file->size);
        active.finished = true;
        return {};
      }
      if (job.file->size >= kPartFromBytes) {
        active.wire_name = part_of(*job.file, job.target);
        const auto part = sftp_.stat(active.wire_name);
        if (part && part->size <= job.file->size) {
          // The last chunks may have been written out of order: go back by what can have been under way.
          active.sent = part->size > kWindow * kChunkBytes ? part->size - kWindow * kChunkBytes : 0;
          if (active.sent > 0) flags = Sftp::kWrite | Sftp::kCreate;
          done_ += active.sent;
          report_.resumed_bytes += active.sent;
        }
      }
    }
    return sftp_.send_open(active.wire_name, flags, active.file->mode | 0600, [this, &active](Sftp::Answer answer) {
      if (!answer.status) {
        fail_with(active, answer.status.error());
        active.finished = true;
      }
      active.handle = std::move(answer.handle);
    });
  }

  void count(const Active& active, std::uint64_t resumed) {
    report_.files += 1;
    report_.bytes += active.file->size;
    report_.resumed_bytes += resumed;
    done_ += resumed;
  }

  Result<> send_chunk(Active& active) {
    chunk_.resize(kChunkBytes);
    const std::size_t want = std::min<std::uint64_t>(kChunkBytes, active.file->size - active.sent);
    const ssize_t n = ::pread(active.fd, chunk_.data(), want, static_cast<off_t>(active.sent));
    if (n < 0) {
      if (!error_) error_ = Error{ErrorCode::io, active.file->path.string() + ": " + std::strerror(errno)};
      return {};
    }
    if (n == 0) {  // it became shorter meanwhile: what is there is all there is
      active.sent = active.file->size;
      return {};
    }
    const auto size = static_cast<std::size_t>(n);
    ++active.waiting;
    const auto offset = active.sent;
    active.sent += size;
    return sftp_.send_write(active.handle, offset, ByteView(chunk_).first(size),
                            [this, &active, size](Sftp::Answer answer) {
                              --active.waiting;
                              done_ += size;
                              if (!answer.status) fail_with(active, answer.status.error());
                            });
  }

  Result<> close(Active& active) {
    active.closing = true;
    const auto timed =
        sftp_.send_set_time(active.handle, active.file->mode, active.file->modified_s, [](const Sftp::Answer&) {});
    if (!timed) return timed;
    return sftp_.send_close(active.handle, [this, &active](const Sftp::Answer& answer) {
      if (!answer.status) fail_with(active, answer.status.error());
      if (!active.is_part())
        finish(active);
      else if (!error_)
        renames_.emplace_back(&active);
    });
  }

  void finish(Active& active) {
    count(active, 0);
    active.finished = true;
  }

  /// After pump(): renaming waits for its answer, which must not happen inside another answer.
  Result<> rename_whole_files() {
    for (auto* active : std::exchange(renames_, {})) {
      const auto renamed = sftp_.rename(active->wire_name, active->target);
      if (!renamed && !is_final(renamed.error())) return renamed;
      if (renamed)
        finish(*active);
      else if (!error_)
        error_ = renamed.error();
    }
    return {};
  }

  Sftp& sftp_;
  const CopyOptions& options_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::list<Active> active_;
  std::vector<Active*> renames_;
  std::optional<Error> error_;
  CopyReport report_;
  Bytes chunk_;
};

}  // namespace

Result<CopyReport> upload(Sftp& sftp, const LocalTree& tree, const std::string& target, const CopyOptions& options) {
  std::vector<Upload::Job> jobs;
  jobs.reserve(tree.files.size());
  for (const auto& file : tree.files) jobs.push_back({&file, target + "/" + file.relative});
  Upload work(sftp, options, tree.bytes);
  if (auto enough = work.check_room(jobs, target); !enough) return fail(enough);
  for (const auto& folder : tree.folders) {
    if (auto made = sftp.make_folder(target + "/" + folder); !made) return fail(made);
  }
  auto report = work.run(jobs);
  if (report) report->skipped.insert(report->skipped.end(), tree.skipped.begin(), tree.skipped.end());
  return report;
}

Result<CopyReport> upload_file(Sftp& sftp, const LocalFile& file, const std::string& target,
                               const CopyOptions& options) {
  const std::vector<Upload::Job> jobs{{&file, target}};
  Upload work(sftp, options, file.size);
  if (auto enough = work.check_room(jobs, target); !enough) return fail(enough);
  return work.run(jobs);
}

}  // namespace hanse::cli
