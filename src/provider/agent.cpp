#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/caught.hpp"
#include "model/text.hpp"
#include "provider/running_agent.hpp"

namespace hanse::provider {

namespace {

constexpr std::int64_t kResyncMs = 15'000;  ///< However good the event stream is.
constexpr std::int64_t kSettleMs = 600'000;
constexpr std::int64_t kLookupPauseMs = 20;  ///< Strangers who name leases must not load the node through us.
constexpr std::uint32_t kEventWaitMs = 500;

void tell_fault(const char* where, const Result<>& done) {
  if (!done) spdlog::error("{}: {}", where, done.error().message);
}

/// Does a lease end at another time after it, or another way?
bool changes_end(model::EventKind kind) {
  return kind == model::EventKind::lease_preempting || kind == model::EventKind::lease_extended ||
         kind == model::EventKind::lease_topped_up || kind == model::EventKind::lease_kept;
}

}  // namespace

/// Brings what runs here in line with the ledger's live leases. Events only make it quicker.
Result<> RunningAgent::resync() {
  const auto live = ledger_->live_leases();
  if (!live) return fail(live);
  std::vector<Run> gone;
  {
    const std::lock_guard guard(mutex_);
    for (const auto& [id, run] : runs_) {
      const bool lives = std::any_of(live->begin(), live->end(), [&](const auto& l) { return l.id == id; });
      if (!lives) gone.push_back(run);
    }
  }
  for (const auto& run : gone) {  // asked one by one: it may have been matched after the list was made
    const auto lease = ledger_->lease(run->id());
    const bool ended = lease ? lease->state == model::LeaseState::ended || lease->provider != options_.config.owner
                             : lease.error().code == ErrorCode::not_found;
    if (ended) run->ended();
  }
  for (const auto& lease : *live) {
    adopt(lease, {lease.id});
    if (auto run = find(lease.id)) (*run)->update(lease);
  }
  collect_done();
  return {};
}

void RunningAgent::adopt(const model::Lease& lease, JournalEntry entry) {
  if (stopping_) return;
  const std::lock_guard guard(mutex_);
  if (!health_ || runs_.contains(lease.id)) return;
  runs_.emplace(lease.id, std::make_shared<LeaseRun>(*context_, lease, std::move(entry)));
}

void RunningAgent::collect_done() {
  std::vector<Run> done;  // destroyed after the lock is gone: that joins their threads
  const std::lock_guard guard(mutex_);
  for (auto it = runs_.begin(); it != runs_.end();) {
    if (it->second->done()) {
      done.push_back(std::move(it->second));
      it = runs_.erase(it);
    } else {
      ++it;
    }
  }
}

/// The consumer may be here before the event is: then the ledger is asked, one stranger at a time.
std::optional<crypto::PublicKey> RunningAgent::access_key(model::LeaseId lease) {
  if (auto run = find(lease)) return (*run)->access_key();
  if (!ready_) return std::nullopt;  // the journal has not been read: it knows more of this lease than the ledger
  const std::lock_guard guard(lookup_mutex_);
  if (auto run = find(lease)) return (*run)->access_key();
  const auto record = ledger_->lease(lease);
  std::this_thread::sleep_for(std::chrono::milliseconds(kLookupPauseMs));
  if (!record || record->provider != options_.config.owner || record->state == model::LeaseState::ended) {
    return std::nullopt;
  }
  adopt(*record, {lease});
  auto run = find(lease);
  return run ? (*run)->access_key() : std::nullopt;
}

void RunningAgent::follow_events(const std::stop_token& stop) {
  std::int64_t next_resync = clock_.monotonic_ms() + kResyncMs;
  while (!stop.stop_requested()) {
    const auto event = events_->next(kEventWaitMs);
    if (event && *event) tell_fault("an event", caught([&] { take(**event); }));
    if (!event) {
      spdlog::debug("events: {}", event.error().message);
      std::unique_lock lock(mutex_);
      std::condition_variable_any().wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
    }
    if (!event || clock_.monotonic_ms() >= next_resync) {
      next_resync = clock_.monotonic_ms() + kResyncMs;
      tell_fault("resync", caught([this] {
                   if (const auto synced = resync(); !synced) spdlog::debug("resync: {}", synced.error().message);
                 }));
    }
    collect_done();
  }
}

void RunningAgent::take(const model::Event& event) {
  if (!event.lease || event.counterparty != options_.config.owner) return;
  if (event.kind == model::EventKind::lease_matched) {
    const auto lease = ledger_->lease(event.lease);
    if (lease && lease->provider == options_.config.owner && lease->state != model::LeaseState::ended) {
      adopt(*lease, {lease->id});
    }
  } else if (event.kind == model::EventKind::lease_ended) {
    if (auto run = find(event.lease)) (*run)->ended();
  } else if (changes_end(event.kind)) {
    const auto lease = ledger_->lease(event.lease);
    if (auto run = find(event.lease); run && lease) (*run)->update(*lease);
  }
}

void RunningAgent::beat_once(std::int64_t& next_settle) {
  const auto ours = check_still_ours(*beat_ledger_, identity_);
  if (!ours && ours.error().code == ErrorCode::conflict) return stop_for(ours.error());
  const auto sent = beat_ledger_->send({model::Heartbeat{}});
  if (!sent) spdlog::warn("heartbeat: {}", sent.error().message);
  if (context_->networked && !firewall_stands()) {
    spdlog::warn("the firewall for leases was gone; raising it again");
    static_cast<void>(raise_firewall());
  }
  offer_if_due();
  if (clock_.monotonic_ms() >= next_settle) {
    next_settle = clock_.monotonic_ms() + kSettleMs;
    settle();
  }
}

/// Heartbeats, and what else is done now and then.
void RunningAgent::beat(const std::stop_token& stop) {
  const auto timeout_ms = static_cast<std::int64_t>(beat_ledger_->params().heartbeat_timeout_s) * 1000;
  const auto pause = std::chrono::milliseconds(std::max<std::int64_t>(timeout_ms / 3, 200));
  std::int64_t next_settle = clock_.monotonic_ms() + kSettleMs;
  std::mutex mutex;
  std::condition_variable_any changed;
  while (!stop.stop_requested()) {
    tell_fault("heartbeat", caught([&] { beat_once(next_settle); }));
    if (!health()) return;
    std::unique_lock lock(mutex);
    changed.wait_for(lock, stop, pause, [] { return false; });
  }
}

/// The ledger takes no new offer of a machine while leases of its withdrawn one run (after a drain, a change of the
/// machine or a device that was not well): then it is offered as soon as they have ended, and the agent serves them
/// meanwhile. While a device is not well, nothing is offered.
Result<> RunningAgent::offer() {
  // Where a lease of a former offer holds another device, one of this offer is found once that has ended.
  if (!devices_->faults().empty() || !devices_->fits()) {
    offer_is_due_ = true;
    return withdraw_offers(*ledger_);
  }
  if (auto noted = note_devices(); !noted) return noted;  // before a lease can hold one by its number
  auto published = publish_offer(*ledger_, offered_);
  const bool was_due = offer_is_due_;
  offer_is_due_ = !published && published.error().code == ErrorCode::already_exists;
  if (offer_is_due_ && !was_due) spdlog::info("this machine is offered again when its running leases have ended");
  return offer_is_due_ ? Result<>() : published;
}

Result<> RunningAgent::note_devices() {
  std::string note;
  for (const auto& id : devices_->ids()) note += id + "\n";
  const auto known = journal_->note(kDevicesNote);
  return known && *known == note ? Result<>() : journal_->set_note(kDevicesNote, note);
}

void RunningAgent::offer_if_due() {
  const std::lock_guard guard(offer_mutex_);
  if (!offer_is_due_ || drained_) return;
  if (const auto offered = offer(); !offered) {
    offer_is_due_ = true;
    spdlog::warn("offering this machine: {}", offered.error().message);
  }
}

void RunningAgent::devices_changed() {
  {
    const std::lock_guard guard(offer_mutex_);
    offer_is_due_ = true;
  }
  offer_if_due();
}

/// What has passed the claim window becomes ours. Timers do it too, in the end; this is sooner.
void RunningAgent::settle() {
  const auto leases = beat_ledger_->unsettled_leases();
  if (!leases) return;
  const auto window_s = static_cast<std::int64_t>(beat_ledger_->params().claim_window_s);
  for (const auto& lease : *leases) {
    if (stopping_) return;
    if (lease.started_at.ms == 0 || after_s(lease.started_at, window_s) > clock_.now()) continue;
    static_cast<void>(beat_ledger_->send({model::Settle{lease.id}}));
  }
}

void RunningAgent::stop_for(const Error& error) {
  spdlog::error("{}", error.message);
  const std::lock_guard guard(mutex_);
  health_ = std::unexpected(error);
}

AgentFigures RunningAgent::figures() {
  std::vector<Run> runs;
  {
    const std::lock_guard guard(mutex_);
    for (const auto& [id, run] : runs_) runs.push_back(run);
  }
  AgentFigures out;
  for (const auto& run : runs) {
    if (auto stats = run->stats()) out.leases.push_back({run->id(), *stats});
  }
  for (std::uint32_t i = 0; i < devices_->ids().size(); ++i) out.well.push_back(devices_->fault(i).empty());
  return out;
}

}  // namespace hanse::provider
