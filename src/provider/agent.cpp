#include "provider/agent.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <fmt/format.h>
#include <algorithm>
#include <map>

#include "client/wallet.hpp"
#include "model/text.hpp"
#include "provider/agent_start.hpp"
#include "provider/bridge_trial.hpp"
#include "provider/gateway.hpp"
#include "provider/lease_run.hpp"
#include "provider/metrics.hpp"

namespace hanse::provider {

namespace {

constexpr std::int64_t kResyncMs = 15'000;  ///< However good the event stream is.
constexpr std::int64_t kSettleMs = 600'000;
constexpr std::int64_t kLookupPauseMs = 20;  ///< Strangers who name leases must not load the node through us.
constexpr std::uint32_t kEventWaitMs = 500;

class RunningAgent : public Agent, public LeaseHost {
 public:
  RunningAgent(Options options, Clock& clock, FolderLock lock)
      : options_(std::move(options)), clock_(clock), lock_(std::move(lock)) {}

  ~RunningAgent() override {
    stopping_ = true;
    if (events_) events_->interrupt();
    for (auto* thread : {&event_thread_, &beat_thread_}) {
      thread->request_stop();
      if (thread->joinable()) thread->join();
    }
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
  Result<> drain() override { return withdraw_offers(*ledger_); }
  [[nodiscard]] Result<> health() override {
    const std::lock_guard guard(mutex_);
    return health_;
  }

  // LeaseHost
  std::optional<crypto::PublicKey> access_key(model::LeaseId lease) override;
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
  Result<int> wait(model::LeaseId lease) override {
    auto run = find(lease);
    if (!run) return fail(run);
    return (*run)->wait();
  }
  Result<std::unique_ptr<ExecStream>> output(model::LeaseId lease, Engine&) override {
    auto run = find(lease);
    if (!run) return fail(run);
    return (*run)->output();
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
  void open_network();
  Result<> sweep();
  Result<> resync();
  void adopt(const model::Lease& lease, JournalEntry entry);
  void collect_done();
  void follow_events(const std::stop_token& stop);
  void take(const model::Event& event);
  void beat(const std::stop_token& stop);
  void settle();
  void stop_for(const Error& error);
  std::vector<LeaseFigures> figures();

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
  std::unique_ptr<LeaseContext> context_;
  Identity identity_;

  std::mutex mutex_;  ///< Guards runs_ and health_.
  std::map<model::LeaseId, Run> runs_;
  Result<> health_;
  std::mutex lookup_mutex_;

  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<MetricsServer> metrics_;
  std::unique_ptr<client::EventStream> events_;
  std::atomic<bool> stopping_{false}, ready_{false};
  std::jthread event_thread_, beat_thread_;
};

Result<> RunningAgent::begin() {
  if (auto opened = open_parts(); !opened) return opened;
  if (auto ok = check_authorised(*ledger_, options_.config, key_->public_key(), clock_.now()); !ok) return ok;
  if (auto opened = open_gateway(); !opened) return opened;
  if (auto published = publish(*ledger_, *journal_, identity_); !published) return published;
  if (auto swept = sweep(); !swept) return swept;
  // The cursor is taken before the leases are listed, so nothing falls between; the list makes older events needless.
  const auto cursor = ledger_->last_event_sequence();
  if (!cursor) return fail(cursor);
  if (auto synced = resync(); !synced) return synced;
  ready_ = true;
  const auto& config = options_.config;
  if (config.metrics_port != 0) {
    auto metrics = MetricsServer::start(config.metrics_port, [this] { return figures(); });
    if (!metrics) return fail(metrics);
    metrics_ = std::move(*metrics);
  }
  events_ = client::EventStream::open(config.node, {*cursor, config.owner});
  event_thread_ = std::jthread([this](const std::stop_token& stop) { follow_events(stop); });
  beat_thread_ = std::jthread([this](const std::stop_token& stop) { beat(stop); });
  return publish_offer(*ledger_, config);  // last: what is offered is there
}

Result<> RunningAgent::open_parts() {
  const auto& config = options_.config;
  const auto& folder = options_.data_folder;
  auto key = client::open_or_create_ssh_key(folder / kAgentKeyFile, "hanse agent");
  if (!key) return fail(key);
  auto host_key = client::open_or_create_ssh_key(folder / "host_key", "hanse gateway");
  if (!host_key) return fail(host_key);
  key_ = *key;
  host_key_ = *host_key;
  auto engine = open_engine(config.engine_socket);
  if (!engine) return fail(engine);
  engine_ = std::move(*engine);
  const auto image = engine_->has_image(config.default_image);
  if (!image) return fail(image);
  if (!*image) {
    if (auto pulled = engine_->pull(config.default_image, {}); !pulled) return pulled;
  }
  auto journal = Journal::open(folder / "journal.sqlite");
  if (!journal) return fail(journal);
  journal_ = std::move(*journal);
  workspaces_ = std::make_unique<Workspaces>(folder / "leases");
  for (auto* link : {&ledger_, &beat_ledger_}) {
    auto opened = LedgerLink::open(config.node, config.owner, *key_, clock_);
    if (!opened) return fail(opened);
    *link = std::move(*opened);
  }
  context_ = std::unique_ptr<LeaseContext>(new LeaseContext{
      config, *engine_, *workspaces_, *journal_, *ledger_, clock_, Nvml::open(), {}, {}, {}, {}, {}, false, {}});
  context_->label = "hanse.agent=" + to_hex(key_->public_key().view()).substr(0, 16);
  context_->prefix = "hanse-" + to_hex(key_->public_key().view()).substr(0, 8) + "-";
  context_->host_key = host_key_->public_key();
  context_->drop_connections = [this](model::LeaseId lease) {
    if (gateway_) gateway_->drop(lease);
  };
  if (context_->nvml && config.machine.device_kind == model::DeviceKind::gpu) {
    context_->gpu_ids = nvidia_indices(*context_->nvml, config.machine.gpu_model);
  }
  open_network();
  return {};
}

/// Leases get a network only where their isolation was seen to work; else none at all.
void RunningAgent::open_network() {
  const auto& config = options_.config;
  auto pool = SubnetPool::parse(config.subnet_pool);
  if (!config.internet || !pool) return;
  context_->subnets = std::move(*pool);
  if (auto raised = raise_firewall(config.subnet_pool); !raised) {
    spdlog::warn("leases get no network: {}", raised.error().message);
    return;
  }
  if (auto tried = try_bridge(*engine_, config.default_image, context_->subnets, context_->label); !tried) {
    spdlog::warn("leases get no network: this machine cannot make one for containers: {}", tried.error().message);
    return;
  }
  context_->networked = true;
}

Result<> RunningAgent::open_gateway() {
  const auto& config = options_.config;
  GatewayOptions options;
  options.host = config.listen_host;
  options.port = config.ssh_port;
  options.helper = options_.helper_program;
  auto gateway = Gateway::start(*host_key_, *engine_, *this, options);
  if (!gateway) return fail(gateway);
  gateway_ = std::move(*gateway);
  const bool is_ipv6 = config.advertise_host.find(':') != std::string::npos;
  const auto host = is_ipv6 ? "[" + config.advertise_host + "]" : config.advertise_host;
  context_->endpoint = fmt::format("{}:{}", host, gateway_->port());
  identity_ = {config.name, context_->endpoint, host_key_->public_key()};
  return {};
}

/// Removes what bears our label and belongs to no lease in the journal: the leavings of a crash.
Result<> RunningAgent::sweep() {
  const auto entries = journal_->entries();
  if (!entries) return fail(entries);
  const auto is_known = [&](const std::string& lease) {
    return std::any_of(entries->begin(), entries->end(),
                       [&](const auto& e) { return model::format_id(e.lease) == lease; });
  };
  const auto lease_of = [&](const std::string& name) {
    return name.starts_with(context_->prefix) ? name.substr(context_->prefix.size()) : std::string();
  };
  const auto containers = engine_->list(context_->label);
  if (!containers) return fail(containers);
  for (const auto& container : *containers) {
    const auto lease = lease_of(container.name);
    if (is_known(lease)) continue;
    spdlog::info("sweeping container {}", container.name);
    if (auto removed = engine_->remove(container.id); !removed) return removed;
  }
  const auto networks = engine_->list_networks(context_->label);
  if (!networks) return fail(networks);
  for (const auto& network : *networks) {
    if (is_known(lease_of(network))) continue;
    if (auto removed = engine_->remove_network(network); !removed) return removed;
  }
  for (const auto& name : workspaces_->names()) {
    if (is_known(name)) continue;
    if (auto wiped = workspaces_->wipe(name); !wiped) return wiped;
  }
  for (const auto& entry : *entries) {
    context_->subnets.take(entry.subnet);
    auto lease = ledger_->lease(entry.lease);
    if (!lease && lease.error().code != ErrorCode::not_found) return fail(lease);
    model::Lease known;
    known.id = entry.lease;
    adopt(lease ? *lease : known, entry);
    // Ended while we were away: its run has nothing left to do but wipe.
    const bool ended = !lease || lease->state == model::LeaseState::ended;
    if (auto run = find(entry.lease); run && ended) (*run)->ended();
  }
  return {};
}

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
  for (const auto& lease : *live) adopt(lease, {lease.id});
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
    if (event && *event) take(**event);
    if (!event) {
      spdlog::debug("events: {}", event.error().message);
      std::unique_lock lock(mutex_);
      std::condition_variable_any().wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
    }
    if (!event || clock_.monotonic_ms() >= next_resync) {
      next_resync = clock_.monotonic_ms() + kResyncMs;
      if (const auto synced = resync(); !synced) spdlog::debug("resync: {}", synced.error().message);
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
    const auto ours = check_still_ours(*beat_ledger_, identity_);
    if (!ours && ours.error().code == ErrorCode::conflict) return stop_for(ours.error());
    const auto sent = beat_ledger_->send({model::Heartbeat{}});
    if (!sent) spdlog::warn("heartbeat: {}", sent.error().message);
    if (context_->networked && !firewall_stands()) {
      spdlog::warn("the firewall for leases was gone; raising it again");
      static_cast<void>(raise_firewall(options_.config.subnet_pool));
    }
    if (clock_.monotonic_ms() >= next_settle) {
      next_settle = clock_.monotonic_ms() + kSettleMs;
      settle();
    }
    std::unique_lock lock(mutex);
    changed.wait_for(lock, stop, pause, [] { return false; });
  }
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

std::vector<LeaseFigures> RunningAgent::figures() {
  std::vector<Run> runs;
  {
    const std::lock_guard guard(mutex_);
    for (const auto& [id, run] : runs_) runs.push_back(run);
  }
  std::vector<LeaseFigures> out;
  for (const auto& run : runs) {
    if (auto stats = run->stats()) out.push_back({run->id(), *stats});
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::start(Options options, Clock& clock) {
  auto lock = FolderLock::take(options.data_folder);
  if (!lock) return fail(lock);
  auto agent = std::make_unique<RunningAgent>(std::move(options), clock, std::move(*lock));
  if (auto begun = agent->begin(); !begun) return fail(begun);
  return agent;
}

}  // namespace hanse::provider
