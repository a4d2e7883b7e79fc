// hanse auctions, reveal: what spot was cleared at, and the opening of a sealed bid.

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/show.hpp"
#include "cli/spot.hpp"
#include "cli/table.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

Outcome auctions(Context& context) {
  const auto api = context.api();
  if (!api) return refuse(api.error());
  const auto view = (*api)->auctions();
  if (!view) return refuse(view.error());
  if (context.json()) {
    nlohmann::json items = nlohmann::json::array();
    for (const auto& auction : view->items) items.push_back(wire::to_json(auction));
    context.print_json({{"next_ms", view->next.ms},
                        {"reveals_from_ms", view->reveals_from.ms},
                        {"period_s", view->period_s},
                        {"preempt_notice_s", view->preempt_notice_s},
                        {"items", items}});
    return 0;
  }
  if (view->period_s == 0) {
    context.say("this network holds no spot auctions");
    return 0;
  }
  const Time now = system_clock().now();
  Table table({{"CLASS"},
               {"PRICE/GPU·H", Align::right},
               {"BIDS", Align::right},
               {"WON", Align::right},
               {"GPUS", Align::right},
               {"AGE", Align::right}});
  for (const auto& auction : view->items) {
    table.add({auction.price_class, auction.won == 0 ? "nobody won" : model::format_money(auction.price_per_gpu_hour),
               std::to_string(auction.bids), std::to_string(auction.won), std::to_string(auction.gpus),
               age_text(auction.at, now)});
  }
  if (!table.empty()) context.print(table.text(context.terminal.out_color));
  context.say(std::string(table.empty() ? "no auction had a bid yet; " : "") + "next at " +
              model::format_time(view->next) + ", for bids before " + model::format_time(view->reveals_from));
  return 0;
}

}  // namespace

void add_auctions(Program& program) {
  auto* command = program.add(program.app, "auctions", "Show what spot was cleared at last, by GPU model and region",
                              "  hanse auctions\n  hanse auctions --json\n");
  program.on(command, [&program] { return auctions(program.context); });
}

void add_reveal(Program& program) {
  auto id = std::make_shared<std::string>();
  auto* command =
      program.add(program.app, "reveal", "Open a sealed bid, when it is time; run and rent do it themselves",
                  "  hanse reveal request-7\n");
  command->add_option("request", *id, "Which")->required()->type_name("REQUEST");
  program.on(command, [id, &program]() -> Outcome {
    const auto request = model::parse_id<model::RequestTag>(*id);
    if (!request) return refuse(request.error(), "'hanse ps' lists requests that wait");
    return reveal(program.context, *request);
  });
}

}  // namespace hanse::cli
