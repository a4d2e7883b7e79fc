#pragma once

// Making this machine a provider: its first config, the agent's authorisation, and running the agent until told to
// stop. Shared by `provider …` and `up`.

#include "cli/context.hpp"
#include "cli/interrupt.hpp"
#include "cli/process_lock.hpp"
#include "provider/agent.hpp"

namespace hanse::cli {

struct ProviderDefaults {
  std::string node_url, name, advertise_host, listen_host, engine_socket, country;
  std::uint16_t ssh_port = 2222;
  Money price;  ///< Per GPU-hour; 0: a guess by the device.
};

/// What this machine is, as a config to be edited. What it had to guess goes into `notes`.
provider::AgentConfig default_agent_config(const Home& home, const model::AccountId& owner,
                                           const ProviderDefaults& defaults, std::vector<std::string>& notes);

/// not_found says that `provider init` writes it.
Result<provider::AgentConfig> load_agent_config(const Home& home);

/// A price for a machine whose owner has not thought of one: 0.03 credits an hour per GiB of a GPU's memory, 0.12 for
/// a CPU.
Money guessed_price(const model::Machine& machine);

/// The agent's own key, made on first use.
Result<crypto::KeyPair> agent_key(const Home& home);

/// True if `owner` has authorised the key for all that the agent does, for a week or more.
bool is_authorised(const AccountView& owner, const crypto::PublicKey& key, Time now);
/// The grant that the owner signs once.
model::AuthorizeKey agent_grant(const crypto::PublicKey& key, Time now);

/// Where a running agent's folder is, and how the other commands reach it.
[[nodiscard]] inline std::filesystem::path drain_request(const Home& home) {
  return home.provider() / "drain";
}
[[nodiscard]] inline std::filesystem::path agent_lock(const Home& home) {
  return home.provider() / "agent.pid";
}

/// Until an interrupt, or the agent or `is_well` says that it cannot go on. Takes drain requests.
Result<> watch_agent(Context& context, provider::Agent& agent, const Home& home, Interrupt& interrupt,
                     const std::function<Result<>()>& is_well);

}  // namespace hanse::cli
