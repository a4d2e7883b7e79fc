#pragma once

// A job's output as this machine keeps it: frames (wire/job_stream.hpp) in segment files of one folder, the oldest
// segment forgotten when the whole would outgrow its limit, or when the disk is full. Written by the lease, read by
// whoever follows: a reader costs no memory here and holds nothing up. One that comes too late is told where what is
// left begins.
//
// It outlives the agent: what a crash left half written is cut off when it is opened again. It is not synced: the
// machine's own fall may cost the last seconds.

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stop_token>

#include "provider/descriptor.hpp"
#include "wire/job_stream.hpp"

namespace hanse::provider {

class OutputLog {
 public:
  /// The folder is made if it is missing. `limit_bytes`: of all segments together, frames included; 1 MiB at least.
  static Result<std::shared_ptr<OutputLog>> open(const std::filesystem::path& folder, std::uint64_t limit_bytes);

  // From any thread. What the disk has no room for is lost, and readers are told so.
  void append(wire::FrameKind kind, std::string_view content);
  /// Moves up to `size` bytes that wait in a pipe here as one frame, past this process's memory, so that an agent that
  /// is killed loses none of them. How many it took out: 0 if somebody else did before.
  std::size_t take(wire::FrameKind kind, int pipe, std::size_t size);

  /// Everything before this mark is here, or forgotten.
  [[nodiscard]] std::uint64_t end() const;
  /// How the job ended, once that is in here: nothing comes after it.
  [[nodiscard]] std::optional<wire::JobExit> exit() const;

 private:
  friend class OutputReader;
  struct Segment {
    wire::StreamPlace begin;
    std::uint64_t size = 0;
    std::shared_ptr<const Descriptor> file;  ///< Emptied when it is forgotten, so that no reader keeps it on the disk.
    std::filesystem::path path;
  };

  OutputLog(std::filesystem::path folder, std::uint64_t limit_bytes);
  Result<> load();
  bool recover(Segment& segment);
  Segment* room_for(std::uint64_t frame_bytes);
  bool forget_oldest();
  std::optional<std::size_t> move(const Segment& segment, wire::FrameKind kind, int pipe, std::size_t size);
  void publish(Segment& segment, wire::FrameKind kind, std::size_t size);
  void lose(std::size_t size);

  const std::filesystem::path folder_;
  const std::uint64_t limit_bytes_, segment_bytes_;

  std::mutex write_mutex_;  ///< One writer at a time; taken before `mutex_`.
  mutable std::mutex mutex_;
  std::condition_variable_any grown_;
  std::deque<Segment> segments_;  ///< Guarded, as what follows. Oldest first; what is missing between two was lost.
  std::uint64_t kept_bytes_ = 0;  ///< Of all segments.
  wire::StreamPlace end_;
  bool is_torn_ = false;  ///< Something was lost at the end: the next frame begins a segment.
  std::optional<wire::JobExit> exit_;
};

/// Reads an OutputLog from some mark on. One thread.
class OutputReader {
 public:
  OutputReader(std::shared_ptr<OutputLog> log, std::uint64_t mark) : log_(std::move(log)), mark_(mark) {}

  /// Whole frames, waiting up to `timeout_ms` for the first of them; empty: none came, or `stop` was asked for. Where
  /// something is not there any more, a place frame comes first. `scratch` (kLeastScratch) holds what is returned.
  ByteView next(std::span<std::uint8_t> scratch, std::int64_t timeout_ms, const std::stop_token& stop);
  [[nodiscard]] std::uint64_t mark() const { return mark_; }  ///< Up to there it was passed on.
  /// The frame that nothing comes after was passed on.
  [[nodiscard]] bool at_exit() const { return at_exit_; }

  static constexpr std::size_t kLeastScratch = wire::kMaxFrameBytes + 1024;

 private:
  std::size_t whole_frames(ByteView bytes);

  std::shared_ptr<OutputLog> log_;
  std::uint64_t mark_;
  bool at_exit_ = false;
};

}  // namespace hanse::provider
