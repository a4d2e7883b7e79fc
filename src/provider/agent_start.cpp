#include "provider/agent_start.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <cerrno>

#include "model/text.hpp"

namespace hanse::provider {

namespace {

const std::string kPublishedNote = "published";

std::string identity_note(const std::string& endpoint, const crypto::PublicKey& host_key) {
  return endpoint + " " + to_hex(host_key.view());
}

/// What was offered does not change by being measured.
model::Machine without_measurements(model::Machine machine) {
  machine.measured.clear();
  return machine;
}

}  // namespace

Result<FolderLock> FolderLock::take(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  const auto file = folder / "lock";
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(ErrorCode::io, "cannot write to the data folder " + folder.string() + ": check its owner");
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return fail(ErrorCode::conflict, "another agent uses the data folder " + folder.string() +
                                         ": stop it first, or give this one a folder of its own");
  }
  return FolderLock(fd);
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<> check_authorised(LedgerLink& ledger, const AgentConfig& config, const crypto::PublicKey& agent_key, Time now) {
  if (agent_key == config.owner) return {};
  const auto grants = ledger.grants();
  if (!grants) return fail(grants);
  std::string operations;
  for (const auto needed : kAgentOperations) operations += (operations.empty() ? "" : ",") + std::string(needed);
  std::string missing = operations;
  for (const auto& grant : *grants) {
    if (grant.key != agent_key || (grant.expires_at.ms != 0 && grant.expires_at <= now)) continue;
    missing.clear();
    for (const auto needed : kAgentOperations) {
      const bool covered =
          std::find(grant.operations.begin(), grant.operations.end(), needed) != grant.operations.end();
      if (!covered) missing += (missing.empty() ? "" : ",") + std::string(needed);
    }
  }
  if (missing.empty()) return {};
  return fail(ErrorCode::not_authorized,
              fmt::format("{} has not authorised this agent's key for {}. Run, with that wallet:\n"
                          "  hanse wallet authorize {} --operations {} --limit 10.00 --expires 52w",
                          model::format_address(config.owner), missing, model::format_address(agent_key), operations));
}

Result<> publish(LedgerLink& ledger, Journal& journal, const Identity& identity) {
  const auto known = ledger.provider();
  if (!known) return fail(known);
  const auto note = identity_note(identity.endpoint, identity.host_key);
  if (!*known) {
    const auto sent = ledger.send({model::RegisterProvider{identity.name, identity.endpoint, identity.host_key}});
    if (!sent) return fail(sent);
    return journal.set_note(kPublishedNote, note);
  }
  const auto& record = (*known)->provider;
  const auto on_ledger = identity_note(record.endpoint, record.host_key);
  const auto published = journal.note(kPublishedNote);
  if (!published) return fail(published);
  if (on_ledger != *published && on_ledger != note && (*known)->reachable) {
    return fail(ErrorCode::conflict,
                fmt::format("another agent serves this account at {} (last heard of at {}): stop it first. One account "
                            "has one agent; a second machine needs an account of its own. If that was this machine "
                            "before its data folder was lost, wait until its heartbeats time out and start again",
                            record.endpoint, model::format_time(record.last_heartbeat_at)));
  }
  if (on_ledger != note || record.name != identity.name) {
    const auto sent = ledger.send({model::UpdateProvider{identity.name, identity.endpoint, identity.host_key}});
    if (!sent) return fail(sent);
  }
  return journal.set_note(kPublishedNote, note);
}

Result<> check_still_ours(LedgerLink& ledger, const Identity& identity) {
  const auto known = ledger.provider();
  if (!known) return fail(known);
  const bool ours =
      *known && (*known)->provider.endpoint == identity.endpoint && (*known)->provider.host_key == identity.host_key;
  if (ours) return {};
  return fail(ErrorCode::conflict,
              fmt::format("another agent has taken this account over{}: this one offers nothing more and stops. One "
                          "account has one agent; stop one of the two, or give it an account of its own",
                          *known ? " at " + (*known)->provider.endpoint : std::string()));
}

Result<> publish_offer(LedgerLink& ledger, const AgentConfig& config) {
  const auto offers = ledger.offers();
  if (!offers) return fail(offers);
  bool stands = false;
  for (const auto& offer : *offers) {
    if (offer.state != model::OfferState::open) continue;
    const bool same = without_measurements(offer.machine) == without_measurements(config.machine);
    if (!same || stands) {
      if (auto sent = ledger.send({model::WithdrawOffer{offer.id}}); !sent) return fail(sent);
      continue;
    }
    stands = true;
    if (offer.prices == config.prices) continue;
    if (auto sent = ledger.send({model::UpdateOffer{offer.id, config.prices, {}}}); !sent) return fail(sent);
  }
  if (stands) return {};
  const auto posted = ledger.send({model::PostOffer{config.machine, config.prices}});
  if (!posted) return fail(posted);
  if (!posted->outcomes.empty())
    spdlog::info("offering this machine as {}", model::format_id(posted->outcomes[0].offer));
  return {};
}

Result<> withdraw_offers(LedgerLink& ledger) {
  const auto offers = ledger.offers();
  if (!offers) return fail(offers);
  for (const auto& offer : *offers) {
    if (offer.state != model::OfferState::open) continue;
    if (auto sent = ledger.send({model::WithdrawOffer{offer.id}}); !sent) return fail(sent);
  }
  return {};
}

}  // namespace hanse::provider
