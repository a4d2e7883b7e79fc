// What a lease's container does by itself: it ends, stops, or fills the disk.

#include <spdlog/spdlog.h>

#include <fmt/format.h>

#include "model/text.hpp"
#include "provider/cgroup.hpp"
#include "provider/control.hpp"
#include "provider/lease_run.hpp"
#include "provider/lease_signals.hpp"
#include "wire/codec.hpp"

namespace hanse::provider {

using model::EndReason;

namespace {

constexpr int kMaxRestarts = 3;

}  // namespace

void LeaseRun::note_exit() {
  {
    const std::lock_guard lock(mutex_);
    if (exited_at_ms_ != 0) return;
    // A restarted agent knows it from before.
    if (entry_.exit_code < 0 && !job_exit_) return;
    const int code = job_exit_ ? job_exit_->code : entry_.exit_code;
    entry_.exit_code = code;
    exited_at_ms_ = now_ms();
    exit_note_ =
        fmt::format("{} exited with code {}", job_exit_ && job_exit_->in_setup ? "the job's setup" : "job", code);
    if (code == 137 && out_of_memory_kills(pid_).value_or(oom_kills_) > 0) {
      const auto& machine = context_.config.machine;
      const auto share_mb = machine.memory_bytes / 1'000'000 * lease_.gpu_count / std::max(1U, machine.gpu_count);
      exit_note_ += fmt::format(": killed for using more than its {} MB of memory", share_mb);
    }
    say(exit_note_);
  }
  static_cast<void>(save());
  changed_.notify_all();
}

/// Into the job's output, for whoever reads it.
void LeaseRun::note(const std::string& text) {
  std::shared_ptr<OutputLog> log;
  {
    const std::lock_guard lock(mutex_);
    log = log_;
  }
  if (log) log->append(wire::FrameKind::note, text);
}

std::string LeaseRun::preempt_text(Time at) const {
  return "others pay more for " + name() + ": it ends at " + model::format_time(at) + ". Save what you need now";
}

/// Tells what runs here of its pre-emption, once in its life. A crash between the telling and the note of it tells
/// again: to hear twice costs a job less than never.
void LeaseRun::warn() {
  Time at;
  {
    const std::lock_guard lock(mutex_);
    if (preempt_at_.ms == 0 || entry_.warned || delivering_) return;
    at = preempt_at_;
  }
  const auto state = context_.engine.inspect(entry_.container);
  if (!state || !state->running || state->pid <= 1)
    return;  // the engine is down or starts it again: the next step tries
  if (auto written = write_preempt_at(paths_.control, at); !written) return trouble(written.error().message);
  if (!lease_.job_hash.is_zero()) terminate_descendants(static_cast<pid_t>(state->pid), kSupervisorMark);
  context_.tell_connections(lease_.id, preempt_text(at));
  note(preempt_text(at));
  say("is pre-empted at " + model::format_time(at) + "; its job was told");
  const std::lock_guard lock(mutex_);
  entry_.warned = true;
  static_cast<void>(context_.journal.save(entry_));
}

void LeaseRun::watch_container() {
  const auto state = context_.engine.inspect(entry_.container);
  if (!state && state.error().code == ErrorCode::not_found) {
    end(EndReason::provider_failed, "the lease's container is gone from the provider's machine");
    return;
  }
  if (!state) {  // the engine is down: its containers run on without it
    if (!std::exchange(engine_is_down_, true)) spdlog::warn("{}: {}", name(), state.error().message);
    trouble_since_ms_ = 0;
    return;
  }
  engine_is_down_ = false;
  if (!state->running) return bring_back();
  pid_ = state->pid;
  oom_kills_ = out_of_memory_kills(pid_).value_or(oom_kills_);
  trouble_since_ms_ = 0;
}

/// The container stopped though nobody asked it to: the engine or the machine restarted, or the job ended its own
/// first process. It starts again, a few times, unless the job was done. An engine refuses to start one that it is
/// still stopping, and says of that one too that it is not running: the next look tries again.
void LeaseRun::bring_back() {
  // The files of a job that ended can still be fetched by a client that is connected; else it just ends.
  if (exited_at_ms_ != 0 || read_exit(paths_.control)) return;
  if (restarts_ == kMaxRestarts) {
    end(EndReason::completed, "the job stopped its own container again and again");
    return;
  }
  JournalEntry entry;
  Time preempt_at;
  {
    const std::lock_guard lock(mutex_);
    entry = entry_;
    preempt_at = preempt_at_;
  }
  auto job = wire::decode<model::Job>(entry.job);
  auto started = write_control(paths_.control, job ? *job : model::Job{});
  if (started && preempt_at.ms != 0) started = write_preempt_at(paths_.control, preempt_at);
  if (started && entry.go) started = write_go(paths_.control);
  if (started) started = context_.engine.start(entry_.container);
  if (!started) return trouble("the container stopped and cannot start again: " + started.error().message);
  ++restarts_;
  note("the container had stopped; the job begins again, with its files as they are");
  say("the container had stopped; it was started again");
}

/// The workspace limits itself where it is a file system of its own; the container's own layer never does.
void LeaseRun::watch_disk() {
  const auto layer = context_.engine.writable_bytes(entry_.container);
  std::string note;
  if (layer && *layer > context_.config.layer_bytes) {
    note = fmt::format("stopped: the job wrote {} outside /workspace, where {} are allowed", model::format_size(*layer),
                       model::format_size(context_.config.layer_bytes));
  }
  const auto limit = lease_.disk_bytes == 0 ? kDefaultWorkspaceBytes : lease_.disk_bytes;
  if (!paths_.is_limited && Workspaces::used_bytes(paths_.workspace) > limit) {
    note = "stopped: the job filled more than the " + model::format_size(limit) + " of its /workspace";
  }
  if (!note.empty()) end(EndReason::completed, note);
}

}  // namespace hanse::provider
