// The inner half of `hanse run`: on the machine, from the first login to the end of the output.

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "cli/copy.hpp"
#include "cli/job_run.hpp"
#include "cli/lease_link.hpp"
#include "cli/progress.hpp"
#include "cli/show.hpp"
#include "model/text.hpp"
#include "wire/codec.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

/// The agent hears of the lease when we do: the first tries come quickly, and few enough for one connection (the
/// gateway closes it after six refusals).
constexpr std::array<int, 5> kLoginPausesMs{0, 10, 20, 50, 100};
constexpr int kFirstPauseMs = 50, kLongestPauseMs = 1000;
constexpr int kStubbornAttempts = 3;
constexpr int kGatewayTrouble = 255;
constexpr std::size_t kMaxLine = 64 * 1024;

// What the machine says is foreign: a field of the wrong kind is as good as none.
std::string text_of(const nlohmann::json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}
std::uint64_t number_of(const nlohmann::json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

bool is_broken(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
}

Error interrupted() {
  return {ErrorCode::wrong_state, "interrupted"};
}

}  // namespace

JobRun::Attempt JobRun::serve(model::LeaseId& lease) {
  Attempt attempt;
  const auto started = start_job(lease);
  if (interrupt_->count() > 0) {
    attempt.end = Attempt::End::interrupted;
    return attempt;
  }
  if (!started) {
    // A lease that is gone is told apart from a machine that refuses: the first may be tried again.
    const auto view = (*context_.api())->lease(lease);
    if (view && view->lease.state == model::LeaseState::ended) {
      attempt.end = Attempt::End::lost;
      return attempt;
    }
    const bool refused = session_ != nullptr && !is_broken(started.error());
    attempt.failure = Failure(started.error(), "", refused ? run_exit_of(Exit::job_not_started) : -1);
    return attempt;
  }
  if (options_.detach) {
    attempt.end = Attempt::End::exited;
    return attempt;
  }
  start_forwards(lease);
  return follow(lease);
}

Result<> JobRun::start_job(model::LeaseId& lease) {
  if (auto entered = enter(lease); !entered) return entered;
  const Bytes job = wire::encode(options_.file.job);
  if (auto delivered = ask_job("hanse-job", job, "started"); !delivered) return delivered;
  if (options_.file.job.wait_for_workdir) {
    auto copied = copy_workdir(false);
    // A connection that breaks midway costs what was under way and no more.
    for (int attempt = 1; !copied && is_broken(copied.error()) && attempt < kStubbornAttempts; ++attempt) {
      if (auto again = reconnect(lease); !again) return again;
      copied = copy_workdir(true);
    }
    if (!copied) return copied;
    if (auto gone = ask_job("hanse-go", {}, "running"); !gone) return gone;
  }
  return {};
}

/// A few tries on one connection. denied: the machine does not know the lease (yet), or it is another machine.
Result<> JobRun::log_in(Result<std::unique_ptr<SshSession>> session, model::LeaseId lease) {
  if (!session) return fail(session);
  const auto home = context_.home();
  if (!home) return fail(home);
  Result<> entered;
  for (const int pause_ms : kLoginPausesMs) {
    if (pause_ms > 0 && interrupt_->wait(pause_ms)) return std::unexpected(interrupted());
    entered = (*session)->login(lease, home->access_key());
    if (entered) session_ = std::move(*session);
    if (entered || entered.error().code != ErrorCode::denied) break;
  }
  return entered;
}

/// The lease as it is now; when its provider missed the start, the ledger moved the request to another: then that
/// lease, with `lease` changed.
Result<LeaseView> JobRun::moved_lease(model::LeaseId& lease) {
  const auto api = context_.api();
  auto view = (*api)->lease(lease);
  if (!view || view->lease.state != model::LeaseState::ended) return view;
  const auto request = (*api)->request(view->lease.request);
  if (request && request->request.lease && request->request.lease != lease &&
      request->request.state == model::RequestState::matched) {
    context_.say("The provider did not start " + model::format_id(lease) + "; the request moved on to " +
                 model::format_id(request->request.lease) + ".");
    lease = request->request.lease;
    return (*api)->lease(lease);
  }
  return fail(ErrorCode::wrong_state, model::format_id(lease) + " has " + state_text(view->lease) +
                                          (view->lease.note.empty() ? "" : " (" + view->lease.note + ")"));
}

/// The machine lets the renter in from the match on, and counts on it: the job must be there before it can start.
Result<> JobRun::enter(model::LeaseId& lease) {
  if (ahead_.valid() && log_in(ahead_.get(), lease)) return {};
  Progress progress(context_.terminal, "waiting for the machine", Unit::items, context_.json());
  int refusals = 0;
  for (int pause_ms = kFirstPauseMs; interrupt_->count() == 0; pause_ms = std::min(pause_ms * 2, kLongestPauseMs)) {
    const auto view = moved_lease(lease);
    if (!view) return fail(view);
    const bool is_running = view->lease.state == model::LeaseState::running;
    Result<> entered;
    if (is_running) {
      entered = log_in(SshSession::connect(view->lease.endpoint, view->lease.host_key), lease);
    } else {  // not confirmed yet: where the provider says it is
      const auto provider = (*context_.api())->provider(view->lease.provider);
      if (!provider) return fail(provider);
      entered = log_in(SshSession::connect(provider->provider.endpoint, provider->provider.host_key), lease);
    }
    if (entered) return {};
    // A machine that said that it is ready may refuse by bad luck, but not again and again.
    if (is_running && ++refusals >= kStubbornAttempts) return entered;
    progress.update(0, 0);
    interrupt_->wait(pause_ms);
  }
  return std::unexpected(interrupted());
}

/// Speaks one of the gateway's subsystems that answer with JSON lines, until the answer is `wanted`.
Result<> JobRun::ask_job(const std::string& subsystem, ByteView input, std::string_view wanted) {
  auto channel = session_->subsystem(subsystem);
  if (!channel) return fail(channel);
  if (auto sent = (*channel)->write(input); !sent) return sent;
  if (auto sent = (*channel)->end_input(); !sent) return sent;
  Progress progress(context_.terminal, "starting the job", Unit::items, context_.json());
  std::string text;
  std::array<std::uint8_t, 4096> buffer;
  while (interrupt_->count() == 0) {
    const auto n = (*channel)->read_now(buffer.data(), buffer.size());
    if (!n) return fail(n);
    if (*n == 0 && (*channel)->at_end())
      return fail(ErrorCode::unavailable, "the machine ended " + subsystem + " without an answer");
    if (*n == 0) {
      session_->wait(interrupt_->fd(), 1000);
      progress.update(0, 0);
      continue;
    }
    text.append(reinterpret_cast<const char*>(buffer.data()), *n);
    if (text.size() > kMaxLine) return fail(ErrorCode::malformed, "the machine's answer has no end");
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      const auto line = wire::parse_json(std::string_view(text).substr(0, end));
      text.erase(0, end + 1);
      if (!line || !line->is_object()) continue;
      const std::string state = text_of(*line, "state");
      if (state == wanted) return {};
      if (state == "failed") return fail(error_code_of(text_of(*line, "code")), text_of(*line, "text"));
      if (state == "pulling") {
        progress.update(number_of(*line, "done"), number_of(*line, "total"), "pulling " + options_.file.job.image);
      }
    }
  }
  return std::unexpected(interrupted());
}

Result<> JobRun::copy_workdir(bool resume) {
  auto sftp = Sftp::open(*session_);
  if (!sftp) return fail(sftp);
  Progress progress(context_.terminal, "copying the workdir in", Unit::bytes, context_.json());
  CopyOptions options;
  options.resume = resume;
  options.progress = [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); };
  options.stopped = [&] { return interrupt_->count() > 0; };
  const auto report = upload(**sftp, workdir_, "/workspace", options);
  if (!report) return fail(report.error().code, "copying the workdir in failed: " + report.error().message);
  return {};
}

void JobRun::start_forwards(model::LeaseId lease) {
  if (options_.file.ports.empty()) return;
  std::vector<PortPair> ports;
  for (const auto port : options_.file.ports) ports.push_back({port, port});
  auto session = open_lease(context_, lease);
  auto forwarder = session ? Forwarder::start(std::move(*session), ports) : fail(session);
  if (!forwarder) {  // the job is worth more than the view into it
    context_.say("warning: ports are not forwarded: " + printable(forwarder.error().message));
    return;
  }
  forwarder_ = std::move(*forwarder);
  for (const auto& pair : forwarder_->ports()) {
    context_.say("http://localhost:" + std::to_string(pair.local) + " leads to port " + std::to_string(pair.remote) +
                 " of " + model::format_id(lease));
  }
}

JobRun::Attempt JobRun::follow(model::LeaseId lease) {
  Attempt attempt;
  // With --json stdout is for the one object at the end.
  output_.emplace([this](std::string_view text, bool is_stderr) { write_through(text, is_stderr || context_.json()); });
  for (int trouble = 0;;) {
    auto channel = session_->subsystem("hanse-logs");
    FollowEnd end;
    if (channel) end = output_->follow(*session_, **channel, *interrupt_);
    if (end.why == FollowEnd::Why::interrupted || interrupt_->count() > 0) {
      attempt.end = Attempt::End::interrupted;
      return attempt;
    }
    // 255 is the gateway's word for an engine that went away, and a job's may be it too: only a stubborn one counts.
    if (end.why == FollowEnd::Why::exited && (end.exit_code != kGatewayTrouble || ++trouble >= kStubbornAttempts)) {
      attempt.end = Attempt::End::exited;
      attempt.exit_code = end.exit_code;
      return attempt;
    }
    channel = fail(ErrorCode::unavailable, "");  // before its session goes
    if (auto again = reconnect(lease); !again) {
      attempt.end = interrupt_->count() > 0 ? Attempt::End::interrupted : Attempt::End::lost;
      if (again.error().code != ErrorCode::wrong_state) {
        attempt.end = Attempt::End::failed;
        attempt.failure = Failure(again.error());
      }
      return attempt;
    }
  }
}

/// Until it works, the lease has ended (wrong_state), or nothing answered for as long as the ledger waits for a lost
/// provider.
Result<> JobRun::reconnect(model::LeaseId lease) {
  constexpr std::int64_t kGiveUpMs = 20 * 60 * 1000;
  const std::int64_t until = system_clock().monotonic_ms() + kGiveUpMs;
  bool told = false;
  for (int pause_ms = 200; interrupt_->count() == 0; pause_ms = std::min(pause_ms * 2, 5000)) {
    if (interrupt_->wait(pause_ms)) break;
    auto session = open_lease(context_, lease);
    if (session) {
      session_ = std::move(*session);
      if (told) context_.say("Connected again.");
      return {};
    }
    const auto code = session.error().code;
    const bool may_pass = code == ErrorCode::unavailable || code == ErrorCode::timeout || code == ErrorCode::denied;
    if (!may_pass || system_clock().monotonic_ms() > until) return fail(session);
    if (!std::exchange(told, true)) {
      context_.say("The connection to the machine broke off; the job goes on. Connecting again ...");
    }
  }
  return std::unexpected(interrupted());
}

}  // namespace hanse::cli
