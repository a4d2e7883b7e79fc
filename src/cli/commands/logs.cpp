// hanse logs LEASE [-f]: the job's output from its beginning.

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/lease_link.hpp"
#include "cli/output_stream.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

constexpr int kAttempts = 5;

Outcome logs(Context& context, model::LeaseId lease, bool follow) {
  OutputFollower follower([&](std::string_view text, bool is_stderr) {
    if (context.json()) {
      context.print_json({{"stream", is_stderr ? "stderr" : "stdout"}, {"text", text}});
    } else {
      write_through(text, is_stderr);
    }
  });
  Interrupt interrupt;
  const StopSource stop(interrupt);
  Error last{ErrorCode::unavailable, "the connection to the machine broke off"};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempt > 0 && interrupt.wait(500 << attempt)) return kInterrupted;
    auto session = open_lease(context, lease);
    if (!session) {
      if (attempt > 0 && session.error().code == ErrorCode::wrong_state) return 0;  // it ended meanwhile
      if (session.error().code != ErrorCode::unavailable || attempt == 0) return refuse(session.error());
      last = session.error();
      continue;
    }
    auto channel = (*session)->subsystem(follow ? "hanse-logs" : "hanse-output");
    if (!channel) return refuse(channel.error());
    const auto end = follower.follow(**session, **channel, stop);
    if (end.why == FollowEnd::Why::stopped) return kInterrupted;
    if (end.why != FollowEnd::Why::lost) return 0;
  }
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
