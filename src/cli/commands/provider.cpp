// hanse provider init, start, status, price, drain, earnings: renting this machine out.

#include <array>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/provider_setup.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

constexpr std::size_t kMaxEnded = 10'000;
constexpr int kDrainWaitMs = 30'000;

struct Options {
  ProviderDefaults defaults;
  bool force = false;
  Money price, spot, storage;
};

std::string verdict_text(provider::Check::Verdict verdict, bool color) {
  using Verdict = provider::Check::Verdict;
  if (verdict == Verdict::good) return paint("ok  ", Style::green, color);
  if (verdict == Verdict::warning) return paint("note", Style::yellow, color);
  return paint("BAD ", Style::red, color);
}

Outcome print_checks(Context& context, const std::vector<provider::Check>& checks, const std::string& file) {
  static constexpr std::array<std::string_view, 3> names{"good", "warning", "bad"};
  bool good = true;
  nlohmann::json items = nlohmann::json::array();
  for (const auto& check : checks) {
    good = good && check.verdict != provider::Check::Verdict::bad;
    items.push_back({{"what", check.what},
                     {"actual", check.actual},
                     {"required", check.required},
                     {"remedy", check.remedy},
                     {"verdict", names[static_cast<std::size_t>(check.verdict)]}});
    if (context.json()) continue;
    context.print(verdict_text(check.verdict, context.terminal.out_color) + "  " + printable(check.what) + ": " +
                  printable(check.actual) +
                  (check.required.empty() ? "" : " (needs: " + printable(check.required) + ")") + "\n");
    if (!check.remedy.empty()) context.print("      → " + printable(check.remedy) + "\n");
  }
  if (context.json()) context.print_json({{"config", file}, {"checks", items}, {"ready", good}});
  context.say(good ? "Ready: read " + file + ", then 'hanse provider start'."
                   : "Mend what is BAD, then 'hanse provider init' checks again.");
  return static_cast<int>(good ? Exit::ok : Exit::failed);
}

Outcome init(Context& context, const Options& options) {
  const auto home = context.home();
  if (!home) return refuse(home.error());
  const auto owner = context.address();
  if (!owner) return refuse(owner.error());
  const auto file = home->provider_config();
  if (!std::filesystem::exists(file) || options.force) {
    ProviderDefaults defaults = options.defaults;
    const auto node = context.node_options();
    if (!node) return refuse(node.error());
    defaults.node_url = node->url;
    if (defaults.engine_socket.empty()) defaults.engine_socket = environment("HANSE_ENGINE_SOCKET");
    std::vector<std::string> notes;
    auto config = default_agent_config(*home, *owner, defaults, notes);
    for (const auto& note : notes) context.say("note: " + note);
    config.node.ca_file = node->ca_file;
    if (auto written = write_file(file, provider::format_agent_config(config)); !written)
      return refuse(written.error());
    context.say("Written: " + file.string());
  } else {
    context.say(file.string() + " is there already and is kept (--force writes it anew).");
  }
  const auto config = load_agent_config(*home);
  if (!config) return refuse(config.error());
  return print_checks(context, provider::self_test(*config, home->provider()), file.string());
}

/// Once: the owner lets the agent's key act for it. Needs the owner's passphrase only then.
Result<> authorise(Context& context, const Home& home, const provider::AgentConfig& config) {
  const auto key = agent_key(home);
  if (!key) return fail(key);
  const auto api = context.api();
  if (!api) return fail(api);
  const auto owner = (*api)->account(config.owner);
  if (!owner) return fail(owner);
  const Time now = system_clock().now();
  if (is_authorised(*owner, key->public_key(), now)) return {};
  context.say("The agent signs with a key of its own that may not send money; your wallet authorises it once.");
  const auto me = context.address();
  if (!me) return fail(me);
  if (*me != config.owner) {
    return fail(ErrorCode::not_authorized, "the config's owner is " + model::format_address(config.owner) +
                                               " and the wallet here is another; authorise " +
                                               to_hex(key->public_key().view()) + " from the owner's wallet");
  }
  const auto receipt = context.send({agent_grant(key->public_key(), now)});
  if (!receipt) return fail(receipt);
  return {};
}

Outcome start(Context& context) {
  const auto home = context.home();
  if (!home) return refuse(home.error());
  auto config = load_agent_config(*home);
  if (!config) return refuse(config.error());
  if (!context.globals.node.empty()) config->node.url = context.globals.node;
  context.globals.node = config->node.url;
  auto lock = ProcessLock::take(agent_lock(*home), "another agent runs here already");
  if (!lock) return refuse(lock.error(), "one agent a machine; stop the other first");
  if (auto authorised = authorise(context, *home, *config); !authorised) return refuse(authorised.error());
  Interrupt interrupt;
  auto agent = provider::Agent::start({*config, home->provider(), context.program});
  if (!agent) return refuse(agent.error(), "'hanse provider init' checks what this machine needs");
  context.say(config->name + " rents out " + device_text(config->machine, config->machine.gpu_count) + " at " +
              rate_text(config->prices.on_demand_per_gpu_hour) + " per device, SSH on port " +
              std::to_string((*agent)->ssh_port()) + ". Ctrl-C stops the agent; leases go on and it finds them again.");
  for (const auto& note : (*agent)->notes()) context.say("note: " + note);
  if (context.json()) {
    context.print_json({{"ssh_port", (*agent)->ssh_port()},
                        {"owner", model::format_address(config->owner)},
                        {"notes", (*agent)->notes()}});
  }
  const auto ended = watch_agent(context, **agent, *home, interrupt, [] { return Result<>(); });
  if (!ended) return refuse(ended.error());
  return 0;
}

Outcome status(Context& context) {
  const auto home = context.home();
  if (!home) return refuse(home.error());
  const auto config = load_agent_config(*home);
  if (!config) return refuse(config.error());
  const auto api = context.api();
  if (!api) return refuse(api.error());
  const auto provider = (*api)->provider(config->owner);
  if (!provider) return refuse(provider.error(), "not on the network yet? 'hanse provider start' registers it");
  const auto offers = (*api)->offers_of(config->owner);
  if (!offers) return refuse(offers.error());
  const auto leases = (*api)->leases("provider", config->owner, "live", 0);
  if (!leases) return refuse(leases.error());
  const auto pid = ProcessLock::holder(agent_lock(*home));
  if (context.json()) {
    nlohmann::json body{{"provider", wire::to_json(provider->provider)},
                        {"reachable", provider->reachable},
                        {"reliability_millionths", provider->reliability_millionths},
                        {"agent_pid", pid},
                        {"offers", nlohmann::json::array()},
                        {"leases", nlohmann::json::array()}};
    for (const auto& view : *offers) body["offers"].push_back(wire::to_json(view.offer));
    for (const auto& view : *leases) body["leases"].push_back(wire::to_json(view.lease));
    context.print_json(body);
    return 0;
  }
  const Time now = system_clock().now();
  context.print(facts({{"provider", provider->provider.name + " (" + model::format_address(config->owner) + ")"},
                       {"agent", pid > 0 ? "runs here, process " + std::to_string(pid) : "does not run here"},
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
                 age_text(now, view.lease.ends_at), short_address(view.lease.consumer)});
  }
  if (!running.empty()) context.print(running.text(context.terminal.out_color));
  return 0;
}

Outcome price(Context& context, const Options& options) {
  const auto home = context.home();
  if (!home) return refuse(home.error());
  auto config = load_agent_config(*home);
  if (!config) return refuse(config.error());
  if (options.price.micros > 0) config->prices.on_demand_per_gpu_hour = options.price;
  if (options.spot.micros > 0) config->prices.spot_floor_per_gpu_hour = options.spot;
  if (options.storage.micros > 0) config->prices.storage_per_gib_hour = options.storage;
  const bool changes = options.price.micros > 0 || options.spot.micros > 0 || options.storage.micros > 0;
  std::size_t offers_changed = 0;
  if (changes) {
    const auto key = agent_key(*home);
    if (!key) return refuse(key.error());
    const auto api = context.api();
    if (!api) return refuse(api.error());
    const auto offers = (*api)->offers_of(config->owner);
    if (!offers) return refuse(offers.error());
    std::vector<model::Operation> operations;
    for (const auto& view : *offers) {
      if (view.offer.state == model::OfferState::open && view.offer.machine.name == config->machine.name) {
        operations.push_back(model::UpdateOffer{view.offer.id, config->prices, {}});
      }
    }
    offers_changed = operations.size();
    // The file first: an agent that starts in between must not bring the old price back.
    if (auto written = write_file(home->provider_config(), provider::format_agent_config(*config)); !written) {
      return refuse(written.error());
    }
    if (!operations.empty()) {
      const auto receipt = context.send_as(config->owner, *key, std::move(operations));
      if (!receipt) return refuse(receipt.error());
    }
  }
  if (context.json()) {
    context.print_json({{"prices", wire::to_json(config->prices)}, {"offers_changed", offers_changed}});
    return 0;
  }
  context.print(facts({{"on demand", rate_text(config->prices.on_demand_per_gpu_hour) + " per device"},
                       {"spot floor", config->prices.spot_floor_per_gpu_hour.micros == 0
                                          ? "not for rent on spot"
                                          : rate_text(config->prices.spot_floor_per_gpu_hour)},
                       {"storage", rate_text(config->prices.storage_per_gib_hour) + " per GiB"}},
                      context.terminal.out_color));
  if (changes) context.say(std::to_string(offers_changed) + " offers changed; leases that run keep their price.");
  return 0;
}

Result<std::size_t> open_offers(NodeApi& api, const model::AccountId& owner,
                                std::vector<model::Operation>& withdrawals) {
  const auto offers = api.offers_of(owner);
  if (!offers) return fail(offers);
  withdrawals.clear();
  for (const auto& view : *offers) {
    if (view.offer.state == model::OfferState::open) withdrawals.push_back(model::WithdrawOffer{view.offer.id});
  }
  return withdrawals.size();
}

Outcome drain(Context& context) {
  const auto home = context.home();
  if (!home) return refuse(home.error());
  const auto config = load_agent_config(*home);
  if (!config) return refuse(config.error());
  const auto api = context.api();
  if (!api) return refuse(api.error());
  std::vector<model::Operation> withdrawals;
  auto open = open_offers(**api, config->owner, withdrawals);
  if (!open) return refuse(open.error());
  const std::size_t before = *open;
  const pid_t agent = ProcessLock::holder(agent_lock(*home));
  if (agent > 0) {
    // The agent does it, so that it does not offer again what was withdrawn.
    if (auto asked = write_file(drain_request(*home), ""); !asked) return refuse(asked.error());
    Interrupt interrupt;
    for (int waited = 0; *open > 0 && waited < kDrainWaitMs && interrupt.count() == 0; waited += 250) {
      interrupt.wait(250);
      open = open_offers(**api, config->owner, withdrawals);
      if (!open) return refuse(open.error());
    }
    if (*open > 0) return refuse(ErrorCode::timeout, "the agent has not withdrawn its offers yet", "its log says why");
  } else if (!withdrawals.empty()) {
    const auto key = agent_key(*home);
    if (!key) return refuse(key.error());
    const auto receipt = context.send_as(config->owner, *key, std::move(withdrawals));
    if (!receipt) return refuse(receipt.error());
  }
  if (context.json()) {
    context.print_json({{"withdrawn", before}});
  } else {
    context.print(std::to_string(before) + " offers withdrawn; leases that run go on to their end\n");
  }
  return 0;
}

Outcome earnings(Context& context) {
  const auto home = context.home();
  if (!home) return refuse(home.error());
  const auto config = load_agent_config(*home);
  if (!config) return refuse(config.error());
  const auto api = context.api();
  if (!api) return refuse(api.error());
  const auto provider = (*api)->provider(config->owner);
  if (!provider) return refuse(provider.error());
  const auto account = (*api)->account(config->owner);
  if (!account) return refuse(account.error());
  auto leases = (*api)->leases("provider", config->owner, "live", 0);
  if (!leases) return refuse(leases.error());
  const auto ended = (*api)->leases("provider", config->owner, "ended", kMaxEnded);
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

void add_provider(Program& program) {
  auto options = std::make_shared<Options>();
  auto& context = program.context;
  auto* provider =
      program.add(program.app, "provider", "Rent this machine out", "  hanse provider init\n  hanse provider start\n");
  provider->require_subcommand(1);
  auto* command = program.add(*provider, "init", "Look at this machine, write provider.yaml, test what it needs",
                              "  hanse provider init --advertise gpu.example.org --price 0.40 --country DE\n");
  command->add_option("--name", options->defaults.name, "What renters see")->type_name("NAME");
  command->add_option("--advertise", options->defaults.advertise_host, "How renters reach this machine")
      ->type_name("HOST");
  command->add_option("--ssh-port", options->defaults.ssh_port, "TCP port of the SSH gateway (2222)");
  command->add_option("--engine", options->defaults.engine_socket, "podman's or Docker's socket")->type_name("FILE");
  command->add_option("--country", options->defaults.country, "Where it stands: two capitals")->type_name("CC");
  money_option(command, "--price", options->defaults.price, "Credits per device-hour");
  command->add_flag("--force", options->force, "Write provider.yaml anew");
  program.on(command, [options, &context] { return init(context, *options); });

  program.on(
      program.add(*provider, "start", "Run the agent: offer this machine and serve leases", "  hanse provider start\n"),
      [&context] { return start(context); });
  program.on(
      program.add(*provider, "status", "Show offers, leases and what the network thinks", "  hanse provider status\n"),
      [&context] { return status(context); });
  command = program.add(*provider, "price", "Show or change the prices",
                        "  hanse provider price\n  hanse provider price 0.35 --storage 0.0001\n");
  money_option(command, "price", options->price, "Credits per device-hour, on demand");
  money_option(command, "--spot", options->spot, "Spot floor, credits per device-hour");
  money_option(command, "--storage", options->storage, "Credits per GiB and hour");
  program.on(command, [options, &context] { return price(context, *options); });
  program.on(program.add(*provider, "drain", "Take no new leases; those that run go on", "  hanse provider drain\n"),
             [&context] { return drain(context); });
  program.on(program.add(*provider, "earnings", "Show what was earned, lease by lease", "  hanse provider earnings\n"),
             [&context] { return earnings(context); });
}

}  // namespace hanse::cli
