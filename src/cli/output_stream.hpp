#pragma once

// Follows a job's output (wire/job_stream.hpp) to its end, over as many connections as it takes.

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cli/interrupt.hpp"
#include "cli/ssh_client.hpp"
#include "wire/job_stream.hpp"

namespace hanse::cli {

/// Where output goes: text and whether it came on stderr.
using OutputSink = std::function<void(std::string_view text, bool is_stderr)>;

struct FollowEnd {
  enum class Why {
    exited,   ///< The job has ended: `exit`.
    done,     ///< That was all there is now, where the end was not waited for.
    lost,     ///< The connection, or the machine for a moment: try again; `error`.
    stopped,  ///< By the session's own stop.
    refused   ///< There is nothing to follow: `error`.
  };
  Why why = Why::lost;
  wire::JobExit exit{};
  Error error{};
};

/// What has been passed on of a job's output: followed again, it goes on exactly there.
class OutputFollower {
 public:
  /// `note` gets what the machine says, and what is missing, line by line.
  using NoteSink = std::function<void(const std::string& line)>;
  OutputFollower(OutputSink sink, NoteSink note) : sink_(std::move(sink)), note_(std::move(note)) {}

  /// Reads until the job's end, or with `to_end` false until all that is there now is read.
  FollowEnd follow(SshSession& session, bool to_end = true);
  /// Of the job's output, what neither this reader nor the machine has any more.
  [[nodiscard]] std::uint64_t missed_bytes() const { return missed_; }

 private:
  std::optional<FollowEnd> take(const wire::Frame& frame);
  std::optional<FollowEnd> take_place(std::string_view text);

  OutputSink sink_;
  NoteSink note_;
  std::uint64_t mark_ = 0, bytes_ = 0, missed_ = 0;
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

/// Cuts output into JSON objects of a line each, exact to the byte: {"stream":"stdout","text":"…\n"}, or where it is no
/// UTF-8, "base64" in place of "text". A line of more than 64 KiB comes in pieces, cut between characters.
class JsonLines {
 public:
  explicit JsonLines(std::function<void(const nlohmann::json&)> print) : print_(std::move(print)) {}
  void pass(std::string_view text, bool is_stderr);
  void end();  ///< Prints what has no end of line.

 private:
  void print(std::string_view line, bool is_stderr) const;

  std::function<void(const nlohmann::json&)> print_;
  std::string rest_[2];
};

/// stdout to stdout, stderr to stderr, as they are.
void write_through(std::string_view text, bool is_stderr);

}  // namespace hanse::cli
