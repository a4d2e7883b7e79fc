#include "provider/lease_run.hpp"

#include <spdlog/spdlog.h>

#include "base/caught.hpp"
#include "model/plain_text.hpp"
#include "model/text.hpp"
#include "provider/control.hpp"
#include "provider/lease_network.hpp"
#include "wire/codec.hpp"

namespace hanse::provider {

using model::EndReason;

namespace {

constexpr std::int64_t kHoldUnpaidMs = 30'000;  ///< Then the held machine is paid for, job or no job.
constexpr std::int64_t kMendJobMs = 60'000;     ///< For a consumer whose job did not start.
constexpr std::int64_t kOurTroubleMs = 60'000;  ///< Then a lease that we cannot serve ends as our failure.
constexpr std::int64_t kKeepAfterMs = 5'000;    ///< A client that is there has fetched small results by then.
constexpr std::int64_t kInspectMs = 1'000, kDiskMs = 3'000;
constexpr std::uint32_t kStopGraceS = 10;
constexpr auto kStep = std::chrono::milliseconds(100);
constexpr std::size_t kMaxNote = 250;

}  // namespace

LeaseRun::LeaseRun(LeaseContext& context, model::Lease lease, JournalEntry entry)
    : context_(context), lease_(std::move(lease)), entry_(std::move(entry)), now_(lease_), seen_at_ms_(now_ms()) {
  if (!entry_.container.empty() && !entry_.kept) context_.holders.take(lease_.id, leased_devices(lease_));
  thread_ = std::jthread([this](const std::stop_token& stop) { live(stop); });
}

LeaseRun::~LeaseRun() {
  stop();
}

void LeaseRun::stop() {
  {
    const std::lock_guard lock(mutex_);  // held, so that no waiter misses it
    stopped_ = true;
    thread_.request_stop();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  pump_.reset();
}

std::string LeaseRun::name() const {
  return model::format_id(lease_.id);
}
void LeaseRun::say(const std::string& text) const {
  spdlog::info("{}: {}", name(), text);
}

bool LeaseRun::done() const {
  const std::lock_guard lock(mutex_);
  return done_;
}

void LeaseRun::ended() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
}

void LeaseRun::update(const model::Lease& lease) {
  if (lease.state == model::LeaseState::ended) return ended();
  {
    const std::lock_guard lock(mutex_);
    // Answers may come in another order than they were made in: a kept lease runs no more.
    if (now_.state == model::LeaseState::kept && lease.state != model::LeaseState::kept) return;
    now_ = lease;
  }
  changed_.notify_all();
}

/// The lease's whole life. An agent that stops leaves everything standing for the next one.
void LeaseRun::live(const std::stop_token& stop) {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (stop.stop_requested()) return;
      if (ended_) break;
    }
    if (const auto stepped = caught([this] { step(); }); !stepped) trouble(stepped.error().message);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kStep, [&] { return ended_ || stop.stop_requested(); });
  }
  context_.drop_connections(lease_.id);
  {
    const std::lock_guard lock(mutex_);
    login_.reset();
  }
  {
    std::unique_lock lock(mutex_);  // a container that is just being made would outlive the wiping
    changed_.wait(lock, [&] { return !delivering_ || stop.stop_requested(); });
  }
  const auto is_wiped = [this] {
    bool done = false;
    if (const auto tried = caught([&] { done = wipe(); }); !tried) say("cleaning up: " + tried.error().message);
    return done;
  };
  while (!stop.stop_requested() && !is_wiped()) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(2), [&] { return stop.stop_requested(); });
  }
  const std::lock_guard lock(mutex_);
  done_ = true;
}

void LeaseRun::step() {
  if (!prepared_) {
    const auto prepared = prepare();
    if (!prepared) return trouble(prepared.error().message);
    trouble_since_ms_ = 0;
  }
  bool has_container = false, is_kept = false;
  {
    const std::lock_guard lock(mutex_);
    has_container = !entry_.container.empty();
    is_kept = now_.state == model::LeaseState::kept && !delivering_;
  }
  if (is_kept) return step_kept();
  if (watch_devices()) return;
  has_container ? step_with_container() : step_without_container();
}

/// What is ours to mend and may mend itself: told once, and the lease's end if it lasts.
void LeaseRun::trouble(const std::string& what) {
  if (trouble_since_ms_ == 0) {
    spdlog::warn("{}: {}", name(), what);
    trouble_since_ms_ = now_ms();
  }
  if (now_ms() - trouble_since_ms_ > kOurTroubleMs) end(EndReason::provider_failed, what);
}

/// Network and folders: what must be there before a container, and again after a reboot.
Result<> LeaseRun::prepare() {
  const auto bytes = lease_.disk_bytes == 0 ? model::kDefaultDiskBytes : lease_.disk_bytes;
  if (auto saved = save(); !saved) return saved;  // before there is anything that a crash could leave behind
  auto paths = context_.workspaces.open(name(), bytes);
  if (!paths) return fail(paths);
  if (context_.networked && entry_.container.empty()) {
    if (auto opened = open_network(); !opened) return opened;
  }
  if (lease_.gang) {
    const auto request = context_.ledger.request(lease_.request);
    if (!request) return fail(request);
    machines_ = request->demand.machines;
  }
  auto log = OutputLog::open(paths->output, context_.config.output_bytes);
  if (!log) return fail(log);
  auto pump = OutputPump::start(paths->control, *log, [this](const wire::JobExit& exit) {
    const std::lock_guard lock(mutex_);
    job_exit_ = exit;
    changed_.notify_all();
  });
  if (!pump) return fail(pump);
  pump_ = std::move(*pump);
  auto job = wire::decode<model::Job>(entry_.job);
  const std::lock_guard lock(mutex_);
  if (!entry_.job.empty() && job) job_ = std::move(*job);
  paths_ = *paths;
  log_ = std::move(*log);
  prepared_ = true;
  changed_.notify_all();
  return {};
}

Result<> LeaseRun::open_network() {
  if (auto cleared = context_.engine.remove_network(engine_name()); !cleared) return cleared;
  {
    const std::lock_guard lock(context_.subnets_mutex);
    context_.subnets.give_back(entry_.subnet);
    auto subnet = make_network(context_.engine, context_.subnets, engine_name(), context_.label);
    const std::lock_guard own(mutex_);
    entry_.subnet = subnet.value_or("");
    if (!subnet) return fail(subnet);
  }
  return save();
}

void LeaseRun::step_without_container() {
  const auto now = now_ms();
  if (lease_.job_hash.is_zero()) {
    model::Job empty;
    empty.name = name();
    if (const auto started = start_container(empty); !started) return trouble(started.error().message);
    static_cast<void>(confirm());
    return;
  }
  std::int64_t failed_at = 0;
  bool confirmed = false, delivered = false, delivering = false, waits = false;
  {
    const std::lock_guard lock(mutex_);
    waits = waits_for_engine_;
    failed_at = failed_at_ms_;
    confirmed = entry_.confirmed;
    delivered = !entry_.job.empty();
    delivering = delivering_;
  }
  const bool is_late = now - seen_at_ms_ > kHoldUnpaidMs && !waits;  // what this machine lacks is not paid for
  const auto start_ms = static_cast<std::int64_t>(context_.ledger.params().start_deadline_s) * 1000;
  const bool never_came = !delivered && !delivering && now - seen_at_ms_ > start_ms;
  if (never_came && confirmed) return end(EndReason::completed, "its job never came: whoever rented it is gone");
  const bool gives_up = failed_at != 0 && !delivering && now - failed_at > kMendJobMs;
  if (!confirmed && (is_late || gives_up)) static_cast<void>(confirm());
  if (gives_up && confirmed) end(EndReason::completed, "the job could not be started: " + exit_note_);
}

void LeaseRun::step_with_container() {
  bool to_confirm = false;
  {
    const std::lock_guard lock(mutex_);
    to_confirm = !entry_.confirmed && !delivering_;
  }
  if (to_confirm) static_cast<void>(confirm());
  tell_end();
  note_exit();
  if (now_ms() >= next_inspect_ms_) {
    next_inspect_ms_ = now_ms() + kInspectMs;
    watch_files();
    watch_container();
  }
  if (now_ms() >= next_disk_ms_) {
    next_disk_ms_ = now_ms() + kDiskMs;
    watch_disk();
  }
  const auto grace_ms =
      lease_.keep_s > 0 ? kKeepAfterMs : static_cast<std::int64_t>(context_.config.fetch_grace_s) * 1000;
  if (exited_at_ms_ != 0 && now_ms() - exited_at_ms_ >= grace_ms) end(EndReason::completed, exit_note_);
}

/// A renter who is gone before the files are here would pay for a job that never begins.
void LeaseRun::watch_files() {
  bool waits = false;
  {
    const std::lock_guard lock(mutex_);
    waits = !entry_.go && !lease_.job_hash.is_zero();
  }
  if (!waits || context_.has_connections(lease_.id)) {
    alone_since_ms_ = 0;
    return;
  }
  if (alone_since_ms_ == 0) alone_since_ms_ = now_ms();
  const auto patience_ms = static_cast<std::int64_t>(context_.ledger.params().start_deadline_s) * 1000;
  if (now_ms() - alone_since_ms_ > patience_ms) {
    end(EndReason::completed, "the files of its job never came: whoever rented it is gone");
  }
}

Result<> LeaseRun::confirm() {
  const auto sent = context_.ledger.send({model::ConfirmLease{lease_.id, context_.endpoint, context_.host_key}});
  if (!sent) {
    // Not ours to confirm any more: it ended, or it was confirmed before a crash that kept us from noting it.
    const auto now = context_.ledger.lease(lease_.id);
    if (now && now->state == model::LeaseState::ended) ended();
    const bool ours = now && now->state == model::LeaseState::running && now->host_key == context_.host_key;
    if (!ours) return fail(sent);
  } else {
    say("running; paid from now on");
    if (const auto now = context_.ledger.lease(lease_.id)) update(*now);
  }
  const std::lock_guard lock(mutex_);
  entry_.confirmed = true;
  return context_.journal.save(entry_);
}

void LeaseRun::end(EndReason reason, const std::string& note) {
  const auto sent = context_.ledger.send({model::EndLease{lease_.id, reason, model::make_plain(note, kMaxNote)}});
  if (!sent && sent.error().code != ErrorCode::wrong_state && sent.error().code != ErrorCode::not_found) {
    spdlog::warn("{}: it should end ({}), but: {}", name(), note, sent.error().message);
    return;  // the next step tries again
  }
  const auto now = lease_.keep_s > 0 ? context_.ledger.lease(lease_.id) : fail(ErrorCode::not_found, "");
  if (now && now->state == model::LeaseState::kept) return update(*now);
  say("ended: " + note);
  ended();
}

/// Stops the container and deletes every trace of the lease; safe to repeat. False: try again.
bool LeaseRun::wipe() {
  pump_.reset();
  const auto container = entry_.container.empty() ? engine_name() : entry_.container;
  static_cast<void>(context_.engine.stop(container, kStopGraceS));
  auto result = context_.engine.remove(container);
  if (result) context_.holders.give_back(lease_.id);
  if (result && !entry_.subnet.empty()) result = context_.engine.remove_network(engine_name());
  if (result) result = forget_image();
  if (result) result = context_.workspaces.wipe(name());
  if (result) result = context_.journal.erase(lease_.id);
  if (!result) {
    spdlog::warn("{}: cleaning up: {}", name(), result.error().message);
    return false;
  }
  const std::lock_guard lock(context_.subnets_mutex);
  context_.subnets.give_back(entry_.subnet);
  return true;
}

Result<> LeaseRun::save() {
  const std::lock_guard lock(mutex_);
  return context_.journal.save(entry_);
}

}  // namespace hanse::provider
