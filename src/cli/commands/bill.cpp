// hanse bill [LEASE]: what was used, paid, is pending and came back, to the second and the micro-credit.

#include "cli/bill.hpp"

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

constexpr std::size_t kMaxBilled = 1000;

Outcome one(Context& context, NodeApi& api, model::LeaseId lease) {
  const auto view = api.lease(lease);
  if (!view) return refuse(view.error());
  const Bill bill = make_bill(*view);
  if (context.json()) {
    context.print_json(bill_json(bill));
  } else {
    context.print(bill_text(bill, *view, context.terminal.out_color));
  }
  return static_cast<int>(bill.adds_up() ? Exit::ok : Exit::failed);
}

Outcome all(Context& context, NodeApi& api) {
  const auto me = context.address();
  if (!me) return refuse(me.error());
  auto leases = api.leases("consumer", *me, "live", 0);
  if (!leases) return refuse(leases.error());
  auto ended = api.leases("consumer", *me, "ended", kMaxBilled);
  if (!ended) return refuse(ended.error());
  leases->insert(leases->end(), ended->begin(), ended->end());
  Table table({{"LEASE"},
               {"STATE"},
               {"SECONDS", Align::right},
               {"PRICE/H", Align::right},
               {"USED", Align::right},
               {"KEPT", Align::right},
               {"LOCKED", Align::right},
               {"PAID", Align::right},
               {"PENDING", Align::right},
               {"REFUNDED", Align::right},
               {"UNSPENT", Align::right},
               {"CHECK"}});
  nlohmann::json bills = nlohmann::json::array();
  bool good = true;
  Money used{};
  for (const auto& view : *leases) {
    const Bill bill = make_bill(view);
    good = good && bill.adds_up();
    for (const Money part : {bill.amount, bill.keeping}) used = add(used, part).value_or(kMaxMoney);
    bills.push_back(bill_json(bill));
    using model::format_money;
    table.add({model::format_id(bill.lease), state_text(view.lease), std::to_string(bill.seconds),
               format_money(bill.rate_per_hour), format_money(bill.amount), format_money(bill.keeping),
               format_money(bill.locked), format_money(bill.paid), format_money(bill.pending),
               format_money(bill.refunded), format_money(bill.unspent), bill.adds_up() ? "0" : "WRONG"},
              bill.adds_up() ? Style::plain : Style::red);
  }
  if (context.json()) {
    context.print_json({{"bills", bills}, {"used_micros", used.micros}, {"adds_up", good}});
  } else if (table.empty()) {
    context.say("nothing to pay: no leases yet");
  } else {
    context.print(table.text(context.terminal.out_color));
    context.print("check  locked − paid − pending − refunded − unspent = 0 for " +
                  std::string(good ? "every lease" : "NOT every lease; please report it") + "; used in all " +
                  model::format_money(used) + " credits\n");
  }
  return static_cast<int>(good ? Exit::ok : Exit::failed);
}

Outcome bill(Context& context, model::LeaseId lease) {
  const auto api = context.api();
  if (!api) return refuse(api.error());
  return lease ? one(context, **api, lease) : all(context, **api);
}

}  // namespace

void add_bill(Program& program) {
  auto lease = std::make_shared<model::LeaseId>();
  auto* command = program.add(program.app, "bill", "Show the bill of a lease, or of all",
                              "  hanse bill lease-7\n  hanse bill                  all leases, one a line\n");
  lease_option(command, "lease", *lease, "Which; without it, all");
  program.on(command, [lease, &program] { return bill(program.context, *lease); });
}

}  // namespace hanse::cli
