#pragma once

// The agent as it serves; agent.hpp is what others see of it. agent_open.cpp brings it up, agent.cpp keeps it going.

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "provider/agent_start.hpp"
#include "provider/gateway.hpp"
#include "provider/lease_run.hpp"
#include "provider/metrics.hpp"

namespace hanse::provider {

/// In the journal: which devices the numbers of the offer mean, one id a line.
inline const std::string kDevicesNote = "devices";

class RunningAgent : public Agent, public LeaseHost {
 public:
  RunningAgent(Options options, Clock& clock, FolderLock lock)
      : options_(std::move(options)), clock_(clock), lock_(std::move(lock)), offered_(options_.config) {}

  ~RunningAgent() override {
    stopping_ = true;
    if (events_) events_->interrupt();
    for (auto* thread : {&event_thread_, &beat_thread_}) {
      thread->request_stop();
      if (thread->joinable()) thread->join();
    }
    if (devices_) devices_->end();  // before what it calls goes
    metrics_.reset();
    std::map<model::LeaseId, Run> runs;
    {
      const std::lock_guard guard(mutex_);
      runs = runs_;
    }
    for (const auto& [id, run] : runs) run->stop();  // containers go on
    gateway_.reset();                                // its threads use the runs, and the runs' threads used it
  }

  Result<> begin();
  [[nodiscard]] std::uint16_t ssh_port() const override { return gateway_->port(); }
  Result<> drain() override {
    const std::lock_guard guard(offer_mutex_);
    auto withdrawn = withdraw_offers(*ledger_);
    if (withdrawn) drained_ = true;
    return withdrawn;
  }
  Result<> resume(const model::PriceList& prices) override {
    const std::lock_guard guard(offer_mutex_);
    offered_.prices = prices;
    auto done = offer();
    if (done) drained_ = false;
    return done;
  }
  [[nodiscard]] bool is_drained() const override { return drained_; }
  [[nodiscard]] std::vector<std::string> notes() const override { return notes_; }
  [[nodiscard]] std::string trouble() const override { return devices_->faults(); }
  [[nodiscard]] Result<> health() override {
    const std::lock_guard guard(mutex_);
    return health_;
  }

  // LeaseHost
  std::optional<crypto::PublicKey> access_key(model::LeaseId lease) override;
  Result<> take_login(model::LeaseId lease, const client::RegistryLogin& login) override {
    auto run = find(lease);
    return run ? (*run)->take_login(login) : fail(run);
  }
  Result<> deliver(model::LeaseId lease, ByteView job, const Engine::Progress& progress) override {
    auto run = find(lease);
    return run ? (*run)->deliver(job, progress) : fail(run);
  }
  Result<> go(model::LeaseId lease) override {
    auto run = find(lease);
    return run ? (*run)->go() : fail(run);
  }
  Result<Container> container(model::LeaseId lease) override {
    auto run = find(lease);
    if (!run) return fail(run);
    return (*run)->container();
  }
  Result<std::shared_ptr<OutputLog>> output(model::LeaseId lease) override {
    auto run = find(lease);
    if (!run) return fail(run);
    return (*run)->output();
  }
  Result<Bytes> delivered(model::LeaseId lease) override {
    auto run = find(lease);
    if (!run) return fail(run);
    return (*run)->delivered();
  }
  std::string stats_json(model::LeaseId lease) override {
    auto run = find(lease);
    if (!run) return "";
    const auto stats = (*run)->stats();
    return stats ? stats_line(*stats) : "";
  }

 private:
  using Run = std::shared_ptr<LeaseRun>;

  Result<> open_parts();
  Result<> open_gateway();
  Result<> open_devices();
  Result<> note_devices();
  void try_devices();
  void open_network();
  Result<> sweep();
  Result<> offer();
  void offer_if_due();
  void devices_changed();
  Result<> resync();
  void adopt(const model::Lease& lease, JournalEntry entry);
  void collect_done();
  void follow_events(const std::stop_token& stop);
  void take(const model::Event& event);
  void beat(const std::stop_token& stop);
  void beat_once(std::int64_t& next_settle);
  void settle();
  void stop_for(const Error& error);
  AgentFigures figures();

  Result<Run> find(model::LeaseId lease) {
    const std::lock_guard guard(mutex_);
    const auto found = runs_.find(lease);
    if (found != runs_.end()) return found->second;
    return fail(ErrorCode::not_found,
                "no live " + model::format_id(lease) + " on this machine: 'hanse ps' lists yours");
  }

  const Options options_;
  Clock& clock_;
  const FolderLock lock_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Workspaces> workspaces_;
  std::unique_ptr<LedgerLink> ledger_, beat_ledger_;  ///< Heartbeats must not wait behind other calls.
  std::optional<crypto::KeyPair> key_, host_key_;
  std::unique_ptr<DeviceWatch> devices_;
  std::unique_ptr<LeaseContext> context_;
  Identity identity_;
  std::vector<std::string> notes_;

  std::mutex mutex_;  ///< Guards runs_ and health_.
  std::map<model::LeaseId, Run> runs_;
  Result<> health_;
  std::mutex lookup_mutex_;

  std::mutex offer_mutex_;  ///< Guards these two, and that nothing is offered and withdrawn at once.
  AgentConfig offered_;     ///< As configured; its prices may have changed since.
  bool offer_is_due_ = false;

  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<MetricsServer> metrics_;
  std::unique_ptr<client::EventStream> events_;
  std::atomic<bool> stopping_{false}, ready_{false}, drained_{false};
  std::jthread event_thread_, beat_thread_;
};

}  // namespace hanse::provider
