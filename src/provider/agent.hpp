#pragma once

// The provider agent: keeps the offers of this machine on the ledger, makes leases run, meters them, ends them, wipes
// them. Survives restarts of itself, the node and the container engine (its journal remembers).

#include <sys/types.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "client/http.hpp"
#include "model/offer.hpp"
#include "provider/device.hpp"
#include "provider/device_trial.hpp"
#include "provider/engine.hpp"

namespace hanse::provider {

/// provider.yaml, as `hanse provider init` writes it and people edit it.
struct AgentConfig {
  client::HttpOptions node;
  model::AccountId owner;  ///< Whose earnings; the agent signs with its own authorised key.
  std::string name;
  std::string advertise_host;  ///< How consumers reach this machine.
  std::string listen_host = "0.0.0.0";
  std::uint16_t ssh_port = 2222;
  std::uint16_t metrics_port = 0;  ///< 0: no /metrics of the agent's own.
  std::string engine_socket;       ///< Empty: found.
  std::string country;
  std::string default_image;  ///< For leases without a job.
  bool internet = true;       ///< Leases may reach the public internet (never the LAN).
  std::vector<std::string> dns;
  std::vector<std::string> registries;        ///< Not public, but renters' images may be pulled from them.
  std::string subnet_pool = "10.213.0.0/16";  ///< Private addresses for the leases' networks, one /29 each.
  std::uint64_t layer_bytes = 10ULL << 30;    ///< The most a lease may write outside /workspace.
  std::uint64_t output_bytes = 256ULL << 20;  ///< Of a job's output, the last so much is kept.
  std::uint64_t fetch_grace_s = 120;          ///< After a job's end its files stay this long, unless the consumer ends.
  model::Machine machine;                     ///< What is offered: detected, then edited.
  model::PriceList prices;
};

/// Unknown keys are refused with the nearest known one, and every error names the line.
Result<AgentConfig> parse_agent_config(std::string_view yaml);
std::string format_agent_config(const AgentConfig& config);  ///< Commented.

/// What this machine has. Never fails: what cannot be found is zero. `note` says what was looked for where.
struct Inventory {
  model::Machine machine;
  std::vector<Device> devices;
  std::string note;
};
/// `root`: where the devices' files are; tests have their own.
Inventory detect_inventory(const std::filesystem::path& data_folder, const std::filesystem::path& root = "/");

/// One line of `provider init`'s self-test; a bad one says how to mend it.
struct Check {
  enum class Verdict { good, warning, bad };
  std::string what, actual, required, remedy;
  Verdict verdict = Verdict::good;
};
/// No more devices, and none of another model, than this machine has.
Check check_devices(const AgentConfig& config, const Inventory& found);
/// That the default image, in a container, sees each device that is offered, and only that. Starts one for each.
Check check_leased_devices(const AgentConfig& config, const Inventory& found, const TrialPlace& place);

struct SelfTest {
  std::filesystem::path data_folder;
  std::string helper_program;  ///< The hanse program.
  pid_t agent = 0;  ///< The process of the agent that runs on this folder, which has the ssh port; 0: none runs.
  std::filesystem::path root = "/";  ///< Where the devices' files are; tests have their own.
};
/// All of them.
std::vector<Check> self_test(const AgentConfig& config, const SelfTest& test);

/// In the data folder: what the agent remembers of its leases: there from the first start at which node and engine
/// answered.
inline constexpr std::string_view kJournalFile = "journal.sqlite";
/// In the data folder: the agent's own key (client::open_or_create_ssh_key), which the owner authorises once for
/// kAgentOperations, so that the owner's key is not needed where the agent runs.
inline constexpr std::string_view kAgentKeyFile = "agent_key";
inline constexpr std::array<std::string_view, 9> kAgentOperations{
    "register_provider", "update_provider", "post_offer", "update_offer", "withdraw_offer",
    "confirm_lease",     "end_lease",       "settle",     "heartbeat"};

class Agent {
 public:
  struct Options {
    AgentConfig config;
    std::filesystem::path data_folder;  ///< Journal, keys, workspaces. One agent at a time (conflict otherwise).
    std::string helper_program;         ///< The hanse program.
    bool drained = false;               ///< Offers nothing until resume().
    std::filesystem::path root = "/";   ///< Where the devices' files are; tests have their own.
  };
  /// Registers or updates the provider, sweeps what a crash left, resumes live leases, then serves until destroyed.
  static Result<std::unique_ptr<Agent>> start(Options options, Clock& clock = system_clock());
  virtual ~Agent() = default;
  [[nodiscard]] virtual std::uint16_t ssh_port() const = 0;
  /// What its owner should know of this machine as it was found at the start: that leases get no network, and why.
  [[nodiscard]] virtual std::vector<std::string> notes() const = 0;
  /// Withdraws the offers; running leases go on to their end.
  virtual Result<> drain() = 0;
  /// Offers the machine again, at these prices; once the leases of its withdrawn offer have ended, if some run.
  virtual Result<> resume(const model::PriceList& prices) = 0;
  [[nodiscard]] virtual bool is_drained() const = 0;
  /// Why nothing is offered though nobody drained it: a device that is not well. Empty: nothing is wrong. It is offered
  /// again by itself.
  [[nodiscard]] virtual std::string trouble() const = 0;
  /// conflict once another agent has taken this provider over: this one offers and confirms nothing more, and the
  /// program should say so and stop.
  [[nodiscard]] virtual Result<> health() = 0;
};

}  // namespace hanse::provider
