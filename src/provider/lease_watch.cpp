// What a lease's container does by itself: it ends, stops, or fills the disk.

#include <spdlog/spdlog.h>

#include <fmt/format.h>
#include <algorithm>

#include "model/text.hpp"
#include "provider/cgroup.hpp"
#include "provider/control.hpp"
#include "provider/lease_run.hpp"

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

/// A lease whose device is not well is over, as this machine's failure; true: so it is. One whose job has ended needs
/// its devices no more.
bool LeaseRun::watch_devices() {
  if (exited_at_ms_ != 0) return false;
  for (const auto number : leased_devices(lease_)) {
    if (!device_fault_.empty()) break;
    const auto fault = context_.devices->end_of_lease(number);
    if (!fault.empty()) device_fault_ = fmt::format("device {} of this machine is not well: {}", number, fault);
  }
  if (device_fault_.empty()) return false;
  if (!std::exchange(told_fault_, true)) note(device_fault_);
  end(EndReason::provider_failed, device_fault_);
  return true;
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
  if (!state->running) return bring_back(*state);
  if (pid_ != state->pid) static_cast<void>(hold_process(entry_.container));  // for when the engine is away
  pid_ = state->pid;
  oom_kills_ = out_of_memory_kills(pid_).value_or(oom_kills_);
  trouble_since_ms_ = 0;
}

/// Does what it was made with still open its own devices?
Result<bool> LeaseRun::has_same_devices(const ContainerState& state) const {
  const auto label = std::find_if(state.labels.begin(), state.labels.end(),
                                  [](const auto& entry) { return entry.starts_with(kDevicesLabel); });
  if (label == state.labels.end()) return true;
  const auto devices = own_devices();
  if (!devices) return fail(devices);
  const auto access = device_access(context_.device_host, *devices);
  if (!access) return fail(access);
  return *label == kDevicesLabel + access_text(*devices, *access);
}

/// The container stopped though nobody asked it to: the engine or the machine restarted, or the job ended its own
/// first process. It starts again, a few times, unless the job was done. An engine refuses to start one that it is
/// still stopping, and says of that one too that it is not running: the next look tries again.
void LeaseRun::bring_back(const ContainerState& state) {
  // The files of a job that ended can still be fetched by a client that is connected; else it just ends.
  if (!entry_.kept && (exited_at_ms_ != 0 || read_exit(paths_.control))) return;
  if (restarts_ == kMaxRestarts) {
    end(EndReason::completed, "the job stopped its own container again and again");
    return;
  }
  if (const auto same = has_same_devices(state); !same)
    return trouble(same.error().message);
  else if (!*same) {
    return end(EndReason::provider_failed,
               "this machine has started anew and numbers its devices otherwise: the container cannot go on");
  }
  JournalEntry entry;
  model::Job job;
  {
    const std::lock_guard lock(mutex_);
    entry = entry_;
    if (job_ && !entry.kept) job = *job_;
    entry_.told = {};  // what starts now is told again
  }
  auto started = write_control(paths_.control, job);
  if (started && entry.go) started = write_go(paths_.control);
  if (started) started = context_.engine.start(entry_.container);
  if (!started) return trouble("the container stopped and cannot start again: " + started.error().message);
  ++restarts_;
  if (!entry.kept && job_) note("the container had stopped; the job begins again, with its files as they are");
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
  const auto limit = lease_.disk_bytes == 0 ? model::kDefaultDiskBytes : lease_.disk_bytes;
  if (!paths_.is_limited && Workspaces::used_bytes(paths_.workspace) > limit) {
    note = "stopped: the job filled more than the " + model::format_size(limit) + " of its /workspace";
  }
  if (!note.empty()) end(EndReason::completed, note);
}

}  // namespace hanse::provider
