#pragma once

// Making this machine a provider: its first config, the agent's authorisation, and running the agent until told to
// stop. Shared by `provider …` and `up`.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.hpp"
#include "cli/interrupt.hpp"
#include "cli/process_lock.hpp"
#include "provider/agent.hpp"

namespace hanse::cli {

/// What the command line names of a provider's config; the rest is kept from a former one, or found or guessed;
/// but the country, which nobody but its owner knows.
struct ProviderChoices {
  std::string node_url, ca_file, name, advertise_host, listen_host, engine_socket, country;
  std::optional<std::uint16_t> ssh_port;
  std::optional<model::PriceList> price;  ///< On demand, and its rule.
  bool operator==(const ProviderChoices&) const = default;
};

/// A config to be edited: the machine as it is found now, what `choices` name, and all else from `former` (and with it
/// the owner) or as a guess, which goes into `notes`.
provider::AgentConfig make_agent_config(const Home& home, const model::AccountId& owner,
                                        const std::optional<provider::AgentConfig>& former,
                                        const ProviderChoices& choices, std::vector<std::string>& notes);

/// not_found says that `provider init` writes it.
Result<provider::AgentConfig> load_agent_config(const Home& home);

/// market::check_prices, with the names that the command line has for them; `on_demand` is "PRICE" or "--price".
Result<> check_typed_prices(const model::PriceList& prices, const std::string& on_demand);

/// Replaces provider.yaml; writes nothing that load_agent_config, or the ledger for its prices, would refuse.
Result<> save_agent_config(const Home& home, const provider::AgentConfig& config);

/// What the commands about this home's provider work with.
struct ProviderPlace {
  Home home;
  provider::AgentConfig config;
  NodeApi* api = nullptr;
  pid_t agent = 0;  ///< The running agent's process; 0: none.
};
Result<ProviderPlace> open_provider(Context& context);

/// A price for a machine whose owner has not thought of one: 0.03 credits an hour per GiB of a GPU's memory, 0.12 for
/// a CPU.
Money guessed_price(const model::Machine& machine);

/// The agent's own key, made on first use.
Result<crypto::KeyPair> agent_key(const Home& home);

/// True if `owner` has authorised the key for all that the agent does, for a week or more.
bool is_authorised(const AccountView& owner, const crypto::PublicKey& key, Time now);
/// The grant that the owner signs once.
model::AuthorizeKey agent_grant(const crypto::PublicKey& key, Time now);

/// While this file is there, the agent offers nothing: so a drain outlives its restart.
[[nodiscard]] inline std::filesystem::path drained_mark(const Home& home) {
  return home.provider() / "drained";
}
/// While the agent offers nothing for a device's sake: why.
[[nodiscard]] inline std::filesystem::path trouble_file(const Home& home) {
  return home.provider() / "trouble";
}
[[nodiscard]] inline std::filesystem::path agent_lock(const Home& home) {
  return home.provider() / "agent.pid";
}

/// Starts the agent with `start`. At a machine's first start every failure is one. A machine that has served before may
/// have leases that run: there a node or an engine that does not answer (both boot beside the agent) is waited for, and
/// said once. Null: an interrupt came first.
Result<std::unique_ptr<provider::Agent>> await_agent(
    Context& context, const Home& home, Interrupt& interrupt,
    const std::function<Result<std::unique_ptr<provider::Agent>>()>& start);

/// Until an interrupt, or the agent or `is_well` says that it cannot go on. Drains and resumes as the mark says, and
/// tells of the agent's trouble with its devices, in the file too.
Result<> watch_agent(Context& context, provider::Agent& agent, const Home& home, Interrupt& interrupt,
                     const std::function<Result<>()>& is_well);

}  // namespace hanse::cli
