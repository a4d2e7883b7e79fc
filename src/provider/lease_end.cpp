// The end of a lease's run: what runs in it is told in time, and its files are kept where its renter wants that.

#include <spdlog/spdlog.h>

#include "model/text.hpp"
#include "provider/control.hpp"
#include "provider/lease_network.hpp"
#include "provider/lease_run.hpp"
#include "provider/lease_signals.hpp"

namespace hanse::provider {

namespace {

constexpr std::uint32_t kEndGraceS = 10;
constexpr auto kLastOutputWait = std::chrono::seconds(5);
constexpr int kKilled = 137;  ///< What shells show for a program that SIGKILL ended.

/// A lease's own time is over, not its money.
bool ends_by_time(const model::Lease& lease) {
  return lease.ends_at >= after_s(lease.started_at, static_cast<std::int64_t>(lease.duration_s));
}

}  // namespace

/// Under the lock.
std::string LeaseRun::end_text() const {
  const std::string at = name() + " ends at " + model::format_time(entry_.told) + ": ";
  const std::string files = lease_.keep_s > 0 ? "Its files stay for " + model::format_duration(lease_.keep_s) + " more"
                                              : "Save what you need now";
  if (now_.preempt_at.ms != 0) return at + "others pay more for it. " + files;
  if (ends_by_time(now_))
    return at + "its time is over then; 'hanse extend " + name() + " +1h' gives it more. " + files;
  return at + "its money is used up then; 'hanse topup " + name() + " AMOUNT' gives it more. " + files;
}

/// Tells what runs here of the end that comes, once for each time that it is set to. A crash between the telling and
/// the note of it tells again: to hear twice costs a job less than never.
void LeaseRun::tell_end() {
  Time at;
  bool is_told = false;
  const char* why = "";
  {
    const std::lock_guard lock(mutex_);
    const auto notice_s = job_ ? job_->notice_s : model::usual_notice_s(now_.duration_s);
    const bool is_near = now_.ends_at.ms != 0 && notice_s > 0 &&
                         context_.clock.now() >= after_s(now_.ends_at, -static_cast<std::int64_t>(notice_s));
    if (now_.preempt_at.ms != 0 && (now_.ends_at.ms == 0 || now_.preempt_at <= now_.ends_at)) {
      at = now_.preempt_at;
      why = "preempted";
    } else if (is_near) {
      at = now_.ends_at;
      why = ends_by_time(now_) ? "time" : "money";
    }
    is_told = entry_.told == at;
    if (is_told || delivering_) return;
  }
  if (auto told = tell(at, why); !told && told.error().code != ErrorCode::unavailable) trouble(told.error().message);
}

/// Time 0: the end that was told of has moved away. unavailable: the engine is down or starts it again, so the next
/// step tries.
Result<> LeaseRun::tell(Time at, const char* why) {
  const auto process = hold_process(entry_.container);
  if (!process) return fail(ErrorCode::unavailable, process.error().message);
  if (auto written = write_end(paths_.control, at, why); !written) return written;
  if (at.ms != 0 && !lease_.job_hash.is_zero()) terminate_descendants((*process)->pid(), kSupervisorMark);
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    entry_.told = at;
    text = at.ms != 0 ? end_text() : name() + " goes on: it ends at " + model::format_time(now_.ends_at) + " now";
  }
  context_.tell_connections(lease_.id, text);
  note(text);
  say(text);
  return save();
}

void LeaseRun::step_kept() {
  note_exit();
  if (!entry_.kept) {
    if (auto done = put_by(); !done) return trouble("its files cannot be kept: " + done.error().message);
    trouble_since_ms_ = 0;
  }
  if (now_ms() < next_inspect_ms_) return;
  next_inspect_ms_ = now_ms() + 1000;
  watch_container();
}

/// Gives back all but the files: ends the job, and puts a small container in place of its own. Safe to repeat.
Result<> LeaseRun::put_by() {
  {
    const std::lock_guard lock(mutex_);
    is_moving_ = true;
  }
  const auto container = entry_.container.empty() ? engine_name() : entry_.container;
  auto done = end_job(container);
  if (done) done = context_.engine.remove(container);
  if (done) context_.holders.give_back(lease_.id);
  if (done && !entry_.subnet.empty()) {
    done = context_.engine.remove_network(engine_name());
    const std::lock_guard lock(context_.subnets_mutex);
    if (done) context_.subnets.give_back(entry_.subnet);
  }
  if (done) done = start_keeper();
  std::unique_lock lock(mutex_);
  is_moving_ = !done;
  lock.unlock();
  changed_.notify_all();
  if (done) say("kept until " + model::format_time(now_.kept_until));
  return done;
}

/// Stops it, and sees to it that its output has an end.
Result<> LeaseRun::end_job(const std::string& container) {
  if (auto written = write_over(paths_.control); !written) return written;
  if (auto stopped = context_.engine.stop(container, kEndGraceS);
      !stopped && stopped.error().code != ErrorCode::not_found) {
    return stopped;
  }
  if (lease_.job_hash.is_zero() || entry_.job.empty()) return {};
  if (!read_exit(paths_.control) && !log_->exit()) {
    log_->append(wire::FrameKind::exit, to_text(wire::JobExit{kKilled, false}));
  }
  std::unique_lock lock(mutex_);  // the pump takes what was printed last
  changed_.wait_for(lock, kLastOutputWait, [&] { return job_exit_.has_value() || stopped_ || ended_; });
  lock.unlock();
  note_exit();
  return {};
}

Result<> LeaseRun::start_keeper() {
  if (auto written = write_control(paths_.control, model::Job{}); !written) return written;
  const auto place = this->place(entry_, "none");
  const auto job = job_.value_or(model::Job{});
  auto id = context_.engine.create(keeper_spec(context_.config, lease_, job, place));
  if (!id) return fail(id);
  if (auto started = context_.engine.start(*id); !started) return started;
  {
    const std::lock_guard lock(mutex_);
    entry_.container = *id;
    entry_.subnet.clear();
    entry_.kept = true;
    entry_.told = {};
    process_.reset();
  }
  return save();
}

}  // namespace hanse::provider
