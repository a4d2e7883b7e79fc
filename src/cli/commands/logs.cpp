// hanse logs LEASE [-f]: the job's output from its beginning.

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/lease_link.hpp"
#include "cli/output_stream.hpp"
#include "cli/progress.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

constexpr int kAttempts = 5;

/// Every byte of the job's, and in the end how much of it is missing.
class Printer {
 public:
  explicit Printer(Context& context)
      : context_(context), lines_([this](const nlohmann::json& line) { context_.print_json(line); }) {}

  void output(std::string_view text, bool is_stderr) {
    context_.json() ? lines_.pass(text, is_stderr) : write_through(text, is_stderr);
  }
  void end(std::uint64_t missed_bytes) {
    lines_.end();
    if (missed_bytes == 0) return;
    if (context_.json()) context_.print_json({{"missed_bytes", missed_bytes}});
    context_.say(rough_size(missed_bytes) + " of the output are missing.");
  }

 private:
  Context& context_;
  JsonLines lines_;
};

Outcome logs(Context& context, model::LeaseId lease, bool follow) {
  Interrupt interrupt;
  const StopSource outer(interrupt);
  const LeaseWatch watch(context, lease, outer);
  Printer printer(context);
  OutputFollower follower([&](std::string_view text, bool is_stderr) { printer.output(text, is_stderr); },
                          [&](const std::string& line) { context.say(line); });
  Error last;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempt > 0 && interrupt.wait(500 << attempt)) return kInterrupted;
    auto session = open_lease(context, lease, watch.stop());
    FollowEnd end{FollowEnd::Why::lost, {}, session ? Error{} : session.error()};
    if (session) end = follower.follow(**session, follow);
    if (interrupt.count() > 0) return kInterrupted;
    if (end.why == FollowEnd::Why::exited || end.why == FollowEnd::Why::done) {
      printer.end(follower.missed_bytes());
      return 0;
    }
    last = why_broken(context, lease, watch, end.error);
    const bool may_pass = last.code == ErrorCode::unavailable || last.code == ErrorCode::timeout;
    if (!may_pass || (!session && attempt == 0)) break;
    if (session) attempt = 0;  // it was there: patience begins anew
  }
  printer.end(follower.missed_bytes());
  return refuse(last, "'hanse ps' says whether the lease is still live");
}

}  // namespace

void add_logs(Program& program) {
  auto lease = std::make_shared<model::LeaseId>();
  auto follow = std::make_shared<bool>(false);
  auto* command = program.add(program.app, "logs", "Print a job's output from its beginning",
                              "  hanse logs lease-7\n  hanse logs lease-7 -f      and go on as it comes\n");
  lease_option(command, "lease", *lease, "Which")->required();
  command->add_flag("-f,--follow", *follow, "Go on until the job ends");
  program.on(command, [=, &program] { return logs(program.context, *lease, *follow); });
}

}  // namespace hanse::cli
