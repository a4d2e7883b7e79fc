// hanse provider init and start: renting this machine out. The other parts of `provider` are beside it.

#include <array>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/provider_setup.hpp"
#include "cli/show.hpp"
#include "model/country.hpp"
#include "model/price_rule.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

struct InitOptions {
  ProviderChoices choices;
  bool force = false;
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

/// Asks its owner where the machine stands, who alone knows; empty where they do not say or there is nobody to ask.
std::string ask_country(const Context& context) {
  if (context.json()) return "";
  for (int tries = 0; tries < 3; ++tries) {
    const auto answer =
        ask_line(context.terminal, "Which country does this machine stand in? Two capitals such as DE, or nothing:");
    if (answer.empty() || model::is_country(answer)) return answer;
    context.say(model::quoted(printable(answer)) + " is no country of ISO 3166-1.");
  }
  return "";
}

/// provider.yaml, new or renewed. An unreadable one is not renewed but replaced.
Result<> write_provider_config(Context& context, const Home& home, ProviderChoices choices) {
  std::optional<provider::AgentConfig> former;
  if (std::filesystem::exists(home.provider_config())) {
    auto read = load_agent_config(home);
    if (read) former = std::move(*read);
    if (!read) context.say("note: nothing of the former file is kept: " + read.error().message);
  }
  // In a home of `hanse up` it is the owner's wallet that earns, not the consumer's.
  const bool is_up = std::filesystem::exists(home.owner_wallet());
  const auto owner = former  ? former->owner
                     : is_up ? client::Wallet::address_of(home.owner_wallet())
                             : context.address();
  if (!owner) return fail(owner);
  const auto node = context.node_options();
  if (!node) return fail(node);
  const bool names_node = !context.globals.node.empty() || !environment("HANSE_NODE").empty();
  if (!former || names_node) choices.node_url = node->url;
  if (!former || names_node) choices.ca_file = node->ca_file;
  if (choices.engine_socket.empty()) choices.engine_socket = environment("HANSE_ENGINE_SOCKET");
  const bool is_known = !choices.country.empty() || (former && !former->country.empty());
  if (!is_known) choices.country = ask_country(context);
  std::vector<std::string> notes;
  const auto config = make_agent_config(home, *owner, former, choices, notes);
  if (auto ok = check_typed_prices(config.prices, "--price"); !ok) return ok;
  for (const auto& note : notes) context.say("note: " + note);
  return save_agent_config(home, config);
}

Outcome init(Context& context, const InitOptions& options) {
  const auto home = context.home();
  if (!home) return refuse(home.error());
  const auto file = home->provider_config();
  if (!std::filesystem::exists(file) || options.force) {
    if (auto written = write_provider_config(context, *home, options.choices); !written) return refuse(written.error());
    context.say("Written: " + file.string());
  } else {
    const bool ignores = options.choices != ProviderChoices{} || !context.globals.node.empty();
    context.say(file.string() + " is there already and is kept" +
                (ignores ? ": the options given here were NOT applied (--force applies them, and keeps the rest)."
                         : " (--force writes it anew)."));
  }
  const auto config = load_agent_config(*home);
  if (!config) return refuse(config.error());
  const provider::SelfTest test{home->provider(), context.program, ProcessLock::holder(agent_lock(*home))};
  return print_checks(context, provider::self_test(*config, test), file.string());
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
  const auto me = context.address();
  if (!me || *me != config.owner) return {};  // the agent refuses, with the line to run where the owner's wallet is
  context.say("The agent signs with a key of its own that may not send money; your wallet authorises it once.");
  const auto receipt = context.send({agent_grant(key->public_key(), now)});
  if (!receipt) return fail(receipt);
  return {};
}

/// An offer of devices that are not there would fail its renters one by one. Where leases may run, a missing GPU keeps
/// nobody from serving them: the agent offers nothing while it is missing.
Result<> check_promise(const provider::AgentConfig& config, const Home& home) {
  const bool is_gpu = config.machine.device_kind == model::DeviceKind::gpu;
  if (is_gpu && std::filesystem::exists(home.provider() / provider::kJournalFile)) return {};
  const auto devices = check_devices(config, provider::detect_inventory(home.provider()));
  if (devices.verdict != provider::Check::Verdict::bad) return {};
  return fail(ErrorCode::wrong_state, home.provider_config().string() + " promises " + devices.required +
                                          ", and this machine has " + devices.actual + ": " + devices.remedy);
}

Outcome start(Context& context) {
  const auto home = context.home();
  if (!home) return refuse(home.error());
  auto config = load_agent_config(*home);
  if (!config) return refuse(config.error());
  if (auto promise = check_promise(*config, *home); !promise) return refuse(promise.error());
  if (!context.globals.node.empty()) config->node.url = context.globals.node;
  context.globals.node = config->node.url;
  auto lock = ProcessLock::take(agent_lock(*home), "another agent runs here already");
  if (!lock) return refuse(lock.error(), "one agent a machine; stop the other first");
  Interrupt interrupt;
  auto agent = await_agent(context, *home, interrupt, [&]() -> Result<std::unique_ptr<provider::Agent>> {
    if (auto authorised = authorise(context, *home, *config); !authorised) return fail(authorised);
    return provider::Agent::start(
        {*config, home->provider(), context.program, std::filesystem::exists(drained_mark(*home))});
  });
  if (agent && !*agent) return 0;
  if (!agent) return refuse(agent.error(), "'hanse provider init' checks what this machine needs");
  context.say(config->name + " rents out " + device_text(config->machine, config->machine.gpu_count) + " at " +
              price_text(config->prices, true) + " per device, SSH on port " + std::to_string((*agent)->ssh_port()) +
              ". Ctrl-C stops the agent; leases go on and it finds them again.");
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

}  // namespace

void add_provider(Program& program) {
  auto options = std::make_shared<InitOptions>();
  auto& context = program.context;
  auto* provider =
      program.add(program.app, "provider", "Rent this machine out", "  hanse provider init\n  hanse provider start\n");
  provider->require_subcommand(1);
  auto* command = program.add(*provider, "init", "Look at this machine, write provider.yaml, test what it needs",
                              "  hanse provider init --advertise gpu.example.org --price 0.40 --country DE\n");
  command->add_option("--name", options->choices.name, "What renters see")->type_name("NAME");
  command->add_option("--advertise", options->choices.advertise_host, "How renters reach this machine")
      ->type_name("HOST");
  command->add_option("--ssh-port", options->choices.ssh_port, "TCP port of the SSH gateway (2222)")
      ->check(CLI::Range(0, 65535));
  command->add_option("--engine", options->choices.engine_socket, "podman's or Docker's socket")->type_name("FILE");
  command->add_option("--country", options->choices.country, "Where it stands: two capitals (asked for)")
      ->type_name("CC");
  price_option(command, "--price", options->choices.price,
               "Credits per device-hour, or a rule such as \"auto floor 0.30\"");
  command->add_flag("--force", options->force, "Write provider.yaml anew; what no option names stays as it says");
  program.on(command, [options, &context] { return init(context, *options); });

  program.on(
      program.add(*provider, "start", "Run the agent: offer this machine and serve leases", "  hanse provider start\n"),
      [&context] { return start(context); });
  add_provider_offers(program, *provider);
  add_provider_status(program, *provider);
}

}  // namespace hanse::cli
