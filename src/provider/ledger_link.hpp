#pragma once

// What the agent asks of the node and tells it. Thread-safe: calls of several threads go one after the other.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/http.hpp"
#include "client/sender.hpp"
#include "model/account.hpp"
#include "model/lease.hpp"
#include "model/offer.hpp"

namespace hanse::provider {

class LedgerLink {
 public:
  /// Learns the network's name and parameters: fails where the node does not answer.
  static Result<std::unique_ptr<LedgerLink>> open(client::HttpOptions options, model::AccountId owner,
                                                  const crypto::KeyPair& agent_key, Clock& clock);
  virtual ~LedgerLink() = default;
  [[nodiscard]] virtual const std::string& network() const = 0;  ///< Its name.
  [[nodiscard]] virtual const model::Params& params() const = 0;

  struct ProviderView {
    model::Provider provider;
    bool reachable = false;
  };
  virtual Result<std::optional<ProviderView>> provider() = 0;
  virtual Result<std::vector<model::KeyGrant>> grants() = 0;    ///< That the owner gave.
  virtual Result<std::vector<model::Offer>> offers() = 0;       ///< The owner's, open and withdrawn.
  virtual Result<std::vector<model::Lease>> live_leases() = 0;  ///< On the owner's machines.
  /// All whose money is not all paid out.
  virtual Result<std::vector<model::Lease>> unsettled_leases() = 0;
  virtual Result<model::Lease> lease(model::LeaseId id) = 0;
  virtual Result<model::Request> request(model::RequestId id) = 0;
  virtual Result<std::uint64_t> last_event_sequence() = 0;
  virtual Result<model::Receipt> send(std::vector<model::Operation> operations) = 0;
};

}  // namespace hanse::provider
