// hanse provider status and earnings: how renting this machine out goes.

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/provider_setup.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"
#include "client/private_file.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

constexpr std::size_t kMaxEarned = 10'000;

Outcome status(Context& context) {
  const auto place = open_provider(context);
  if (!place) return refuse(place.error());
  const auto& owner = place->config.owner;
  const auto provider = place->api->provider(owner);
  if (!provider) return refuse(provider.error(), "not on the network yet? 'hanse provider start' registers it");
  const auto offers = place->api->offers_of(owner);
  if (!offers) return refuse(offers.error());
  const auto leases = place->api->leases("provider", owner, "live", 0);
  if (!leases) return refuse(leases.error());
  const auto pid = place->agent;
  const bool drained = std::filesystem::exists(drained_mark(place->home));
  const auto trouble = pid > 0 ? client::read_small_file(trouble_file(place->home)).value_or("") : "";
  if (context.json()) {
    nlohmann::json body{{"provider", wire::to_json(provider->provider)},
                        {"reachable", provider->reachable},
                        {"reliability_millionths", provider->reliability_millionths},
                        {"agent_pid", pid},
                        {"drained", drained},
                        {"trouble", trouble},
                        {"offers", nlohmann::json::array()},
                        {"leases", nlohmann::json::array()}};
    for (const auto& view : *offers) body["offers"].push_back(wire::to_json(view.offer));
    for (const auto& view : *leases) body["leases"].push_back(wire::to_json(view.lease));
    context.print_json(body);
    return 0;
  }
  const Time now = system_clock().now();
  context.print(facts({{"provider", provider->provider.name + " (" + model::format_address(owner) + ")"},
                       {"agent", pid > 0 ? "runs here, process " + std::to_string(pid) : "does not run here"},
                       {"drained", drained ? "yes: 'hanse provider resume' offers this machine again" : ""},
                       {"NOT offered", trouble},
                       {"network says", provider->reachable ? "reachable" : "NOT reachable: no heartbeat in time"},
                       {"endpoint", provider->provider.endpoint},
                       {"reliability", share_text(provider->reliability_millionths)},
                       {"leases", std::to_string(provider->provider.leases_completed) + " completed, " +
                                      std::to_string(provider->provider.leases_failed) + " failed"}},
                      context.terminal.out_color));
  Table table({{"OFFER"}, {"DEVICE"}, {"FREE", Align::right}, {"PRICE/GPU·H", Align::right}, {"STATE"}});
  for (const auto& view : *offers) {
    table.add({model::format_id(view.offer.id), device_text(view.offer.machine),
               std::to_string(view.free_devices) + "/" + std::to_string(view.offer.machine.gpu_count),
               model::format_money(view.offer.prices.on_demand_per_gpu_hour),
               std::string(model::name_of(view.offer.state))});
  }
  if (!table.empty()) context.print(table.text(context.terminal.out_color));
  Table running({{"LEASE"},
                 {"STATE"},
                 {"GPUS", Align::right},
                 {"PRICE/H", Align::right},
                 {"EARNED", Align::right},
                 {"LEFT", Align::right},
                 {"CONSUMER"}});
  for (const auto& view : *leases) {
    running.add({model::format_id(view.lease.id), state_text(view.lease), std::to_string(view.lease.gpu_count),
                 model::format_money(view.lease.rate_per_hour), model::format_money(view.accrued),
                 left_text(view.lease, now), short_address(view.lease.consumer)});
  }
  if (!running.empty()) context.print(running.text(context.terminal.out_color));
  return 0;
}

Outcome earnings(Context& context) {
  const auto place = open_provider(context);
  if (!place) return refuse(place.error());
  const auto& owner = place->config.owner;
  const auto provider = place->api->provider(owner);
  if (!provider) return refuse(provider.error());
  const auto account = place->api->account(owner);
  if (!account) return refuse(account.error());
  auto leases = place->api->leases("provider", owner, "live", 0);
  if (!leases) return refuse(leases.error());
  const auto ended = place->api->leases("provider", owner, "ended", kMaxEarned);
  if (!ended) return refuse(ended.error());
  leases->insert(leases->end(), ended->begin(), ended->end());
  Money pending;
  nlohmann::json items = nlohmann::json::array();
  Table table({{"LEASE"},
               {"STATE"},
               {"SECONDS", Align::right},
               {"PRICE/H", Align::right},
               {"EARNED", Align::right},
               {"PAID", Align::right},
               {"PENDING", Align::right},
               {"CONSUMER"}});
  for (const auto& view : *leases) {
    pending = add(pending, view.pending).value_or(kMaxMoney);
    items.push_back({{"lease", model::format_id(view.lease.id)},
                     {"billed_s", view.billed_s},
                     {"earned_micros", view.accrued.micros},
                     {"paid_micros", view.lease.released.micros},
                     {"pending_micros", view.pending.micros}});
    table.add({model::format_id(view.lease.id), state_text(view.lease), std::to_string(view.billed_s),
               model::format_money(view.lease.rate_per_hour), model::format_money(view.accrued),
               model::format_money(view.lease.released), model::format_money(view.pending),
               short_address(view.lease.consumer)});
  }
  if (context.json()) {
    context.print_json({{"paid_micros", provider->provider.earned.micros},
                        {"pending_micros", pending.micros},
                        {"balance_micros", account->account.balance.micros},
                        {"leases", items}});
    return 0;
  }
  if (!table.empty()) context.print(table.text(context.terminal.out_color));
  context.print(facts({{"paid out", model::format_money(provider->provider.earned) + " credits"},
                       {"pending", model::format_money(pending) + " credits, until the claim window has passed"},
                       {"balance", model::format_money(account->account.balance) + " credits"}},
                      context.terminal.out_color));
  return 0;
}

}  // namespace

void add_provider_status(Program& program, CLI::App& provider) {
  auto& context = program.context;
  program.on(
      program.add(provider, "status", "Show offers, leases and what the network thinks", "  hanse provider status\n"),
      [&context] { return status(context); });
  program.on(program.add(provider, "earnings", "Show what was earned, lease by lease", "  hanse provider earnings\n"),
             [&context] { return earnings(context); });
}

}  // namespace hanse::cli
