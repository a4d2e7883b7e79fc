#pragma once

// One lease on this machine, from its match to the last trace of it wiped. Each has a thread of its own, so its life
// reads from top to bottom and a slow lease holds up no other.
//
//   waiting ── the consumer delivers its job (or there is none) ──▶ running ── the job's process ends ──▶ exited
//      │                          the ledger says that it is kept ─────┴───────────────▶ kept ◀───────────┘
//      └────────────── the ledger ends the lease, at any time ──────────────┴──▶ wiped
//
// Before its time is over, what runs is told (its job says how long before). A lease that is kept has given its devices
// back: its job is ended, and a small container without them holds its files until they are fetched or the time for
// that is over too.
//
// Payment starts when the container runs; or 30 s after the match, for the machine is held from then on, and the pull
// of a large image must not miss the start deadline. A job that cannot be started is the consumer's to mend or to end;
// after 60 s the agent ends the lease as completed; so it does where no job came within the network's start
// deadline, or nobody came to send the files that it waits for.
// After the job's end its files stay for the fetch grace.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "provider/agent.hpp"
#include "provider/device_holders.hpp"
#include "provider/device_watch.hpp"
#include "provider/gateway.hpp"
#include "provider/journal.hpp"
#include "provider/lease_spec.hpp"
#include "provider/ledger_link.hpp"
#include "provider/network.hpp"
#include "provider/output_log.hpp"
#include "provider/output_pump.hpp"
#include "provider/workspace.hpp"

namespace hanse::provider {

/// What all leases of an agent share. Outlives them.
struct LeaseContext {
  const AgentConfig& config;
  Engine& engine;
  Workspaces& workspaces;
  Journal& journal;
  LedgerLink& ledger;
  Clock& clock;
  DeviceHost device_host{};
  DeviceWatch* devices = nullptr;  ///< Of the offer, by their numbers there.
  DeviceHolders holders{};
  std::string label{};     ///< "hanse.agent=…": what is ours in the engine.
  std::string prefix{};    ///< "hanse-…-": of our containers' and networks' names; another agent has another.
  std::string endpoint{};  ///< host:port of the gateway.
  crypto::PublicKey host_key{};
  bool networked = false;
  std::function<void(model::LeaseId)> drop_connections{};
  std::function<void(model::LeaseId, const std::string&)> tell_connections{};
  std::function<bool(model::LeaseId)> has_connections{};
  std::mutex subnets_mutex{};
  SubnetPool subnets{};
  std::mutex images_mutex{};  ///< Of the journal's notes of private images: who removes one, and who comes to use it.
};

class LeaseRun {
 public:
  /// `entry` is what the journal knew of it, or just its id.
  LeaseRun(LeaseContext& context, model::Lease lease, JournalEntry entry);
  ~LeaseRun();
  /// The agent stops, the lease does not: its thread ends, callers that wait are sent away, the container runs on.
  void stop();

  [[nodiscard]] bool done() const;  ///< Ended and wiped.
  [[nodiscard]] model::LeaseId id() const { return lease_.id; }
  /// The ledger says that it has ended.
  void ended();
  /// What the ledger says of it now: that it ends sooner or later than before, is kept, has ended. Safe to repeat.
  void update(const model::Lease& lease);

  // For the gateway; from any thread.
  std::optional<crypto::PublicKey> access_key();
  Result<> take_login(const client::RegistryLogin& login);
  Result<> deliver(ByteView job, const Engine::Progress& progress);
  Result<> go();
  Result<LeaseHost::Container> container();
  Result<std::shared_ptr<OutputLog>> output();
  Result<Bytes> delivered();

  struct Stats {
    double cpu_percent = 0;  ///< 100 is one core.
    std::uint64_t cpu_ns = 0;
    ContainerStats now;
    struct Gpu {
      std::uint32_t index = 0;
      Nvml::Use use;
    };
    std::vector<Gpu> gpus;
  };
  std::optional<Stats> stats();

 private:
  void live(const std::stop_token& stop);
  void step();
  void trouble(const std::string& what);
  Result<> prepare();
  void step_without_container();
  void step_with_container();
  void watch_container();
  void watch_files();
  bool watch_devices();
  void watch_disk();
  void bring_back(const ContainerState& state);
  [[nodiscard]] Result<bool> has_same_devices(const ContainerState& state) const;
  void tell_end();
  Result<> tell(Time at, const char* why);
  void step_kept();
  Result<> put_by();
  Result<> end_job(const std::string& container);
  Result<> start_keeper();
  void note_exit();
  void note(const std::string& text);
  Result<std::shared_ptr<const HeldProcess>> hold_process(const std::string& container);
  Result<> ask_engine(const Engine::Progress& progress, const std::function<Result<>()>& ask);
  Result<> fetch_image(const std::string& image, const Engine::Progress& progress);
  Result<> pull_image(const client::ImageReference& image, const Engine::Progress& progress);
  Result<bool> is_anothers(const std::string& id, const client::ImageReference& image);
  Result<> use_image(const std::string& id);
  Result<> forget_image();
  Result<> start_container(const model::Job& job);
  Result<> confirm();
  void end(model::EndReason reason, const std::string& note);
  [[nodiscard]] bool wipe();
  Result<> save();
  void say(const std::string& text) const;
  [[nodiscard]] std::int64_t now_ms() const { return context_.clock.monotonic_ms(); }
  [[nodiscard]] std::string name() const;
  [[nodiscard]] LeasePlace place(const JournalEntry& entry, const std::string& network) const;
  Result<> add_devices(LeasePlace& place, const model::Job& job);
  [[nodiscard]] Result<std::vector<Device>> own_devices() const;
  [[nodiscard]] std::string engine_name() const { return context_.prefix + name(); }  ///< Of container and network.
  Result<> open_network();
  [[nodiscard]] std::string end_text() const;
  /// What the renter must know of this machine; usually nothing.
  static std::string notice(const JournalEntry& entry);

  LeaseContext& context_;
  const model::Lease lease_;  ///< As it was matched.

  mutable std::mutex
      mutex_;  ///< Guards what follows; never held over a call to engine, ledger or disk but the journal.
  std::condition_variable changed_;
  JournalEntry entry_;
  Workspaces::Paths paths_;
  std::shared_ptr<OutputLog> log_;  ///< From when it is prepared.
  std::optional<wire::JobExit> job_exit_;
  std::shared_ptr<const HeldProcess> process_;  ///< Of the container, as it was last seen.
  std::uint32_t machines_ = 1;                  ///< Of its gang; from when it is prepared.
  bool prepared_ = false, ended_ = false, done_ = false, delivering_ = false, stopped_ = false;
  bool waits_for_engine_ = false;               ///< To make its container.
  bool is_moving_ = false;                      ///< Its container is being replaced by the one that holds its files.
  model::Lease now_;                            ///< As the ledger has it, last that we heard.
  std::optional<model::Job> job_;               ///< From when it is delivered.
  std::optional<client::RegistryLogin> login_;  ///< Until the job has started; nowhere else, and never on disk.
  std::int64_t seen_at_ms_ = 0;
  std::int64_t failed_at_ms_ = 0;  ///< The last delivery that failed; 0: none.
  std::int64_t exited_at_ms_ = 0;
  std::string device_fault_;  ///< Of a device of this lease; it ends for that, though the device be well again.
  bool told_fault_ = false;
  std::string exit_note_;

  // Of the lease's own thread alone.
  std::int64_t alone_since_ms_ =
      0;  ///< Its job waits for its files, and nobody is there who could send them; 0: not so.
  std::int64_t next_inspect_ms_ = 0, next_disk_ms_ = 0, trouble_since_ms_ = 0;
  bool engine_is_down_ = false;
  int restarts_ = 0;
  std::int64_t pid_ = 0;
  std::uint64_t oom_kills_ = 0;

  std::mutex stats_mutex_;
  std::int64_t stats_at_ms_ = 0;
  std::uint64_t stats_cpu_ns_ = 0;
  double stats_percent_ = 0;

  std::unique_ptr<OutputPump> pump_;  ///< Made by the lease's thread.
  std::jthread thread_;               ///< Last: it starts when all else stands.
};

}  // namespace hanse::provider
