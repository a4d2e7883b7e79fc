#pragma once

// What an agent does before it serves: own its data folder, find its key authorised, put itself on the ledger.

#include <memory>

#include "provider/agent.hpp"
#include "provider/journal.hpp"
#include "provider/ledger_link.hpp"

namespace hanse::provider {

/// Held while the agent lives; conflict if another holds it. The kernel lets go when the process dies, however.
class FolderLock {
 public:
  static Result<FolderLock> take(const std::filesystem::path& folder);
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

/// not_authorized with the very command to run, unless the owner's grant covers all that an agent does (or the agent's
/// key is the owner's own).
Result<> check_authorised(LedgerLink& ledger, const AgentConfig& config, const crypto::PublicKey& agent_key, Time now);

/// Who the provider is on the ledger: the gateway's endpoint and host key.
struct Identity {
  std::string name, endpoint;
  crypto::PublicKey host_key;
};

/// Registers or updates the provider. conflict if another agent serves this account: the record on the ledger is not
/// the one that this data folder published last, and that other's heartbeats are in time.
Result<> publish(LedgerLink& ledger, Journal& journal, const Identity& identity);
/// The same question while serving: conflict once the record is no longer ours.
Result<> check_still_ours(LedgerLink& ledger, const Identity& identity);

/// Makes the open offers those of this config: keeps the one that is the same, reprices it if only its prices differ,
/// withdraws all others, posts it if it is missing.
Result<> publish_offer(LedgerLink& ledger, const AgentConfig& config);
Result<> withdraw_offers(LedgerLink& ledger);

}  // namespace hanse::provider
