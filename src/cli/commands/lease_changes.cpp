// hanse extend, topup, stop, cancel: one transaction each.

#include <nlohmann/json.hpp>

#include "cli/bill.hpp"
#include "cli/command.hpp"
#include "cli/lease_link.hpp"
#include "cli/show.hpp"
#include "cli/ssh_files.hpp"
#include "cli/table.hpp"
#include "market/price.hpp"
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

/// On spot its bid is locked, for the next auction may clear at it.
Money most_per_hour(const model::Lease& lease) {
  return lease.mode == model::Mode::spot ? Money{lease.bid_per_gpu_hour.micros * lease.gpu_count} : lease.rate_per_hour;
}

/// As `run` and `rent` do: shows what it locks, then asks; where nobody can answer, --yes must.
Outcome agree(Context& context, const LeaseView& view, const std::string& what, Money more, bool yes) {
  const auto account = (*context.api())->account(*context.address());
  if (!account) return refuse(account.error());
  const Money balance = account->account.balance;
  const auto left = subtract(balance, more);
  if (!context.json()) {
    const bool color = context.terminal.err_color;
    print_err(paint("Plan: " + model::format_id(view.lease.id) + " " + what, Style::bold, color) + "\n" +
              facts({{"price", rate_text(view.lease.rate_per_hour) +
                                   (view.lease.mode == model::Mode::spot
                                        ? " now; locked is what it bids, " + rate_text(most_per_hour(view.lease))
                                        : "")},
                     {"locks", model::format_money(more) + " credits more; what is not used comes back"},
                     {"balance", model::format_money(balance) + " now, " +
                                     (left ? model::format_money(*left) + " then" : "too little for this")}},
                    color));
  }
  const bool can_ask = context.terminal.in_tty && context.terminal.err_tty && !context.json();
  if (yes || (can_ask && ask_yes_no(context.terminal, "Go on?"))) return 0;
  return refuse(ErrorCode::wrong_state, model::format_id(view.lease.id) + " stays as it is",
                can_ask ? "nothing was locked" : "--yes agrees where there is no terminal to ask on");
}

/// "2h": the whole duration from now on, counted from the start, as the ledger has it. "+30m": so much more.
Result<std::uint64_t> new_duration(const std::string& text, std::uint64_t current) {
  const bool is_more = text.starts_with('+');
  const auto seconds = model::parse_duration_s(std::string_view(text).substr(is_more ? 1 : 0));
  if (!seconds) return seconds;
  return is_more ? current + *seconds : *seconds;
}

Outcome extend(Context& context, model::LeaseId lease, const std::string& duration, bool yes) {
  // A duration that cannot be read is found before anything is asked of the node.
  if (const auto readable = new_duration(duration, 0); !readable) {
    return refuse(readable.error(), "'8h' is how long in all, '+30m' how much more");
  }
  const auto before = own_working_lease(context, lease);
  if (!before) return refuse(before.error());
  const auto seconds = new_duration(duration, before->lease.duration_s);
  const std::string what = "lasts " + model::format_duration(*seconds) + " from its start";
  const auto whole = market::lock_for(most_per_hour(before->lease), *seconds, Money{});
  if (*seconds > before->lease.duration_s && whole) {  // else the ledger says what is wrong with it
    const Money more{std::max<std::int64_t>(0, whole->micros - run_lock(before->lease).micros)};
    if (auto agreed = agree(context, *before, what, more, yes); !agreed) return agreed;
  }
  const auto receipt = context.send({model::ExtendLease{lease, *seconds}});
  if (!receipt) return refuse(receipt.error());
  return changed(context, lease, what);
}

Outcome topup(Context& context, model::LeaseId lease, Money amount, bool yes) {
  if (amount.micros == 0) return refuse(ErrorCode::invalid_argument, "the amount must be above 0");
  const auto before = own_working_lease(context, lease);
  if (!before) return refuse(before.error());
  const std::string what = model::format_money(amount) + " credits more";
  if (auto agreed = agree(context, *before, "gets " + what, amount, yes); !agreed) return agreed;
  const auto receipt = context.send({model::TopUpLease{lease, amount}});
  if (!receipt) return refuse(receipt.error());
  return changed(context, lease, what);
}

/// What it costs to leave a reserved lease before its term is over.
std::string early_exit_text(const LeaseView& view) {
  using model::format_money;
  return model::format_id(view.lease.id) + " is reserved until " + model::format_time(view.lease.ends_at) +
         ": to leave now costs " + format_money(view.left_now) + " instead of " + format_money(view.accrued) +
         " credits; of the " + format_money(view.lease.locked) + " that were prepaid " +
         format_money(subtract(view.lease.locked, view.left_now).value_or(Money{})) + " come back.";
}

Outcome stop(Context& context, model::LeaseId lease, bool yes) {
  const auto api = context.api();
  if (!api) return refuse(api.error());
  const auto before = (*api)->lease(lease);
  if (!before) return refuse(before.error());
  if (before->left_now > before->accrued) context.say(early_exit_text(*before));
  const bool can_ask = context.terminal.in_tty && context.terminal.err_tty && !context.json();
  // A script has agreed by calling; not to what costs more than was used.
  if (!yes && !can_ask && before->left_now > before->accrued) {
    return refuse(ErrorCode::wrong_state,
                  model::format_id(lease) + " goes on: to leave it now costs " + model::format_money(before->left_now) +
                      " credits, " + model::format_money(before->accrued) + " were used",
                  "--yes agrees where there is no terminal to ask on");
  }
  if (!yes && can_ask && !ask_yes_no(context.terminal, "End " + model::format_id(lease) + "? Its files are deleted.")) {
    return refuse(ErrorCode::wrong_state, model::format_id(lease) + " goes on");
  }
  context.unlock_ahead();
  if (before->lease.state == model::LeaseState::ended) context.say(model::format_id(lease) + " has ended already");
  const auto after = end_by_consumer(context, lease, "stopped by the consumer");
  if (!after) return refuse(after.error());
  if (const auto home = context.home()) forget_ssh_host(lease, *home);
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
  std::string duration;
  Money amount;
  std::string request;
  bool yes = false;
};

}  // namespace

void add_extend(Program& program) {
  auto change = std::make_shared<Change>();
  auto* command = program.add(program.app, "extend", "Let a lease last longer, and lock the money for it",
                              "  hanse extend lease-7 8h        8 hours in all, counted from its start\n"
                              "  hanse extend lease-7 +30m      half an hour more than it has now\n");
  lease_option(command, "lease", change->lease, "Which")->required();
  command->add_option("duration", change->duration, "8h: how long in all, from its start; +30m: how much more")
      ->required()
      ->type_name("DURATION|+DURATION");
  command->add_flag("-y,--yes", change->yes, "Agree to the plan without being asked");
  program.on(command,
             [change, &program] { return extend(program.context, change->lease, change->duration, change->yes); });
}

void add_topup(Program& program) {
  auto change = std::make_shared<Change>();
  auto* command = program.add(program.app, "topup", "Lock more money in a lease that max_cost would end early",
                              "  hanse topup lease-7 5.00\n");
  lease_option(command, "lease", change->lease, "Which")->required();
  money_option(command, "amount", change->amount, "Credits")->required();
  command->add_flag("-y,--yes", change->yes, "Agree to the plan without being asked");
  program.on(command,
             [change, &program] { return topup(program.context, change->lease, change->amount, change->yes); });
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
