#include "cli/provider_setup.hpp"

#include <algorithm>

#include "cli/show.hpp"
#include "model/country.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

constexpr std::int64_t kGrantLifeS = 365 * 86400;
constexpr std::int64_t kGrantSpareS = 7 * 86400;
constexpr Money kGrantLimit = credits(1);  // fees only: the agent never pays anyone
constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr int kWatchMs = 500;

/// "DE" from LANG=de_DE.UTF-8.
std::string country_of_locale() {
  const std::string lang = environment("LANG");
  const auto under = lang.find('_');
  const std::string code = under == std::string::npos ? "" : lang.substr(under + 1, 2);
  return model::is_country(code) ? code : "";
}

}  // namespace

Money guessed_price(const model::Machine& machine) {
  if (machine.device_kind == model::DeviceKind::cpu) return Money{120'000};
  const auto gib = static_cast<std::int64_t>(std::max<std::uint64_t>(machine.vram_bytes / kGiB, 4));
  return Money{30'000 * gib};
}

provider::AgentConfig default_agent_config(const Home& home, const model::AccountId& owner,
                                           const ProviderDefaults& defaults, std::vector<std::string>& notes) {
  const auto found = provider::detect_inventory(home.provider());
  if (!found.note.empty()) notes.push_back(found.note);
  provider::AgentConfig config;
  config.node.url = defaults.node_url;
  config.owner = owner;
  config.machine = found.machine;
  if (config.machine.name.empty()) config.machine.name = "machine";
  config.name = defaults.name.empty() ? config.machine.name : defaults.name;
  config.advertise_host = defaults.advertise_host.empty() ? config.machine.name : defaults.advertise_host;
  if (!defaults.listen_host.empty()) config.listen_host = defaults.listen_host;
  config.ssh_port = defaults.ssh_port;
  config.engine_socket = defaults.engine_socket;
  config.country = defaults.country.empty() ? found.machine.country : defaults.country;
  if (config.country.empty()) config.country = country_of_locale();
  if (config.country.empty()) {
    config.country = "US";
    notes.push_back("the machine does not say which country it is in; `country: US` is a guess: mend it in " +
                    home.provider_config().string() + " and start again, for renters choose by it");
  }
  config.machine.country = config.country;
  config.default_image = "debian:bookworm-slim";
  config.dns = {"9.9.9.9", "1.1.1.1"};
  config.prices.on_demand_per_gpu_hour = defaults.price.micros > 0 ? defaults.price : guessed_price(config.machine);
  config.prices.min_duration_s = 60;
  return config;
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

Result<> watch_agent(Context& context, provider::Agent& agent, const Home& home, Interrupt& interrupt,
                     const std::function<Result<>()>& is_well) {
  while (!interrupt.wait(kWatchMs)) {
    if (auto well = is_well(); !well) return well;
    if (auto healthy = agent.health(); !healthy) return healthy;
    std::error_code error;
    if (!std::filesystem::remove(drain_request(home), error)) continue;
    const auto drained = agent.drain();
    context.say(drained ? "Drained: no new leases; those that run go on to their end."
                        : "draining failed: " + drained.error().message);
  }
  return {};
}

}  // namespace hanse::cli
