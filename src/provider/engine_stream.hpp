#pragma once

// The engine's byte streams as ExecStreams: the output of a container, and a running exec.

#include <memory>
#include <string>

#include "provider/engine.hpp"
#include "provider/unix_http.hpp"

namespace hanse::provider {

/// Takes apart Docker's multiplexed stream: frames of {source, 0, 0, 0, size in 4 bytes big endian, bytes}. Pieces
/// may be cut anywhere. Not thread-safe.
class FrameReader {
 public:
  /// The next piece of output in what was fed so far; nullopt: feed more. malformed if the stream is no such stream.
  Result<std::optional<ExecStream::Chunk>> next();
  void feed(ByteView bytes) { pending_.insert(pending_.end(), bytes.begin(), bytes.end()); }

 private:
  Bytes pending_;
  std::size_t at_ = 0;         ///< Up to here `pending_` is consumed.
  std::size_t remaining_ = 0;  ///< Of the frame that is open.
  ExecStream::Source source_ = ExecStream::Source::out;
};

/// Output only: write and resize are refused.
std::unique_ptr<ExecStream> make_log_stream(std::unique_ptr<HttpStream> stream);

/// A hijacked exec. `socket` and `exec_id` serve resize() and exit_code().
std::unique_ptr<ExecStream> make_exec_stream(Hijacked hijacked, std::string socket, std::string exec_id, bool tty);

}  // namespace hanse::provider
