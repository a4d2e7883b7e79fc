// hanse attach LEASE: joins a job that runs on its own, and brings its results home.

#include <nlohmann/json.hpp>

#include "cli/bill.hpp"
#include "cli/command.hpp"
#include "cli/lease_job.hpp"
#include "cli/lease_link.hpp"
#include "cli/show.hpp"
#include "cli/ssh_files.hpp"
#include "model/text.hpp"
#include "wire/codec.hpp"

namespace hanse::cli {
namespace {

/// The job, as its machine has it; that it is this lease's, the hash in the ledger shows: its outputs name files here.
Result<model::Job> ask_job(SshSession& session, const Hash& hash) {
  auto channel = session.subsystem("hanse-delivered");
  if (!channel) return fail(channel);
  if (auto asked = (*channel)->end_input(); !asked) return fail(asked);
  Bytes bytes;
  Bytes buffer(16 * 1024);
  while (bytes.size() <= model::kMaxJobBytes) {
    const auto n = (*channel)->read(buffer.data(), buffer.size());
    if (!n) return fail(n);
    if (*n == 0) break;
    bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*n));
  }
  if (bytes.empty()) return fail(ErrorCode::wrong_state, (*channel)->complaint());
  auto job = wire::decode<model::Job>(bytes);
  if (!job || wire::job_hash(*job) != hash) {
    return fail(ErrorCode::denied, "the machine shows another job than the lease was made for: nothing was fetched");
  }
  return job;
}

Error has_no_job(model::LeaseId lease) {
  const auto id = model::format_id(lease);
  return {ErrorCode::wrong_state, id + " was rented without a job: 'hanse ssh " + id + "' logs in to it"};
}

struct Attached {
  Context& context;
  model::LeaseId lease;
  std::filesystem::path folder;
  nlohmann::json report = nlohmann::json::object();

  [[nodiscard]] std::string id() const { return model::format_id(lease); }
  [[nodiscard]] std::unexpected<Failure> with_report(std::unexpected<Failure> failure) const {
    failure.error().report = report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return failure;
  }

  /// The job's exit code, once its outputs are here and its lease has ended.
  Outcome bring_home(LeaseJob& job, int exit_code) {
    report["exit_code"] = exit_code;
    report["lease"] = id();
    report["missed_bytes"] = job.missed_bytes();
    const auto fetched = job.fetch_outputs(folder);
    for (const auto& one : fetched.copied) report["outputs"].push_back(one.target.string());
    if (!fetched.is_complete()) report["missing"] = fetched.missing_json();
    job.disconnect();
    if (exit_code != 0) context.say("The job " + exit_text(exit_code) + ".");
    if (!fetched.is_complete() && fetched.may_still_come()) {
      return with_report(refuse(fetched.error(), "the same command again tries once more; 'hanse ps' says until when"));
    }
    const auto ended = end_by_consumer(context, lease, "its results are fetched");
    if (!ended) return with_report(refuse(ended.error(), "try 'hanse stop " + id() + "'"));
    if (const auto home = context.home()) forget_ssh_host(lease, *home);
    const auto bill = make_bill(*ended);
    context.say(context.style_err(bill_line(bill), Style::dim));
    report["bill"] = bill_json(bill);
    if (!fetched.is_complete() && exit_code == 0) return with_report(refuse(fetched.error()));
    if (!fetched.is_complete()) context.say(printable(fetched.error().message));
    if (context.json()) context.print_json(report);
    return exit_code;
  }
};

Outcome attach(Context& context, model::LeaseId lease, const std::string& folder) {
  const auto view = own_lease(context, lease);
  if (!view) return refuse(view.error());
  if (view->lease.job_hash.is_zero()) {
    return refuse(has_no_job(lease));
  }
  if (const auto wallet = context.unlock(); !wallet) return refuse(wallet.error());
  Interrupt interrupt;
  const StopSource stop(interrupt);
  const auto detached = [&]() -> Outcome {
    context.say("\nLeft: the job and its lease go on. 'hanse attach " + model::format_id(lease) + "' comes back.");
    return kInterrupted;
  };
  client::JobFile file;
  {
    const LeaseWatch watch(context, lease, stop);
    auto session = open_lease(context, lease, watch.stop());
    auto delivered = session ? ask_job(**session, view->lease.job_hash) : fail(session);
    if (interrupt.count() > 0) return detached();
    if (!delivered) return refuse(why_broken(context, lease, watch, delivered.error()));
    if (delivered->run.empty()) return refuse(has_no_job(lease));
    file.job = std::move(*delivered);
  }
  const LocalTree none;
  LeaseJob job(context, file, none, stop, 0, 1);
  const auto attempt = job.attach(lease);
  Attached attached{context, lease, folder};
  switch (attempt.end) {
    case Attempt::End::exited:
      return attached.bring_home(job, attempt.exit_code);
    case Attempt::End::stopped:
      return detached();
    case Attempt::End::failed:
      return std::unexpected(*attempt.failure);
    case Attempt::End::lost:
      break;
  }
  const auto after = live_lease(context, lease);
  return refuse(after ? Error{ErrorCode::wrong_state, model::format_id(lease) + " has no output to follow"}
                      : after.error());
}

}  // namespace

void add_attach(Program& program) {
  auto lease = std::make_shared<model::LeaseId>();
  auto folder = std::make_shared<std::string>(".");
  auto* command = program.add(
      program.app, "attach", "Join a job that runs on its own, and bring its outputs home",
      "  hanse attach lease-7             its output from the beginning, then its outputs into this folder\n"
      "  hanse attach lease-7 --to out    into another one\n"
      "Once all is here the lease ends. Ctrl-C leaves again: the job goes on. The exit code is the job's, as with "
      "run.\n");
  lease_option(command, "lease", *lease, "Which")->required();
  command->add_option("--to", *folder, "Where its outputs go (.)")->type_name("DIR");
  program.on(command, [=, &program] {
    program.own_exit_range = true;
    return attach(program.context, *lease, *folder);
  });
}

}  // namespace hanse::cli
