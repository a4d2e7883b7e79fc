// What the gateway's threads ask of a lease: take the job, find the container, wait for the end.

#include <spdlog/spdlog.h>

#include <fmt/format.h>

#include "model/text.hpp"
#include "provider/control.hpp"
#include "provider/lease_network.hpp"
#include "provider/lease_run.hpp"
#include "wire/codec.hpp"

namespace hanse::provider {

namespace {

constexpr auto kPrepareWait = std::chrono::seconds(30);
constexpr std::int64_t kEnginePatienceMs = 60'000;
constexpr std::int64_t kFreshStatsMs = 200;

std::unexpected<Error> has_ended(const std::string& name) {
  return fail(ErrorCode::wrong_state, name + " has ended: 'hanse bill " + name + "' shows why");
}

std::unexpected<Error> is_stopping() {
  return fail(ErrorCode::unavailable, "the provider's agent is restarting: try again in a moment, the lease goes on");
}

}  // namespace

std::string LeaseRun::notice(const JournalEntry& entry) {
  if (entry.kept) return "its job is over: this holds its files, and nothing else of the machine";
  return entry.subnet.empty() ? kNoNetworkNotice : "";
}

std::optional<crypto::PublicKey> LeaseRun::access_key() {
  const std::lock_guard lock(mutex_);
  if (ended_) return std::nullopt;
  return lease_.access_key;
}

Result<> LeaseRun::deliver(ByteView bytes, const Engine::Progress& progress) {
  if (lease_.job_hash.is_zero()) return fail(ErrorCode::wrong_state, name() + " was rented without a job: use ssh");
  auto job = wire::decode<model::Job>(bytes);
  if (!job) return fail(job);
  if (wire::job_hash(*job) != lease_.job_hash) {
    return fail(ErrorCode::denied, "this is not the job that " + name() +
                                       " was rented for: deliver the same job file, "
                                       "or end the lease and run again");
  }
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPrepareWait, [&] { return prepared_ || ended_ || stopped_; })) {
      return fail(ErrorCode::timeout, "the machine is not ready for " + name() + " yet: try again");
    }
    // Whoever lost the connection over which it was delivered comes to hear how that went on.
    changed_.wait(lock, [&] { return !delivering_ || ended_ || stopped_; });
    if (ended_) return has_ended(name());
    if (stopped_) return is_stopping();
    if (!entry_.container.empty()) return {};  // a consumer that lost its connection delivers again
    delivering_ = true;
    failed_at_ms_ = 0;
    entry_.job.assign(bytes.begin(), bytes.end());
    job_ = *job;
  }
  Result<> result = save();
  if (result && !job->image.empty()) {
    result = ask_engine(progress, [&] { return fetch_image(job->image, progress); });
  }
  if (result) result = ask_engine(progress, [&] { return start_container(*job); });
  if (result) result = confirm();
  std::unique_lock lock(mutex_);
  delivering_ = false;
  if (result) login_.reset();
  if (!result) {
    failed_at_ms_ = now_ms();
    exit_note_ = result.error().message;
    spdlog::info("{}: the job did not start: {}", name(), result.error().message);
  }
  lock.unlock();
  changed_.notify_all();
  return result;
}

/// Asks again for as long as the engine is away, or names cannot be looked up, for which the renter cannot do anything;
/// where that lasts, the lease ends as this machine's failure, unpaid.
Result<> LeaseRun::ask_engine(const Engine::Progress& progress, const std::function<Result<>()>& ask) {
  const auto until = now_ms() + kEnginePatienceMs;
  while (true) {
    auto answer = ask();
    const bool is_away =
        !answer && (answer.error().code == ErrorCode::unavailable || answer.error().code == ErrorCode::timeout);
    if (is_away && now_ms() >= until) end(model::EndReason::provider_failed, answer.error().message);
    std::unique_lock lock(mutex_);
    waits_for_engine_ = is_away;
    if (!is_away || ended_ || stopped_ || now_ms() >= until) return answer;
    lock.unlock();
    progress(0, 0, "waiting for this machine: " + answer.error().message);
    lock.lock();
    changed_.wait_for(lock, std::chrono::seconds(1), [&] { return ended_ || stopped_; });
  }
}

LeasePlace LeaseRun::place(const JournalEntry& entry, const std::string& network) const {
  return {engine_name(), {context_.label, "hanse.network=" + context_.ledger.network(), "hanse.lease=" + name()},
          paths_,        network,
          machines_,     entry.image};
}

Result<std::vector<Device>> LeaseRun::own_devices() const {
  std::vector<Device> out;
  if (context_.config.machine.device_kind == model::DeviceKind::cpu) return out;
  for (const auto number : leased_devices(lease_)) {
    const auto device = context_.devices->device(number);
    if (!device) return fail(ErrorCode::unavailable, fmt::format("device {} of this machine is gone", number));
    out.push_back(*device);
  }
  return out;
}

/// unavailable: one of them is not there, or not free yet, or what it takes to use it is not.
Result<> LeaseRun::add_devices(LeasePlace& place, const model::Job& job) {
  auto devices = own_devices();
  if (!devices) return fail(devices);
  if (devices->empty()) return {};
  if (const auto other = context_.holders.take(lease_.id, leased_devices(lease_))) {
    return fail(ErrorCode::unavailable, model::format_id(*other) + " is still giving back a device of this lease");
  }
  auto access = device_access(context_.device_host, *devices);
  if (!access) return fail(access);
  auto env = context_.engine.image_env(image_of(context_.config, job, place));
  if (!env) return fail(env);
  place.labels.push_back(kDevicesLabel + access_text(*devices, *access));
  place.devices = std::move(*devices);
  place.access = std::move(*access);
  place.image_env = std::move(*env);
  return {};
}

/// Creates and starts it, replacing what a crash may have left under its name.
Result<> LeaseRun::start_container(const model::Job& job) {
  JournalEntry entry;
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || now_.state == model::LeaseState::kept) return has_ended(name());
    entry = entry_;
  }
  entry.go = entry.go || !job.wait_for_workdir;
  if (auto written = write_control(paths_.control, job); !written) return written;
  if (entry.go) {
    if (auto told = write_go(paths_.control); !told) return told;
  }
  auto place = this->place(entry, entry.subnet.empty() ? "none" : engine_name());
  if (auto found = add_devices(place, job); !found) return found;
  if (auto cleared = context_.engine.remove(place.container_name); !cleared) return cleared;
  const bool is_first = log_->end() == 0;
  if (const auto told = notice(entry); is_first && !told.empty()) note(told);
  auto id = context_.engine.create(lease_spec(context_.config, lease_, job, place));
  if (!id) return fail(id);
  if (auto started = context_.engine.start(*id); !started) {
    static_cast<void>(context_.engine.remove(*id));
    return fail(started.error().code,
                "the container did not start (the image needs /bin/sh): " + started.error().message);
  }
  const std::lock_guard lock(mutex_);
  entry_.container = *id;
  entry_.go = entry_.go || entry.go;
  changed_.notify_all();
  return context_.journal.save(entry_);
}

Result<> LeaseRun::go() {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return has_ended(name());
    if (entry_.container.empty()) return fail(ErrorCode::wrong_state, "deliver the job of " + name() + " first");
    entry_.go = true;
  }
  if (auto saved = save(); !saved) return saved;
  return write_go(paths_.control);
}

Result<LeaseHost::Container> LeaseRun::container() {
  std::string id, told;
  std::shared_ptr<const HeldProcess> process;
  std::vector<std::string> env;
  {
    std::unique_lock lock(mutex_);
    // A lease without a job is about to have its container; another has none before its job comes.
    const bool soon = lease_.job_hash.is_zero() || delivering_;
    if (soon) changed_.wait_for(lock, kPrepareWait, [&] { return !entry_.container.empty() || ended_ || stopped_; });
    changed_.wait_for(lock, kPrepareWait, [&] { return !is_moving_ || ended_ || stopped_; });
    if (ended_) return has_ended(name());
    if (is_moving_) return fail(ErrorCode::unavailable, "the files of " + name() + " are being put by: try again");
    if (entry_.container.empty()) {
      return fail(ErrorCode::wrong_state, name() + " waits for its job: 'hanse run' delivers it");
    }
    id = entry_.container;
    process = process_;
    told = notice(entry_);
    if (entry_.told.ms != 0) {
      told += (told.empty() ? "" : "; ") + end_text();
      env.push_back("HANSE_END_AT=" + std::to_string(entry_.told.ms / 1000));
    }
  }
  if (!process || !process->is_alive()) {  // one that lives needs no engine: files come out while that is away
    auto held = hold_process(id);
    if (!held) return fail(held);
    process = std::move(*held);
  }
  return LeaseHost::Container{id, process, told, env};
}

Result<std::shared_ptr<const HeldProcess>> LeaseRun::hold_process(const std::string& container) {
  auto held = HeldProcess::of(context_.engine, container);
  if (!held) return held;
  const std::lock_guard lock(mutex_);
  process_ = *held;
  return held;
}

Result<std::shared_ptr<OutputLog>> LeaseRun::output() {
  const std::lock_guard lock(mutex_);
  if (ended_) return has_ended(name());
  if (stopped_) return is_stopping();
  if (lease_.job_hash.is_zero() || (job_ && job_->run.empty())) {
    return fail(ErrorCode::wrong_state, name() + " was rented without a job and has no output: use ssh");
  }
  if (entry_.container.empty()) {
    return fail(ErrorCode::wrong_state, name() + " has no output yet: its job was not delivered");
  }
  return log_;
}

Result<Bytes> LeaseRun::delivered() {
  const std::lock_guard lock(mutex_);
  if (ended_) return has_ended(name());
  if (entry_.job.empty()) return fail(ErrorCode::wrong_state, name() + " has no job yet: it was not delivered");
  return entry_.job;
}

std::optional<LeaseRun::Stats> LeaseRun::stats() {
  std::string id;
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || entry_.container.empty()) return std::nullopt;
    id = entry_.container;
  }
  const auto now = context_.engine.stats(id);
  if (!now) return std::nullopt;
  Stats out;
  out.now = *now;
  out.cpu_ns = now->cpu_ns;
  {
    const std::lock_guard lock(stats_mutex_);
    const auto at = now_ms();
    if (at - stats_at_ms_ >= kFreshStatsMs) {  // a shorter span says nothing, and two readers must not spoil it
      const auto cpu_ms = static_cast<double>(now->cpu_ns - std::min(stats_cpu_ns_, now->cpu_ns)) / 1e6;
      stats_percent_ = stats_at_ms_ == 0 ? 0 : 100 * cpu_ms / static_cast<double>(at - stats_at_ms_);
      stats_at_ms_ = at;
      stats_cpu_ns_ = now->cpu_ns;
    }
    out.cpu_percent = stats_percent_;
  }
  for (const auto number : leased_devices(lease_)) {
    if (const auto use = context_.devices->use(number)) out.gpus.push_back({number, *use});
  }
  return out;
}

}  // namespace hanse::provider
