#include "cli/provider_setup.hpp"

#include <algorithm>

#include "cli/show.hpp"
#include "client/private_file.hpp"
#include "market/check.hpp"
#include "model/price_rule.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

constexpr std::int64_t kGrantLifeS = 365 * 86400;
constexpr std::int64_t kGrantSpareS = 7 * 86400;
constexpr Money kGrantLimit = credits(1);  // fees only: the agent never pays anyone
constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr int kWatchMs = 500;
constexpr int kRetryMs = 1000;

/// Before anybody has chosen anything. Where it stands, no machine knows: that stays open.
provider::AgentConfig first_config(const model::AccountId& owner, const model::Machine& machine) {
  provider::AgentConfig config;
  config.owner = owner;
  config.default_image = "debian:bookworm-slim";
  config.dns = {"9.9.9.9", "1.1.1.1"};
  config.prices.on_demand_per_gpu_hour = guessed_price(machine);
  config.prices.min_duration_s = 60;
  return config;
}

/// Tells of what keeps the agent from offering its devices, once for each change, and keeps it in the file that
/// `provider status` reads, for as long as the agent runs.
class DeviceTrouble {
 public:
  DeviceTrouble(Context& context, const Home& home, const provider::Agent& agent)
      : context_(context), file_(trouble_file(home)), agent_(agent), known_(agent.trouble()) {
    write();  // the agent's notes told of it at the start
  }
  ~DeviceTrouble() {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
  }
  DeviceTrouble(const DeviceTrouble&) = delete;
  DeviceTrouble& operator=(const DeviceTrouble&) = delete;

  void look() {
    const auto now = agent_.trouble();
    if (now == known_) return;
    known_ = now;
    context_.say(now.empty()
                     ? "All devices are well: this machine is offered again, once no lease of its former offer runs."
                     : "Nothing is offered until this is mended: " + now);
    write();
  }

 private:
  void write() const {
    std::error_code ignored;
    if (known_.empty())
      std::filesystem::remove(file_, ignored);
    else
      static_cast<void>(client::replace_private_file(file_, known_));
  }

  Context& context_;
  const std::filesystem::path file_;
  const provider::Agent& agent_;
  std::string known_;
};

}  // namespace

Money guessed_price(const model::Machine& machine) {
  if (machine.device_kind == model::DeviceKind::cpu) return Money{120'000};
  const auto gib = static_cast<std::int64_t>(std::max<std::uint64_t>(machine.vram_bytes / kGiB, 4));
  return Money{30'000 * gib};
}

provider::AgentConfig make_agent_config(const Home& home, const model::AccountId& owner,
                                        const std::optional<provider::AgentConfig>& former,
                                        const ProviderChoices& choices, std::vector<std::string>& notes) {
  const auto found = provider::detect_inventory(home.provider());
  if (!found.note.empty()) notes.push_back(found.note);
  auto config = former ? *former : first_config(owner, found.machine);
  config.machine = found.machine;
  if (config.machine.name.empty()) config.machine.name = "machine";
  const auto choose = [](std::string& target, const std::string& chosen) {
    if (!chosen.empty()) target = chosen;
  };
  choose(config.node.url, choices.node_url);
  choose(config.node.ca_file, choices.ca_file);
  choose(config.name, choices.name);
  choose(config.advertise_host, choices.advertise_host);
  choose(config.listen_host, choices.listen_host);
  choose(config.engine_socket, choices.engine_socket);
  choose(config.country, choices.country);
  config.ssh_port = choices.ssh_port.value_or(config.ssh_port);
  if (choices.price) model::copy_price(config.prices, *choices.price);
  if (config.name.empty()) config.name = config.machine.name;
  if (config.advertise_host.empty()) config.advertise_host = config.machine.name;
  if (config.country.empty()) {
    notes.push_back(
        "nobody has said which country this machine stands in: renters who ask for one pass it by. Write "
        "`country: DE`, or whichever it is, in " +
        home.provider_config().string() + " and start again");
  }
  config.machine.country = config.country;
  return config;
}

Result<> check_typed_prices(const model::PriceList& prices, const std::string& on_demand) {
  auto checked = market::check_prices(prices);
  if (checked) return checked;
  std::string message = checked.error().message;
  const std::pair<std::string, std::string> names[] = {{"on_demand_per_gpu_hour", on_demand},
                                                       {"spot_floor_per_gpu_hour", "--spot"},
                                                       {"storage_per_gib_hour", "--storage"}};
  for (const auto& [field, typed] : names) {
    if (const auto at = message.find(field); at != std::string::npos) message.replace(at, field.size(), typed);
  }
  return fail(checked.error().code, message);
}

Result<> save_agent_config(const Home& home, const provider::AgentConfig& config) {
  if (auto ok = market::check_prices(config.prices); !ok) return ok;
  const auto text = provider::format_agent_config(config);
  if (auto ok = provider::parse_agent_config(text); !ok) {
    return fail(ok.error().code, "nothing is written, for it could not be read back: " + ok.error().message);
  }
  return client::replace_private_file(home.provider_config(), text);
}

Result<ProviderPlace> open_provider(Context& context) {
  const auto home = context.home();
  if (!home) return fail(home);
  auto config = load_agent_config(*home);
  if (!config) return fail(config);
  const auto api = context.api();
  if (!api) return fail(api);
  return ProviderPlace{*home, std::move(*config), *api, ProcessLock::holder(agent_lock(*home))};
}

Result<provider::AgentConfig> load_agent_config(const Home& home) {
  const auto file = home.provider_config();
  if (!std::filesystem::exists(file)) {
    return fail(ErrorCode::not_found,
                "no " + file.string() + ": 'hanse provider init' looks at this machine and writes it");
  }
  const auto text = read_text(file);
  if (!text) return fail(text);
  auto config = provider::parse_agent_config(*text);
  if (!config) return fail(config.error().code, file.string() + ": " + config.error().message);
  return config;
}

Result<crypto::KeyPair> agent_key(const Home& home) {
  return client::open_or_create_ssh_key(home.provider() / provider::kAgentKeyFile, "hanse agent");
}

bool is_authorised(const AccountView& owner, const crypto::PublicKey& key, Time now) {
  return std::any_of(owner.grants.begin(), owner.grants.end(), [&](const model::KeyGrant& grant) {
    return grant.key == key && grant.expires_at > after_s(now, kGrantSpareS) &&
           std::all_of(
               provider::kAgentOperations.begin(), provider::kAgentOperations.end(), [&](std::string_view need) {
                 return std::find(grant.operations.begin(), grant.operations.end(), need) != grant.operations.end();
               });
  });
}

model::AuthorizeKey agent_grant(const crypto::PublicKey& key, Time now) {
  return {key,
          {provider::kAgentOperations.begin(), provider::kAgentOperations.end()},
          kGrantLimit,
          after_s(now, kGrantLifeS)};
}

Result<std::unique_ptr<provider::Agent>> await_agent(
    Context& context, const Home& home, Interrupt& interrupt,
    const std::function<Result<std::unique_ptr<provider::Agent>>()>& start) {
  const bool has_served = std::filesystem::exists(home.provider() / provider::kJournalFile);
  std::string waits_for;
  while (true) {
    auto agent = start();
    if (agent) return agent;
    const auto& [code, message] = agent.error();
    const bool may_come = code == ErrorCode::unavailable || code == ErrorCode::timeout;
    if (!has_served || !may_come) return agent;
    if (message != waits_for) {
      context.say("waiting: " + message + ". Leases that run go on; Ctrl-C ends the agent.");
      waits_for = message;
    }
    if (interrupt.wait(kRetryMs)) return nullptr;
  }
}

Result<> watch_agent(Context& context, provider::Agent& agent, const Home& home, Interrupt& interrupt,
                     const std::function<Result<>()>& is_well) {
  std::string trouble;
  DeviceTrouble devices(context, home, agent);
  while (!interrupt.wait(kWatchMs)) {
    if (auto well = is_well(); !well) return well;
    if (auto healthy = agent.health(); !healthy) return healthy;
    devices.look();
    const bool drained = std::filesystem::exists(drained_mark(home));
    if (drained == agent.is_drained()) continue;
    const auto config = load_agent_config(home);  // for its prices: they may have changed
    Result<> done;
    if (drained)
      done = agent.drain();
    else
      done = config ? agent.resume(config->prices) : Result<>(fail(config));
    const std::string said = done ? "" : done.error().message;
    if (done && drained) context.say("Drained: no new leases; those that run go on to their end.");
    if (done && !drained) {
      context.say(agent.trouble().empty() ? "Offering again." : "Resumed: offered once all devices are well.");
    }
    if (!done && said != trouble) context.say((drained ? "draining failed: " : "resuming failed: ") + said);
    trouble = said;
  }
  return {};
}

}  // namespace hanse::cli
