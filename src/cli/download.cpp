// Down: up to kWindow reads are under way of one file after the other.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>

#include "cli/copy.hpp"

namespace hanse::cli {
namespace {

namespace fs = std::filesystem;

struct RemoteFile {
  std::string path;
  fs::path target;
  SftpAttributes attributes;
};

struct RemoteTree {
  std::vector<fs::path> folders;
  std::vector<RemoteFile> files;
  std::uint64_t bytes = 0;
  std::vector<std::string> skipped;
};

Error local_error(const fs::path& path) {
  return {ErrorCode::io, path.string() + ": " + std::strerror(errno)};
}

std::uint64_t add_capped(std::uint64_t a, std::uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

fs::path part_of(const RemoteFile& file, const CopyOptions& options) {
  return file.target.parent_path() /
         part_name(file.target.filename().string(), file.attributes.size, file.attributes.modified_s, options.part_of);
}

bool is_here(const RemoteFile& file, const CopyOptions& options) {
  if (!options.resume || (options.brought != nullptr && !options.brought->contains(file.target))) return false;
  struct stat there{};
  return ::lstat(file.target.c_str(), &there) == 0 && S_ISREG(there.st_mode) &&
         static_cast<std::uint64_t>(there.st_size) == file.attributes.size &&
         static_cast<std::uint32_t>(there.st_mtime) == file.attributes.modified_s;
}

/// Of this file, what the disk does not hold yet.
std::uint64_t to_come(const RemoteFile& file, const CopyOptions& options) {
  if (!options.resume) return file.attributes.size;
  if (is_here(file, options)) return 0;
  struct stat part{};
  const bool begun = ::lstat(part_of(file, options).c_str(), &part) == 0;
  return file.attributes.size - (begun ? std::min(file.attributes.size, static_cast<std::uint64_t>(part.st_size)) : 0);
}

Result<> fits(std::uint64_t bytes, const fs::path& target) {
  std::error_code error;
  fs::path there = fs::absolute(target, error);
  while (there.has_relative_path() && !fs::exists(there, error)) there = there.parent_path();
  struct statvfs info{};
  if (::statvfs(there.c_str(), &info) != 0) return std::unexpected(local_error(there));
  return check_space(bytes, {info.f_bavail * info.f_frsize, info.f_blocks * info.f_frsize}, there.string());
}

/// Lists what is below; iterative, so that depth costs no stack.
Result<> walk(Sftp& sftp, const std::string& source, const fs::path& target, RemoteTree& tree) {
  using Kind = SftpAttributes::Kind;
  struct Folder {
    std::string path;
    fs::path target;
    std::size_t depth;
  };
  std::deque<Folder> todo{{source, target, 0}};
  while (!todo.empty()) {
    const Folder folder = std::move(todo.front());
    todo.pop_front();
    if (folder.depth > kMaxTreeDepth) return fail(ErrorCode::too_large, folder.path + ": more than 64 levels deep");
    tree.folders.push_back(folder.target);
    auto entries = sftp.list(folder.path);
    if (!entries) return fail(entries);
    for (auto& entry : *entries) {
      const std::string path = folder.path + "/" + entry.name;
      auto attributes = entry.attributes;
      if (attributes.kind == Kind::link) {
        const auto behind = sftp.stat(path);
        attributes = behind && behind->kind == Kind::file ? *behind : entry.attributes;
      }
      if (attributes.kind == Kind::folder) {
        todo.push_back({path, folder.target / entry.name, folder.depth + 1});
      } else if (attributes.kind == Kind::file) {
        tree.bytes = add_capped(tree.bytes, attributes.size);
        tree.files.push_back({path, folder.target / entry.name, attributes});
      } else {
        tree.skipped.push_back(path + ": neither a file nor a folder");
      }
    }
    if (tree.files.size() + tree.folders.size() > 1'000'000) {
      return fail(ErrorCode::too_large, source + ": holds more than a million files");
    }
  }
  return {};
}

class Download {
 public:
  Download(Sftp& sftp, const CopyOptions& options, std::uint64_t total)
      : sftp_(sftp), options_(options), total_(total) {}
  ~Download() {
    if (fd_ >= 0) ::close(fd_);
  }
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;
  CopyReport report;

  Result<> file(const RemoteFile& file) {
    const std::uint64_t size = file.attributes.size;
    if (is_here(file, options_)) return count(size, size);
    if (auto enough = fits(to_come(file, options_), file.target); !enough) return enough;
    const fs::path part = part_of(file, options_);
    // O_NOFOLLOW: a link planted under that name must not lead the bytes elsewhere.
    fd_ = ::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd_ < 0) return std::unexpected(local_error(part));
    struct stat there{};
    if (::fstat(fd_, &there) != 0) return std::unexpected(local_error(part));
    const std::uint64_t window = kWindow * kChunkBytes;  // chunks of the last one may be missing
    const auto have = static_cast<std::uint64_t>(there.st_size);
    const std::uint64_t start = options_.resume && have > window && have <= size ? have - window : 0;
    done_ += start;
    report.resumed_bytes += start;
    auto fetched = fetch(file, start);
    if (fetched) fetched = keep(file, part);
    if (!fetched && is_final(fetched.error())) ::unlink(part.c_str());
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    return fetched;
  }

 private:
  Result<> keep(const RemoteFile& file, const fs::path& part) {
    const timespec times[2] = {{file.attributes.modified_s, 0}, {file.attributes.modified_s, 0}};
    const bool kept = ::ftruncate(fd_, static_cast<off_t>(end_)) == 0 &&
                      ::fchmod(fd_, file.attributes.mode & 0755) == 0 && ::futimens(fd_, times) == 0 &&
                      ::close(std::exchange(fd_, -1)) == 0 && ::rename(part.c_str(), file.target.c_str()) == 0;
    if (!kept) return std::unexpected(local_error(file.target));
    if (options_.brought != nullptr) options_.brought->insert(file.target);
    return count(end_, 0);
  }

  Result<> count(std::uint64_t bytes, std::uint64_t resumed) {
    report.files += 1;
    report.bytes += bytes;
    report.resumed_bytes += resumed;
    done_ += resumed;
    return {};
  }

  Result<> fetch(const RemoteFile& file, std::uint64_t start) {
    std::optional<Sftp::Answer> opened;
    auto sent = sftp_.send_open(file.path, Sftp::kRead, 0, [&](Sftp::Answer answer) { opened = std::move(answer); });
    while (sent && !opened) sent = sftp_.pump();
    if (!sent) return sent;
    if (!opened->status) return fail(opened->status.error().code, file.path + ": " + opened->status.error().message);
    std::uint64_t next = start;
    end_ = file.attributes.size;
    error_.reset();
    while ((next < end_ || sftp_.in_flight() > 0) && !(error_ && sftp_.in_flight() == 0)) {
      if (options_.stopped && options_.stopped()) return fail(ErrorCode::unavailable, "the copy was stopped");
      while (!error_ && next < end_ && sftp_.in_flight() < kWindow) {
        const auto size = static_cast<std::uint32_t>(std::min<std::uint64_t>(kChunkBytes, end_ - next));
        if (auto asked = ask(opened->handle, next, size); !asked) return asked;
        next += size;
      }
      if (auto pumped = sftp_.pump(); !pumped) return pumped;
      if (options_.progress) options_.progress(done_, total_);
    }
    auto closed = sftp_.send_close(opened->handle, [](const Sftp::Answer&) {});
    while (closed && sftp_.in_flight() > 0) closed = sftp_.pump();
    if (!closed) return closed;
    if (error_) return fail(error_->code, file.path + ": " + error_->message);
    return {};
  }

  Result<> ask(const std::string& handle, std::uint64_t offset, std::uint32_t size) {
    return sftp_.send_read(handle, offset, size, [this, handle, offset, size](const Sftp::Answer& answer) {
      if (answer.end_of_file) {  // it became shorter meanwhile
        end_ = std::min(end_, offset);
        return;
      }
      if (!answer.status) {
        error_ = answer.status.error();
        return;
      }
      const auto got = static_cast<std::uint32_t>(std::min<std::size_t>(answer.data.size(), size));
      if (got == 0 || ::pwrite(fd_, answer.data.data(), got, static_cast<off_t>(offset)) != static_cast<ssize_t>(got)) {
        error_ = Error{ErrorCode::io, std::string("cannot write: ") + std::strerror(errno)};
        return;
      }
      done_ += got;
      // Servers may answer with less than was asked for.
      if (got < size) {
        if (auto again = ask(handle, offset + got, size - got); !again) error_ = again.error();
      }
    });
  }

  Sftp& sftp_;
  const CopyOptions& options_;
  std::uint64_t total_, done_ = 0, end_ = 0;
  int fd_ = -1;
  std::optional<Error> error_;
};

}  // namespace

Result<CopyReport> download(Sftp& sftp, const std::string& source, const std::filesystem::path& target,
                            const CopyOptions& options) {
  const auto what = sftp.stat(source);
  if (!what) return fail(what);
  RemoteTree tree;
  if (what->kind == SftpAttributes::Kind::folder) {
    if (auto walked = walk(sftp, source, target, tree); !walked) return fail(walked);
  } else if (what->kind != SftpAttributes::Kind::file) {
    return fail(ErrorCode::invalid_argument, source + ": neither a file nor a folder; this one was not copied");
  } else {
    if (target.has_parent_path()) tree.folders.push_back(target.parent_path());
    tree.files.push_back({source, target, *what});
    tree.bytes = what->size;
  }
  std::uint64_t bytes = 0;
  for (const auto& file : tree.files) bytes = add_capped(bytes, to_come(file, options));
  if (auto enough = fits(bytes, target); !enough) return fail(enough);
  for (const auto& folder : tree.folders) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return fail(ErrorCode::io, folder.string() + ": " + error.message());
  }
  Download work(sftp, options, tree.bytes);
  const bool was_listed = what->kind == SftpAttributes::Kind::folder;
  Result<> first;
  for (const auto& file : tree.files) {
    const auto done = work.file(file);
    if (done) continue;
    const auto code = done.error().code;
    if (was_listed && code == ErrorCode::not_found) {
      tree.skipped.push_back(file.path + ": it went away");
      continue;
    }
    if (first) first = done;
    // Without a connection, and where the caller wants an end, no other comes either.
    if (code == ErrorCode::unavailable || code == ErrorCode::timeout || code == ErrorCode::wrong_state) break;
  }
  if (!first) return fail(first);
  work.report.skipped = std::move(tree.skipped);
  return work.report;
}

}  // namespace hanse::cli
