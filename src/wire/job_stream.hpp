#pragma once

// A job's output as a stream of frames: what the agent keeps on disk and what goes over SSH (subsystem hanse-logs) have
// the same form. A frame is one byte for its kind, four for the size of what follows (big endian), and that.
//
// The job's own frames (output, errors, note, exit) have a place in the whole: its *mark*, the number of bytes of such
// frames before it. A reader that names the mark it has come to goes on exactly there, whatever broke in between.
// The other frames are the speaker's and have no place.

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace hanse::wire {

enum class FrameKind : std::uint8_t {
  output = 'o',  ///< Bytes of the job's stdout.
  errors = 'e',  ///< Bytes of the job's stderr.
  note = 'n',    ///< A sentence of the machine's, for a person; no byte of the job's.
  exit = 'x',    ///< JobExit: the job has ended, nothing follows.

  place = 'p',   ///< StreamPlace: what follows begins there. First, and wherever something was forgotten.
  alive = 'a',   ///< Empty: there is nothing to say, and somebody is there to say it.
  done = 'd',    ///< Empty: that was all there is now (to a reader that does not follow).
  failed = 'f',  ///< StreamFailure: why there is no more; nothing follows.
};

inline constexpr std::size_t kFrameHeaderBytes = 5;
inline constexpr std::size_t kMaxFrameBytes = 256 * 1024;  ///< Of what follows the header.

/// Does it count towards marks?
[[nodiscard]] constexpr bool has_place(FrameKind kind) {
  return kind == FrameKind::output || kind == FrameKind::errors || kind == FrameKind::note || kind == FrameKind::exit;
}

[[nodiscard]] std::array<std::uint8_t, kFrameHeaderBytes> frame_header(FrameKind kind, std::size_t size);
[[nodiscard]] Bytes make_frame(FrameKind kind, std::string_view content);

struct Frame {
  FrameKind kind;
  ByteView content;  ///< Valid until the next call of the parser.
};

/// Takes a stream of frames apart; pieces may be cut anywhere. Not thread-safe.
class FrameParser {
 public:
  void feed(ByteView bytes);
  /// The next whole frame; nullopt: feed more. malformed: no such stream (an unknown kind, a frame too large).
  Result<std::optional<Frame>> next();

 private:
  Bytes pending_;
  std::size_t at_ = 0;
};

/// How a job ended.
struct JobExit {
  int code = 0;
  bool in_setup = false;  ///< `setup` failed; `run` never began.

  bool operator==(const JobExit&) const = default;
};

struct StreamPlace {
  std::uint64_t mark = 0;
  std::uint64_t bytes = 0;  ///< Of output and errors before it, so that a reader can tell how much it missed.

  bool operator==(const StreamPlace&) const = default;
};

/// What a reader asks for, as the first and only thing that it says.
struct StreamRequest {
  std::uint64_t mark = 0;
  bool follow = true;  ///< To the job's end; else what there is now.

  bool operator==(const StreamRequest&) const = default;
};

// Each as JSON text; malformed where that is none of it. A missing key keeps its default.
[[nodiscard]] std::string to_text(const JobExit& exit);
[[nodiscard]] std::string to_text(const StreamPlace& place);
[[nodiscard]] std::string to_text(const StreamRequest& request);
[[nodiscard]] std::string to_text(const Error& failure);
Result<JobExit> parse_exit(std::string_view text);
Result<StreamPlace> parse_place(std::string_view text);
Result<StreamRequest> parse_request(std::string_view text);
/// Whatever it says: a failure that cannot be read is one too.
Error parse_failure(std::string_view text);

}  // namespace hanse::wire
