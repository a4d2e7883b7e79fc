#pragma once

// Follows a channel's two outputs to their end, over as many connections as it takes.

#include <functional>
#include <string_view>

#include "cli/interrupt.hpp"
#include "cli/ssh_client.hpp"

namespace hanse::cli {

/// Where output goes: text and whether it came on stderr.
using OutputSink = std::function<void(std::string_view text, bool is_stderr)>;

struct FollowEnd {
  enum class Why { exited, lost, interrupted };
  Why why = Why::lost;
  int exit_code = -1;  ///< When exited.
};

/// What has been passed on of a stream that starts from its beginning each time it is opened.
class OutputFollower {
 public:
  explicit OutputFollower(OutputSink sink) : sink_(std::move(sink)) {}

  /// Reads one channel until it ends, the connection is lost, or `interrupt` fires. What was passed on before by an
  /// earlier call is skipped, so a reopened stream repeats nothing.
  FollowEnd follow(SshSession& session, SshChannel& channel, const Interrupt& interrupt);

 private:
  void pass(std::string_view text, bool is_stderr, std::uint64_t& position);

  OutputSink sink_;
  std::uint64_t passed_[2] = {0, 0};
};

/// stdout to stdout, stderr to stderr, as they are.
void write_through(std::string_view text, bool is_stderr);

}  // namespace hanse::cli
