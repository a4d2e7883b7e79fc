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
  enum class Why { exited, lost, stopped };
  Why why = Why::lost;
  int exit_code = -1;  ///< When exited.
};

/// What has been passed on of a stream that starts from its beginning each time it is opened.
class OutputFollower {
 public:
  explicit OutputFollower(OutputSink sink) : sink_(std::move(sink)) {}

  /// Reads one channel until it ends, the connection is lost, or `stop` says so. What was passed on before by an
  /// earlier call is skipped, so a reopened stream repeats nothing.
  FollowEnd follow(SshSession& session, SshChannel& channel, const StopSource& stop);

 private:
  void pass(std::string_view text, bool is_stderr, std::uint64_t& position);

  OutputSink sink_;
  std::uint64_t passed_[2] = {0, 0};
};

/// Puts a label before every line, so that the outputs of several machines can be told apart. One a machine.
class LineLabels {
 public:
  LineLabels(std::string label, OutputSink sink) : label_(std::move(label)), sink_(std::move(sink)) {}
  ~LineLabels();  ///< Passes on what has no end of line yet, with one.
  LineLabels(const LineLabels&) = delete;
  LineLabels& operator=(const LineLabels&) = delete;

  /// Passes on whole lines, each with its label; a line of more than 64 KiB in pieces.
  void pass(std::string_view text, bool is_stderr);

 private:
  std::string label_;
  OutputSink sink_;
  std::string rest_[2];
};

/// stdout to stdout, stderr to stderr, as they are.
void write_through(std::string_view text, bool is_stderr);

}  // namespace hanse::cli
