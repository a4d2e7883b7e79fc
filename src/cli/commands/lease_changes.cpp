// hanse extend, topup, stop, cancel: one transaction each.

#include <nlohmann/json.hpp>

#include "cli/bill.hpp"
#include "cli/command.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

Outcome changed(Context& context, model::LeaseId id, const std::string& what) {
  const auto api = context.api();
  if (!api) return refuse(api.error());
  const auto view = (*api)->lease(id);
  if (!view) return refuse(view.error());
  if (context.json()) {
    context.print_json({{"lease", wire::to_json(view->lease)}});
  } else {
    context.print(model::format_id(id) + ": " + what + "; runs until " + model::format_time(view->lease.ends_at) +
                  " at most, " + model::format_money(view->lease.locked) + " credits locked in all\n");
  }
  return 0;
}

Outcome extend(Context& context, model::LeaseId lease, std::uint64_t seconds) {
  const auto api = context.api();
  if (!api) return refuse(api.error());
  const auto before = (*api)->lease(lease);
  if (!before) return refuse(before.error());
  // The ledger takes the whole duration, so that the same transaction twice is not twice the time.
  const auto receipt = context.send({model::ExtendLease{lease, before->lease.duration_s + seconds}});
  if (!receipt) return refuse(receipt.error());
  return changed(context, lease, model::format_duration(seconds) + " more");
}

Outcome topup(Context& context, model::LeaseId lease, Money amount) {
  const auto receipt = context.send({model::TopUpLease{lease, amount}});
  if (!receipt) return refuse(receipt.error());
  return changed(context, lease, model::format_money(amount) + " credits more");
}

Outcome stop(Context& context, model::LeaseId lease, bool yes) {
  const auto api = context.api();
  if (!api) return refuse(api.error());
  if (!yes && context.terminal.in_tty && context.terminal.err_tty && !context.json() &&
      !ask_yes_no(context.terminal, "End " + model::format_id(lease) + "? Its files are deleted.")) {
    return refuse(ErrorCode::wrong_state, model::format_id(lease) + " goes on");
  }
  context.unlock_ahead();
  const auto before = (*api)->lease(lease);
  if (!before) return refuse(before.error());
  if (before->lease.state == model::LeaseState::ended) {
    context.say(model::format_id(lease) + " has ended already");
  } else {
    const auto reason =
        before->lease.state == model::LeaseState::running ? model::EndReason::completed : model::EndReason::cancelled;
    const auto receipt = context.send({model::EndLease{lease, reason, "stopped by the consumer"}});
    // It may have ended by itself a moment ago: what was wanted has happened.
    if (!receipt && receipt.error().code != ErrorCode::wrong_state) return refuse(receipt.error());
  }
  const auto after = (*api)->lease(lease);
  if (!after) return refuse(after.error());
  const Bill bill = make_bill(*after);
  if (context.json()) {
    context.print_json(bill_json(bill));
  } else {
    context.print(bill_line(bill) + "\n");
  }
  return 0;
}

Outcome cancel(Context& context, const std::string& text) {
  const auto id = model::parse_id<model::RequestTag>(text);
  if (!id) return refuse(id.error(), "'hanse ps' lists waiting requests; a lease is ended with 'hanse stop'");
  const auto receipt = context.send({model::CancelRequest{*id}});
  if (!receipt) return refuse(receipt.error());
  if (context.json()) {
    context.print_json({{"request", model::format_id(*id)}, {"cancelled", true}});
  } else {
    context.print(model::format_id(*id) + " is cancelled\n");
  }
  return 0;
}

struct Change {
  model::LeaseId lease;
  std::uint64_t seconds = 0;
  Money amount;
  std::string request;
  bool yes = false;
};

}  // namespace

void add_extend(Program& program) {
  auto change = std::make_shared<Change>();
  auto* command = program.add(program.app, "extend", "Give a lease more time, and lock the money for it",
                              "  hanse extend lease-7 2h\n");
  lease_option(command, "lease", change->lease, "Which")->required();
  duration_option(command, "duration", change->seconds, "How much more, e.g. 2h")->required();
  program.on(command, [change, &program] { return extend(program.context, change->lease, change->seconds); });
}

void add_topup(Program& program) {
  auto change = std::make_shared<Change>();
  auto* command = program.add(program.app, "topup", "Lock more money in a lease that max_cost would end early",
                              "  hanse topup lease-7 5.00\n");
  lease_option(command, "lease", change->lease, "Which")->required();
  money_option(command, "amount", change->amount, "Credits")->required();
  program.on(command, [change, &program] { return topup(program.context, change->lease, change->amount); });
}

void add_stop(Program& program) {
  auto change = std::make_shared<Change>();
  auto* command =
      program.add(program.app, "stop", "End a lease; what is not used comes back at once", "  hanse stop lease-7\n");
  lease_option(command, "lease", change->lease, "Which")->required();
  command->add_flag("-y,--yes", change->yes, "Do not ask, on a terminal either");
  program.on(command, [change, &program] { return stop(program.context, change->lease, change->yes); });
}

void add_cancel(Program& program) {
  auto change = std::make_shared<Change>();
  auto* command = program.add(program.app, "cancel", "Take back a request that still waits for a machine",
                              "  hanse cancel request-3\n");
  command->add_option("request", change->request, "Which")->required()->type_name("REQUEST");
  program.on(command, [change, &program] { return cancel(program.context, change->request); });
}

}  // namespace hanse::cli
