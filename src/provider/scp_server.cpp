#include "provider/scp_server.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "provider/descriptor.hpp"
#include "provider/scp_link.hpp"

namespace hanse::provider {
namespace {

constexpr mode_t kSentModes = S_ISUID | S_ISGID | S_IRWXU | S_IRWXG | S_IRWXO;

/// The last part, in one line as scp writes it.
std::string sent_name(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  std::string out;
  for (const char c : name) c == '\n' ? out += "\\^J" : out += c;
  return out;
}

class ScpSource {
 public:
  ScpSource(ScpLink& link, const ScpCommand& command)
      : link_(link), command_(command), buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kScpBufferBytes)) {}

  void give(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    if (++entries_ > kMaxScpEntries) return link_.give_up(path + ": there are more than ten million files");
    // Opening a pipe must not wait for its other end.
    Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat status{};
    if (!file || ::fstat(file.get(), &status) != 0) return complain(path, errno);
    if (S_ISDIR(status.st_mode) && command_.is_recursive) {
      give_folder(std::move(file), path, status);
    } else if (!S_ISREG(status.st_mode)) {
      link_.complain(path + ": not a regular file");
    } else if (offer('C', path, status)) {
      give_bytes(file.get(), path, static_cast<std::uint64_t>(status.st_size));
    }
  }

 private:
  struct Close {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };

  void complain(const std::string& path, int error) { link_.complain(path + ": " + std::strerror(error)); }

  /// The record that begins a file or folder. False: the client does not want it.
  bool offer(char kind, const std::string& path, const struct stat& status) {
    if (command_.keeps_times) {
      const auto seconds = [](const timespec& time) { return std::max<std::int64_t>(time.tv_sec, 0); };
      link_.write(fmt::format("T{} 0 {} 0\n", seconds(status.st_mtim), seconds(status.st_atim)));
      if (!link_.is_agreed()) return false;
    }
    const std::int64_t size = kind == 'D' ? 0 : std::int64_t{status.st_size};
    link_.write(fmt::format("{}{:04o} {} {}\n", kind, status.st_mode & kSentModes, size, sent_name(path)));
    return link_.is_agreed();
  }

  /// As many bytes as were promised, whatever happens to the file meanwhile: the client counts on them.
  void give_bytes(int file, const std::string& path, std::uint64_t size) {
    std::string failed;
    for (std::uint64_t left = size; left > 0 && !link_.is_over();) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left, kScpBufferBytes));
      const ssize_t n = failed.empty() ? ::read(file, buffer_.get(), want) : 0;
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        if (failed.empty()) failed = n < 0 ? std::strerror(errno) : "it became shorter while it was copied";
        std::memset(buffer_.get(), 0, want);
      }
      const std::size_t given = n > 0 ? static_cast<std::size_t>(n) : want;
      link_.write({buffer_.get(), given});
      left -= given;
    }
    if (link_.is_over()) return;
    if (failed.empty())
      link_.agree();
    else
      link_.complain(path + ": " + failed);
    (void)link_.is_agreed();
  }

  void give_folder(Descriptor file, const std::string& path, const struct stat& status) {
    const std::pair self(status.st_dev, status.st_ino);
    if (std::find(above_.begin(), above_.end(), self) != above_.end()) {
      return link_.complain(path + ": a link in a circle");
    }
    if (above_.size() >= kMaxScpDepth) return link_.complain(path + ": more than 128 folders deep");
    const std::unique_ptr<DIR, Close> folder(::fdopendir(file.get()));
    if (!folder) return complain(path, errno);
    (void)file.release();
    if (!offer('D', path, status)) return;
    above_.push_back(self);
    while (!link_.is_over()) {
      errno = 0;
      const dirent* entry = ::readdir(folder.get());
      if (entry == nullptr) {
        if (errno != 0) complain(path, errno);
        break;
      }
      const std::string name = entry->d_name;
      if (name != "." && name != "..") give(path == "/" ? path + name : path + "/" + name);
    }
    above_.pop_back();
    link_.write("E\n");
    (void)link_.is_agreed();
  }

  ScpLink& link_;
  const ScpCommand& command_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::vector<std::pair<dev_t, ino_t>> above_;  ///< The folders that hold what is copied now.
  std::size_t entries_ = 0;
};

}  // namespace

void give_by_scp(ScpLink& link, const ScpCommand& command, const std::vector<std::string>& paths) {
  ScpSource source(link, command);
  if (!link.is_agreed() && link.is_over()) return;
  for (const auto& path : paths) {
    if (!link.is_over()) source.give(path);
  }
}

int serve_scp(const ScpCommand& command, int in, int out) {
  ScpLink link(in, out);
  const auto paths = expand_names(command.names);
  if (!paths) {
    link.give_up(paths.error().message);
  } else if (!command.is_sink) {
    give_by_scp(link, command, *paths);
  } else if (paths->size() != 1) {
    link.give_up("ambiguous target");
  } else {
    take_by_scp(link, command, paths->front());
  }
  return link.exit_code();
}

}  // namespace hanse::provider
