// What `scp -t` does; see scp_server.hpp.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>

#include "base/bytes.hpp"
#include "provider/descriptor.hpp"
#include "provider/scp_link.hpp"
#include "provider/scp_server.hpp"

namespace hanse::provider {
namespace {

/// A `C` or `D` record, or a `T` one. The parsers answer with what is wrong with it; empty: nothing.
struct ScpEntry {
  mode_t mode = 0;
  std::uint64_t size = 0;
  std::string name;
};
using ScpTimes = std::array<timespec, 2>;  ///< Access first.

bool take_number(std::string_view& text, std::uint64_t most, std::uint64_t& value) {
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return bad == std::errc() && value <= most;
}

bool take_space(std::string_view& text) {
  if (!text.starts_with(' ')) return false;
  text.remove_prefix(1);
  return true;
}

std::string parse_scp_entry(std::string_view text, ScpEntry& entry) {
  constexpr std::size_t kModeDigits = 4;
  const std::string_view mode = text.substr(0, kModeDigits);
  if (mode.size() != kModeDigits || mode.find_first_not_of("01234567") != std::string_view::npos) return "bad mode";
  for (const char digit : mode) entry.mode = entry.mode << 3 | static_cast<mode_t>(digit - '0');
  text.remove_prefix(kModeDigits);
  if (!take_space(text)) return "mode not delimited";
  if (!take_number(text, INT64_MAX, entry.size)) return "size out of range";
  if (!take_space(text)) return "size not delimited";
  entry.name = text;
  return "";
}

std::string parse_scp_times(std::string_view text, ScpTimes& times) {
  std::uint64_t value = 0;
  for (timespec* time : {&times[1], &times[0]}) {
    if (!take_number(text, INT64_MAX, value) || !take_space(text)) return "time not delimited";
    time->tv_sec = static_cast<time_t>(value);
    if (!take_number(text, 999'999, value)) return "time out of range";
    time->tv_nsec = static_cast<long>(value) * 1000;
    if (time == &times[1] && !take_space(text)) return "time not delimited";
  }
  return text.empty() ? "" : "time not delimited";
}

bool is_plain_scp_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

bool is_folder(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

class ScpSink {
 public:
  ScpSink(ScpLink& link, const ScpCommand& command)
      : link_(link), command_(command), buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kScpBufferBytes)) {
    mask_ = ::umask(0);
    (void)::umask(mask_);
  }

  /// Everything that comes for `target`, to the end of the folder or of the copy.
  void take(const std::string& target) {
    const bool into = is_folder(target);
    link_.agree();
    std::optional<ScpTimes> times;
    for (std::string line; !link_.is_over() && link_.read_line(line);) {
      const char kind = line.empty() ? '\0' : line.front();
      const std::string_view rest = std::string_view(line).substr(line.empty() ? 0 : 1);
      std::string wrong;
      if (kind == '\1' || kind == '\2') {
        link_.note_complaint();
        if (kind == '\2') link_.end();
      } else if (kind == 'E' && depth_ > 0) {
        return link_.agree();
      } else if (kind == 'T') {
        wrong = parse_scp_times(rest, times.emplace());
        if (wrong.empty()) link_.agree();
      } else if (kind == 'C' || kind == 'D') {
        ScpEntry entry;
        wrong = parse_scp_entry(rest, entry);
        if (wrong.empty()) take_entry(kind == 'D', entry, into ? target + "/" + entry.name : target, times);
        times.reset();
      } else {
        wrong = "expected control record";
      }
      if (!wrong.empty()) link_.give_up("protocol error: " + wrong);
    }
  }

 private:
  void complain(const std::string& path, const char* what, int error) {
    link_.complain(path + ": " + what + std::strerror(error));
  }

  void take_entry(bool is_folder, ScpEntry& entry, const std::string& path, const std::optional<ScpTimes>& times) {
    if (!is_plain_scp_name(entry.name)) return link_.give_up("error: unexpected filename: " + entry.name);
    if (++entries_ > kMaxScpEntries) return link_.give_up(path + ": there are more than ten million files");
    if (!command_.keeps_times) entry.mode &= ~mask_;
    is_folder ? take_folder(entry, path, times) : take_file(entry, path, times);
  }

  void take_folder(const ScpEntry& entry, const std::string& path, const std::optional<ScpTimes>& times) {
    if (!command_.is_recursive) return link_.give_up("protocol error: received directory without -r");
    if (depth_ >= kMaxScpDepth) return link_.give_up(path + ": more than 128 folders deep");
    struct stat status{};
    const bool was_there = ::stat(path.c_str(), &status) == 0;
    if (was_there && !S_ISDIR(status.st_mode)) return complain(path, "", ENOTDIR);
    // The mode comes last: what cannot be written to, or is another's, is still to be filled.
    if (!was_there && ::mkdir(path.c_str(), entry.mode | S_IRWXU) != 0) return complain(path, "", errno);
    ++depth_;
    take(path);
    --depth_;
    if (times && ::utimensat(AT_FDCWD, path.c_str(), times->data(), 0) != 0) complain(path, "set times: ", errno);
    const bool is_set = was_there && !command_.keeps_times;
    if (!is_set && ::chmod(path.c_str(), entry.mode) != 0) complain(path, "set mode: ", errno);
  }

  void take_file(const ScpEntry& entry, const std::string& path, const std::optional<ScpTimes>& times) {
    struct stat status{};
    const bool was_there = ::stat(path.c_str(), &status) == 0;
    // Opening a pipe must not wait for its other end; writing to it may.
    const int flags = O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    Descriptor file(::open(path.c_str(), flags, entry.mode | S_IWUSR));
    if (!file || ::fcntl(file.get(), F_SETFL, 0) != 0) return complain(path, "", errno);
    link_.agree();
    std::string failed = take_bytes(file.get(), entry.size);
    if (link_.is_over()) return;
    const auto check = [&](const char* what, bool good) {
      if (!good && failed.empty()) failed = std::string(what) + std::strerror(errno);
    };
    if (failed.empty() && (!was_there || S_ISREG(status.st_mode))) {
      check("truncate: ", ::ftruncate(file.get(), static_cast<off_t>(entry.size)) == 0);
    }
    if (command_.keeps_times || (!was_there && (entry.mode & S_IWUSR) == 0)) {
      check("set mode: ", ::fchmod(file.get(), entry.mode) == 0);
    }
    if (times && failed.empty()) check("set times: ", ::futimens(file.get(), times->data()) == 0);
    // Some file systems tell only now that what was written could not be kept.
    check("", ::close(file.release()) == 0);
    (void)link_.is_agreed();
    if (failed.empty())
      link_.agree();
    else
      link_.complain(path + ": " + failed);
  }

  /// Reads them all, also those that cannot be kept: what comes after them is the next record. Why not; empty: kept.
  std::string take_bytes(int file, std::uint64_t size) {
    std::string failed;
    for (std::uint64_t left = size; left > 0;) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left, kScpBufferBytes));
      const std::size_t n = link_.read({buffer_.get(), want});
      if (n == 0) break;
      if (failed.empty() && !write_all(file, std::span<const std::uint8_t>(buffer_.get(), n))) {
        failed = std::strerror(errno);
      }
      left -= n;
    }
    return failed;
  }

  ScpLink& link_;
  const ScpCommand& command_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  mode_t mask_ = 0;
  std::size_t depth_ = 0, entries_ = 0;
};

}  // namespace

void take_by_scp(ScpLink& link, const ScpCommand& command, const std::string& target) {
  if (command.into_folder && !is_folder(target)) {
    return link.give_up(target + ": " + std::strerror(ENOTDIR));
  }
  ScpSink(link, command).take(target);
}

}  // namespace hanse::provider
