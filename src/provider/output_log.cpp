#include "provider/output_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include "base/check.hpp"

namespace hanse::provider {

namespace fs = std::filesystem;
using wire::FrameKind;
using wire::kFrameHeaderBytes;
using wire::kMaxFrameBytes;
using wire::StreamPlace;

namespace {

constexpr std::uint64_t kLeastLimit = 1U << 20;
constexpr std::uint64_t kSegments = 8;  ///< Of a full log: what is forgotten at once is an eighth.

bool write_at(int fd, std::uint64_t at, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

/// As much as is there.
std::size_t read_from(int fd, std::uint64_t at, std::span<std::uint8_t> out) {
  std::size_t size = 0;
  while (size < out.size()) {
    const ssize_t n = ::pread(fd, out.data() + size, out.size() - size, static_cast<off_t>(at + size));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    size += static_cast<std::size_t>(n);
  }
  return size;
}

/// Out of the pipe and away.
void discard(int pipe, std::size_t size) {
  std::array<std::uint8_t, 16 * 1024> nowhere;
  while (size > 0) {
    const ssize_t n = ::read(pipe, nowhere.data(), std::min(size, nowhere.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    size -= static_cast<std::size_t>(n);
  }
}

/// "MARK-BYTES" of where a segment begins, so that names sort as the segments do.
std::string name_of(const StreamPlace& place) {
  return fmt::format("{:020}-{:020}", place.mark, place.bytes);
}
std::optional<StreamPlace> place_of(const std::string& name) {
  StreamPlace place;
  if (name.size() != 41 || name[20] != '-') return std::nullopt;
  const auto mark = std::from_chars(name.data(), name.data() + 20, place.mark);
  const auto bytes = std::from_chars(name.data() + 21, name.data() + 41, place.bytes);
  if (mark.ec != std::errc() || bytes.ec != std::errc() || name_of(place) != name) return std::nullopt;
  return place;
}

std::size_t size_in(const std::uint8_t* header) {
  return std::size_t{header[1]} << 24 | std::size_t{header[2]} << 16 | std::size_t{header[3]} << 8 | header[4];
}

bool is_the_jobs(FrameKind kind) {
  return kind == FrameKind::output || kind == FrameKind::errors;
}

}  // namespace

OutputLog::OutputLog(fs::path folder, std::uint64_t limit_bytes)
    : folder_(std::move(folder)),
      limit_bytes_(std::max(limit_bytes, kLeastLimit)),
      segment_bytes_(limit_bytes_ / kSegments) {}

Result<std::shared_ptr<OutputLog>> OutputLog::open(const fs::path& folder, std::uint64_t limit_bytes) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(ErrorCode::io, "cannot make " + folder.string() + ": " + error.message());
  std::shared_ptr<OutputLog> log(new OutputLog(folder, limit_bytes));
  if (auto loaded = log->load(); !loaded) return fail(loaded);
  return log;
}

Result<> OutputLog::load() {
  std::vector<StreamPlace> places;
  std::error_code error;
  for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
    if (const auto place = place_of(at->path().filename())) places.push_back(*place);
  }
  if (error) return fail(ErrorCode::io, "cannot read " + folder_.string() + ": " + error.message());
  std::sort(places.begin(), places.end(), [](const auto& a, const auto& b) { return a.mark < b.mark; });
  for (const auto& place : places) {
    Segment segment{place, 0, nullptr, folder_ / name_of(place)};
    segment.file = std::make_shared<Descriptor>(::open(segment.path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    struct stat info{};
    const bool is_open = *segment.file && ::fstat(segment.file->get(), &info) == 0;
    segment.size = static_cast<std::uint64_t>(info.st_size);
    if (!is_open || (place == places.back() && !recover(segment))) {
      return fail(ErrorCode::io, segment.path.string() + ": " + std::strerror(errno));
    }
    kept_bytes_ += segment.size;
    segments_.push_back(std::move(segment));
  }
  return {};
}

/// Walks the last segment's frames to the log's end. Cuts off what is half written; of a frame that moved in only in
/// part, what came is kept.
bool OutputLog::recover(Segment& segment) {
  const int fd = segment.file->get();
  Bytes buffer(kFrameHeaderBytes + kMaxFrameBytes);
  std::uint64_t at = 0;
  while (true) {
    const ByteView frame = ByteView(buffer).first(read_from(fd, at, buffer));
    if (frame.size() <= kFrameHeaderBytes || !wire::has_place(static_cast<FrameKind>(frame[0]))) break;
    const auto kind = static_cast<FrameKind>(frame[0]);
    std::size_t size = size_in(frame.data());
    if (size > frame.size() - kFrameHeaderBytes) {
      size = frame.size() - kFrameHeaderBytes;
      if (!is_the_jobs(kind) || !write_at(fd, at, wire::frame_header(kind, size))) break;
    }
    if (is_the_jobs(kind)) end_.bytes += size;
    if (kind == FrameKind::exit) {
      if (const auto exit = wire::parse_exit(as_text(frame.subspan(kFrameHeaderBytes, size)))) exit_ = *exit;
    }
    at += kFrameHeaderBytes + size;
  }
  segment.size = at;
  end_ = {segment.begin.mark + at, segment.begin.bytes + end_.bytes};
  return ::ftruncate(fd, static_cast<off_t>(at)) == 0;
}

std::optional<wire::JobExit> OutputLog::exit() const {
  const std::lock_guard lock(mutex_);
  return exit_;
}

std::uint64_t OutputLog::end() const {
  const std::lock_guard lock(mutex_);
  return end_.mark;
}

/// The segment that takes the next frame; nullptr: the disk refuses a new one. It stays where it is as long as the
/// writer's lock is held.
OutputLog::Segment* OutputLog::room_for(std::uint64_t frame_bytes) {
  const std::lock_guard lock(mutex_);
  while (segments_.size() > 1 && kept_bytes_ + frame_bytes > limit_bytes_) {
    if (!forget_oldest()) break;
  }
  const bool fits = !segments_.empty() && !is_torn_ &&
                    (segments_.back().size == 0 || segments_.back().size + frame_bytes <= segment_bytes_);
  if (fits) return &segments_.back();
  Segment segment{end_, 0, nullptr, folder_ / name_of(end_)};
  segment.file =
      std::make_shared<Descriptor>(::open(segment.path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!*segment.file) return nullptr;
  is_torn_ = false;
  return &segments_.emplace_back(std::move(segment));
}

/// Under `mutex_`. The one that is written to stays: false if there is no other.
bool OutputLog::forget_oldest() {
  if (segments_.size() < 2) return false;
  const auto& oldest = segments_.front();
  (void)!::ftruncate(oldest.file->get(), 0);
  ::unlink(oldest.path.c_str());
  kept_bytes_ -= oldest.size;
  segments_.pop_front();
  return true;
}

void OutputLog::publish(Segment& segment, FrameKind kind, std::size_t size) {
  const std::uint64_t frame_bytes = kFrameHeaderBytes + size;
  const std::lock_guard lock(mutex_);
  segment.size += frame_bytes;
  kept_bytes_ += frame_bytes;
  end_.mark += frame_bytes;
  if (is_the_jobs(kind)) end_.bytes += size;
  grown_.notify_all();
}

/// Bytes of the job that are nowhere: whoever reads on is told by their place.
void OutputLog::lose(std::size_t size) {
  const std::lock_guard lock(mutex_);
  end_.mark += kFrameHeaderBytes + size;
  end_.bytes += size;
  is_torn_ = true;
  grown_.notify_all();
}

void OutputLog::append(FrameKind kind, std::string_view content) {
  content = content.substr(0, kMaxFrameBytes);
  const Bytes frame = wire::make_frame(kind, content);
  const std::lock_guard writing(write_mutex_);
  while (true) {
    Segment* segment = room_for(frame.size());
    if (segment != nullptr && write_at(segment->file->get(), segment->size, frame)) {
      publish(*segment, kind, content.size());
      break;
    }
    if (segment != nullptr) (void)!::ftruncate(segment->file->get(), static_cast<off_t>(segment->size));
    const std::lock_guard lock(mutex_);
    if (!forget_oldest()) break;
  }
  if (kind != FrameKind::exit) return;
  const std::lock_guard lock(mutex_);  // it has ended, whether the disk had room for the word or not
  if (const auto exit = wire::parse_exit(content)) exit_ = *exit;
  grown_.notify_all();
}

std::size_t OutputLog::take(FrameKind kind, int pipe, std::size_t size) {
  size = std::min(size, kMaxFrameBytes);
  const std::lock_guard writing(write_mutex_);
  while (true) {
    Segment* segment = room_for(kFrameHeaderBytes + size);
    const auto moved = segment != nullptr ? move(*segment, kind, pipe, size) : std::nullopt;
    if (moved && *moved > 0) publish(*segment, kind, *moved);
    if (moved) return *moved;
    const std::lock_guard lock(mutex_);
    if (!forget_oldest()) break;
  }
  discard(pipe, size);
  lose(size);
  return size;
}

/// The header goes first, so that recover() finds what came after it. nullopt: the disk has no room for any of it.
std::optional<std::size_t> OutputLog::move(const Segment& segment, FrameKind kind, int pipe, std::size_t size) {
  const int fd = segment.file->get();
  const auto undo = [&] { (void)!::ftruncate(fd, static_cast<off_t>(segment.size)); };
  if (!write_at(fd, segment.size, wire::frame_header(kind, size))) {
    undo();
    return std::nullopt;
  }
  auto to = static_cast<off_t>(segment.size + kFrameHeaderBytes);
  std::size_t moved = 0;
  bool is_full = false;
  while (moved < size && !is_full) {
    const ssize_t n = ::splice(pipe, nullptr, fd, &to, size - moved, SPLICE_F_NONBLOCK);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0 || (n < 0 && errno == EAGAIN)) break;
    is_full = n < 0;
    if (n > 0) moved += static_cast<std::size_t>(n);
  }
  if (moved > 0 && moved < size) is_full = !write_at(fd, segment.size, wire::frame_header(kind, moved));
  if (moved == 0) undo();
  if (moved == 0 && is_full) return std::nullopt;
  return moved;
}

/// The size of the whole frames in front. What is no frame is nowhere in a log: who asked for a mark in the midst of
/// one gets nothing.
std::size_t OutputReader::whole_frames(ByteView bytes) {
  std::size_t at = 0;
  while (bytes.size() - at >= kFrameHeaderBytes) {
    const auto kind = static_cast<FrameKind>(bytes[at]);
    const std::size_t size = size_in(bytes.data() + at);
    if (!wire::has_place(kind) || size > bytes.size() - at - kFrameHeaderBytes) break;
    at += kFrameHeaderBytes + size;
    at_exit_ = kind == FrameKind::exit;
  }
  return at;
}

ByteView OutputReader::next(std::span<std::uint8_t> scratch, std::int64_t timeout_ms, const std::stop_token& stop) {
  HANSE_CHECK(scratch.size() >= kLeastScratch);
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  std::optional<StreamPlace> place;
  std::unique_lock lock(log_->mutex_);
  while (true) {
    const auto& segments = log_->segments_;
    const auto found =
        std::find_if(segments.begin(), segments.end(), [&](const auto& s) { return s.begin.mark + s.size > mark_; });
    if (found != segments.end() ? found->begin.mark > mark_ : log_->end_.mark != mark_) {
      place = found != segments.end() ? found->begin : log_->end_;
      mark_ = place->mark;
    }
    std::size_t used = 0;
    if (place) {
      const Bytes frame = wire::make_frame(FrameKind::place, to_text(*place));
      used = frame.size();
      std::copy(frame.begin(), frame.end(), scratch.begin());
    }
    if (found != segments.end()) {
      const auto file = found->file;
      const auto at = mark_ - found->begin.mark;
      const auto room = std::min<std::uint64_t>(scratch.size() - used, found->size - at);
      const auto segment_end = found->begin.mark + found->size;
      lock.unlock();
      const auto got = read_from(file->get(), at, scratch.subspan(used, room));
      const auto whole = whole_frames(ByteView(scratch).subspan(used, got));
      mark_ += whole;
      if (whole > 0) return scratch.first(used + whole);
      if (got == room) mark_ = segment_end;  // no frame begins here
      lock.lock();
      continue;  // it was forgotten meanwhile
    }
    if (used > 0) return scratch.first(used);
    if (!log_->grown_.wait_until(lock, stop, until, [&] { return log_->end_.mark != mark_; })) return {};
  }
}

}  // namespace hanse::provider
