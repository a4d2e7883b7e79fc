#pragma once

// What the process answers. Stable: docs/cli.md lists them, scripts match on them.

#include <expected>
#include <string>

#include "base/error.hpp"

namespace hanse::cli {

enum class Exit : int {
  ok = 0,
  failed = 1,           ///< Refused, or something broke.
  usage = 2,            ///< The command line, or a value in it, is wrong.
  no_match = 3,         ///< No offer fits.
  not_authorized = 4,   ///< Wrong passphrase, or the key may not do this.
  unreachable = 5,      ///< The node or the machine does not answer.
  no_funds = 6,         ///< The balance or a limit does not suffice.
  job_not_started = 7,  ///< The image or the container failed before the job ran.
};

/// `run` and `ssh -- CMD` pass the job's own exit code through, so their own failures have a range of their own.
inline constexpr int kRunFailed = 120;

/// Ctrl-C, as shells count it.
inline constexpr int kInterrupted = 130;

/// What it prints could not be written, as shells count a command whose reader went away (SIGPIPE).
inline constexpr int kOutputLost = 141;

/// The exit code of an error outside `run`.
Exit exit_of(ErrorCode code);

/// The exit code of `run`'s own failures: failed and usage → 120, no_match → 121, not_authorized → 122, unreachable →
/// 123, no_funds → 124, job_not_started → 125.
int run_exit_of(Exit exit);

/// Why a command did not do it, and what to do.
struct Failure {
  Error error;
  std::string hint;         ///< Empty: a general one for the error's code.
  int exit_code = -1;       ///< -1: by the error's code.
  std::string report = {};  ///< With --json: the object, as text, that the error is put into; empty: one of its own.

  Failure(Error e) : error(std::move(e)) {}  // NOLINT: every Error is a Failure
  Failure(Error e, std::string h, int code = -1) : error(std::move(e)), hint(std::move(h)), exit_code(code) {}
};

/// A command's end: the process's exit code, or why not.
using Outcome = std::expected<int, Failure>;

[[nodiscard]] inline std::unexpected<Failure> refuse(ErrorCode code, std::string message, std::string hint = "") {
  return std::unexpected(Failure({code, std::move(message)}, std::move(hint)));
}
[[nodiscard]] inline std::unexpected<Failure> refuse(Error error, std::string hint = "") {
  return std::unexpected(Failure(std::move(error), std::move(hint)));
}

/// A hint that fits any error of that code, or "".
std::string general_hint(ErrorCode code);

}  // namespace hanse::cli
