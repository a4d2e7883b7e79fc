#pragma once

// `hanse up`: a whole network on this machine, in one process: node, provider agent, and a consumer's wallet with
// credits from genesis. Everything lies in the home folder; a second start finds it again.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.hpp"
#include "cli/interrupt.hpp"
#include "cli/node_host.hpp"
#include "cli/process_lock.hpp"
#include "provider/agent.hpp"

namespace hanse::cli {

struct UpOptions {
  std::string listen = "127.0.0.1:7070";
  std::optional<std::uint16_t> ssh_port;  ///< None: as the provider's file has it, 2222 at first.
  std::string engine_socket;
  std::vector<std::string> cors_origins;  ///< See api::Origins::parse.
  std::optional<model::PriceList> price;  ///< On demand, and its rule; none: guessed.
  Money consumer_credits = credits(1000);
  bool provider = true;  ///< False: node and wallet only.
};

class LocalNetwork {
 public:
  /// conflict if one runs in this home already.
  static Result<std::unique_ptr<LocalNetwork>> start(Context& context, const UpOptions& options);
  ~LocalNetwork();

  [[nodiscard]] std::string summary() const;
  [[nodiscard]] nlohmann::json summary_json() const;
  /// What was guessed, and what this machine cannot do.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  /// Until an interrupt, or until something cannot go on.
  Result<> watch(Interrupt& interrupt);

 private:
  LocalNetwork(Context& context, Home home, ProcessLock lock);
  Result<> make_wallets();
  Result<> make_genesis(Money consumer_credits);
  Result<> start_node(const UpOptions& options);
  Result<> start_agent(const UpOptions& options);
  Result<> authorise(const crypto::PublicKey& key, const model::AccountId& owner);
  Result<std::string> passphrase();

  Context& context_;
  Home home_;
  ProcessLock lock_;
  std::unique_ptr<NodeHost> node_;
  std::unique_ptr<ProcessLock> agent_lock_;
  std::unique_ptr<provider::Agent> agent_;
  std::string provider_line_;
  std::vector<std::string> notes_;
};

}  // namespace hanse::cli
