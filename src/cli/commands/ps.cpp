// hanse ps: this account's leases and waiting requests.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

constexpr std::size_t kMaxEnded = 100;

/// The lease's own fields, and what it has used so far.
nlohmann::json to_json(const LeaseView& view) {
  auto json = wire::to_json(view.lease);
  json["seconds"] = view.billed_s;
  json["used_micros"] = view.accrued.micros;
  return json;
}

std::string note_of(const model::Lease& lease) {
  const bool leaves = lease.state == model::LeaseState::running && lease.preempt_at.ms != 0;
  if (lease.state == model::LeaseState::kept) {
    return "its files stay until " + model::format_time(lease.kept_until) + (lease.note.empty() ? "" : "; ") +
           lease.note;
  }
  if (leaves) return "spot: others pay more, it ends at " + model::format_time(lease.preempt_at);
  if (!lease.note.empty() || lease.mode != model::Mode::spot) return lease.note;
  return "spot: bids " + model::format_money(lease.bid_per_gpu_hour) + " per GPU-hour";
}

std::string note_of(const model::Request& request) {
  std::string note;
  if (request.demand.mode == model::Mode::spot) {
    const Money bid = request.bid_per_gpu_hour;
    note = "spot: " + (bid.micros == 0 ? "its bid is sealed" : "bids " + model::format_money(bid) + " per GPU-hour");
    if (request.won) note += ", won a place that is not free yet";
  }
  const auto& where = request.demand.where;
  return note + (note.empty() || where.empty() ? "" : "; ") + where;
}

Outcome ps(Context& context, bool all) {
  const auto me = context.address();
  if (!me) return refuse(me.error());
  const auto api = context.api();
  if (!api) return refuse(api.error());
  auto leases = (*api)->leases("consumer", *me, "live", 0);
  if (!leases) return refuse(leases.error());
  if (all) {
    auto ended = (*api)->leases("consumer", *me, "ended", kMaxEnded);
    if (!ended) return refuse(ended.error());
    leases->insert(leases->end(), ended->begin(), ended->end());
  }
  auto requests = (*api)->requests_of(*me);
  if (!requests) return refuse(requests.error());
  std::erase_if(*requests, [](const RequestView& view) { return view.request.state != model::RequestState::waiting; });

  if (context.json()) {
    nlohmann::json items = nlohmann::json::array();
    for (const auto& view : *leases) items.push_back(to_json(view));
    for (const auto& view : *requests) items.push_back(wire::to_json(view.request));
    context.print_json(items);
    return 0;
  }
  const Time now = system_clock().now();
  Table table({{"LEASE"},
               {"STATE"},
               {"GPUS", Align::right, 2},
               {"PRICE/H", Align::right},
               {"USED", Align::right, 3},
               {"SO FAR", Align::right},
               {"LEFT", Align::right},
               {"AGE", Align::right, 4},
               {"PROVIDER", Align::left, 5},
               {"NOTE", Align::left, 1}});
  for (const auto& view : *leases) {
    const auto& lease = view.lease;
    const bool kept = lease.state == model::LeaseState::kept;
    table.add({model::format_id(lease.id), kept ? "kept" : state_text(lease), std::to_string(lease.gpu_count),
               model::format_money(lease.rate_per_hour),
               model::format_duration(static_cast<std::uint64_t>(std::max<std::int64_t>(view.billed_s, 0))),
               model::format_money(view.accrued), left_text(lease, now), age_text(lease.matched_at, now),
               short_address(lease.provider), note_of(lease)},
              view.live ? Style::plain : Style::dim);
  }
  for (const auto& view : *requests) {
    table.add(
        {model::format_id(view.request.id), "waiting", std::to_string(view.request.demand.gpu_count), "", "", "",
         age_text(now, view.request.wait_until), age_text(view.request.submitted_at, now), "", note_of(view.request)},
        Style::yellow);
  }
  if (table.empty()) {
    context.say(all ? "no leases yet: 'hanse offers' shows what is for rent"
                    : "no live leases ('hanse ps -a' shows ended ones)");
    return 0;
  }
  context.print(table.text(context.terminal.out_color, context.terminal.out_tty ? context.terminal.columns : 0));
  return 0;
}

}  // namespace

void add_ps(Program& program) {
  auto all = std::make_shared<bool>(false);
  auto* command = program.add(program.app, "ps", "List your leases and waiting requests",
                              "  hanse ps\n  hanse ps -a          ended ones too\n  hanse ps --json\n");
  command->add_flag("-a,--all", *all, "Ended leases too");
  program.on(command, [all, &program] { return ps(program.context, *all); });
}

}  // namespace hanse::cli
