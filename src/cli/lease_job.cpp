#include "cli/lease_job.hpp"

#include <algorithm>
#include <array>

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
constexpr int kMostHandOvers = 8;
constexpr std::size_t kMaxAnswerBytes = 64 * 1024;

// What the machine says is foreign: a field of the wrong kind is as good as none.
std::string text_of(const nlohmann::json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}
std::uint64_t number_of(const nlohmann::json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

Error interrupted() {
  return {ErrorCode::wrong_state, "interrupted"};
}

}  // namespace

bool is_broken(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
}

LeaseJob::LeaseJob(Context& context, const client::JobFile& file, const LocalTree& workdir, const StopSource& stop,
                   std::uint32_t rank, std::uint32_t machines)
    : context_(context),
      file_(file),
      workdir_(workdir),
      stop_(stop),
      rank_(rank),
      machines_(machines),
      label_(machines > 1 ? "[" + std::to_string(rank) + "] " : "") {}

void LeaseJob::connect_ahead(const std::string& endpoint, const crypto::PublicKey& host_key) {
  ahead_ = std::async(std::launch::async, [=, this] { return SshSession::connect(endpoint, host_key, stop_); });
}

void LeaseJob::say(const std::string& line) const {
  context_.say(label_ + line);
}

void LeaseJob::disconnect() {
  forwarder_.reset();
  session_.reset();
}

/// From now on it is about this lease.
void LeaseJob::hold(model::LeaseId lease) {
  if (lease == lease_ && watch_) return;
  disconnect();  // a session waits by the watch
  lease_ = lease;
  watch_ = std::make_unique<LeaseWatch>(context_, lease, stop_);
}

Attempt LeaseJob::run(model::LeaseId lease, bool detach) {
  hold(lease);
  Attempt attempt;
  for (;;) {
    const auto started = start_job();
    if (stop_.stopped()) {
      attempt.end = Attempt::End::stopped;
      return attempt;
    }
    if (!started) {
      // A lease that is gone is told apart from a machine that refuses: the first may be tried again.
      const auto view = (*context_.api())->lease(lease_);
      if (view && !holds_devices(view->lease)) {
        attempt.end = Attempt::End::lost;
        return attempt;
      }
      const bool refused = session_ != nullptr && !is_broken(started.error());
      attempt.failure = Failure(started.error(), "", refused ? run_exit_of(Exit::job_not_started) : -1);
      return attempt;
    }
    if (detach) {
      attempt.end = Attempt::End::exited;
      return attempt;
    }
    if (rank_ == 0) start_forwards();
    attempt = follow();
    // A gang starts whole or not at all: where another machine of it did not start, all of it has moved on.
    const bool may_have_moved = attempt.end == Attempt::End::lost && is_one_of_many();
    if (!may_have_moved || !moved_lease()) return attempt;
    disconnect();
  }
}

Attempt LeaseJob::attach(model::LeaseId lease) {
  hold(lease);
  if (auto entered = reconnect(); !entered) return broken(entered.error());
  return follow();
}

/// A machine whose agent, engine or connection goes away before the job has begun is asked again: it knows what it has.
Result<> LeaseJob::start_job() {
  auto started = enter();
  if (started) started = hand_over(false);
  for (int attempt = 1; !started && is_broken(started.error()) && attempt < kMostHandOvers; ++attempt) {
    if (stop_.stopped() || watch_->stop().stopped()) break;
    disconnect();
    started = enter();
    if (started) started = hand_over(true);
  }
  return started;
}

/// The job and what it needs; what is there already of its files is not sent `again`.
Result<> LeaseJob::hand_over(bool again) {
  if (login != nullptr) {
    const auto sent = client::format_registry_login(*login);
    if (auto taken = ask_job("hanse-registry", as_bytes(sent), "taken"); !taken) return taken;
  }
  const Bytes job = wire::encode(file_.job);
  if (auto delivered = ask_job("hanse-job", job, "started"); !delivered) return delivered;
  if (file_.job.wait_for_workdir) {
    if (auto copied = copy_workdir(again); !copied) return copied;
    if (auto gone = ask_job("hanse-go", {}, "running"); !gone) return gone;
  }
  return {};
}

/// A few tries on one connection. denied: the machine does not know the lease (yet), or it is another machine.
Result<> LeaseJob::log_in(Result<std::unique_ptr<SshSession>> session) {
  if (!session) return fail(session);
  const auto home = context_.home();
  if (!home) return fail(home);
  Result<> entered;
  for (const int pause_ms : kLoginPausesMs) {
    if (pause_ms > 0 && stop_.wait(pause_ms)) return std::unexpected(interrupted());
    entered = (*session)->login(lease_, home->access_key());
    if (entered) {
      session_ = std::move(*session);
      session_->set_stop(watch_->stop());
    }
    if (entered || entered.error().code != ErrorCode::denied) break;
  }
  return entered;
}

/// The lease as it is now; when its provider, or another of its gang, missed the start, the ledger moved the request to
/// other machines: then the one of them that takes its place.
Result<LeaseView> LeaseJob::moved_lease() {
  const auto api = context_.api();
  if (!api) return fail(api);
  auto view = (*api)->lease(lease_);
  if (!view || holds_devices(view->lease)) return view;
  const auto request = (*api)->request(view->lease.request);
  if (request && request->request.lease && request->request.state == model::RequestState::matched) {
    const model::LeaseId now{request->request.lease.value + rank_};
    if (now != lease_) {
      say("A provider did not start its machine; " + model::format_id(lease_) + " moved on to " +
          model::format_id(now) + ".");
      hold(now);
      return (*api)->lease(lease_);
    }
  }
  return fail(ErrorCode::wrong_state, model::format_id(lease_) + " has " + end_text(view->lease) +
                                          (view->lease.note.empty() ? "" : " (" + view->lease.note + ")"));
}

/// The machine lets the renter in from the match on, and counts on it: the job must be there before it can start.
Result<> LeaseJob::enter() {
  if (ahead_.valid() && log_in(ahead_.get())) return {};
  Progress progress(context_.terminal, "waiting for the machine", Unit::items, quiet());
  int refusals = 0;
  for (int pause_ms = kFirstPauseMs; !stop_.stopped(); pause_ms = std::min(pause_ms * 2, kLongestPauseMs)) {
    const auto view = moved_lease();
    if (!view) return fail(view);
    const bool is_running = view->lease.state == model::LeaseState::running;
    Result<> entered;
    if (is_running) {
      entered = log_in(SshSession::connect(view->lease.endpoint, view->lease.host_key, watch_->stop()));
    } else {  // not confirmed yet: where the provider says it is
      const auto provider = (*context_.api())->provider(view->lease.provider);
      if (!provider) return fail(provider);
      entered = log_in(SshSession::connect(provider->provider.endpoint, provider->provider.host_key, watch_->stop()));
    }
    if (entered) return {};
    // A machine that said that it is ready may refuse by bad luck, but not again and again.
    if (is_running && ++refusals >= kStubbornAttempts) return entered;
    progress.update(0, 0);
    stop_.wait(pause_ms);
  }
  return std::unexpected(interrupted());
}

/// Speaks one of the gateway's subsystems that answer with JSON lines, until the answer is `wanted`.
Result<> LeaseJob::ask_job(const std::string& subsystem, ByteView input, std::string_view wanted) {
  auto channel = session_->subsystem(subsystem);
  if (!channel) return fail(channel);
  if (auto sent = (*channel)->write(input); !sent) return sent;
  if (auto sent = (*channel)->end_input(); !sent) return sent;
  Progress progress(context_.terminal, "starting the job", Unit::items, quiet());
  std::string text;
  std::array<std::uint8_t, 4096> buffer;
  while (!stop_.stopped()) {
    const auto n = (*channel)->read(buffer.data(), buffer.size(), 1000);
    if (!n && n.error().code == ErrorCode::timeout) {
      progress.update(0, 0);
      continue;
    }
    if (!n) return fail(n);
    if (*n == 0) {
      const std::string why = (*channel)->complaint();
      return fail(ErrorCode::unavailable,
                  "the machine ended " + subsystem + " without an answer" + (why.empty() ? "" : ": " + why));
    }
    text.append(reinterpret_cast<const char*>(buffer.data()), *n);
    if (text.size() > kMaxAnswerBytes) return fail(ErrorCode::malformed, "the machine's answer has no end");
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      const auto line = wire::parse_json(std::string_view(text).substr(0, end));
      text.erase(0, end + 1);
      if (!line || !line->is_object()) continue;
      const std::string state = text_of(*line, "state");
      if (state == wanted) return {};
      if (state == "failed") return fail(error_code_of(text_of(*line, "code")), text_of(*line, "text"));
      if (state == "pulling") {
        const auto total = number_of(*line, "total");
        progress.update(number_of(*line, "done"), total,
                        total > 0 ? "pulling " + file_.job.image : printable(text_of(*line, "text")));
      }
    }
  }
  return std::unexpected(interrupted());
}

void LeaseJob::start_forwards() {
  if (file_.ports.empty()) return;
  std::vector<PortPair> ports;
  for (const auto port : file_.ports) ports.push_back({port, port});
  auto session = open_lease(context_, lease_, watch_->stop());
  auto forwarder = session ? Forwarder::start(std::move(*session), ports, watch_->stop()) : fail(session);
  if (!forwarder) {  // the job is worth more than the view into it
    say("warning: ports are not forwarded: " + printable(forwarder.error().message));
    return;
  }
  forwarder_ = std::move(*forwarder);
  for (const auto& pair : forwarder_->ports()) {
    say("http://localhost:" + std::to_string(pair.local) + " leads to port " + std::to_string(pair.remote) + " of " +
        model::format_id(lease_));
  }
}

Attempt LeaseJob::follow() {
  // With --json stdout is for the one object at the end.
  bool is_in_line = false;  // what we say next must not be glued to it
  const OutputSink print = [&](std::string_view text, bool is_stderr) {
    if (!text.empty()) is_in_line = text.back() != '\n';
    write_through(text, is_stderr || context_.json());
  };
  LineLabels lines(label_, print);
  OutputFollower output(
      is_one_of_many() ? [&](std::string_view text, bool is_stderr) { lines.pass(text, is_stderr); } : print,
      [this](const std::string& line) { say(line); });
  while (true) {
    if (on_last_call) session_->set_stop(watch_->near_end());
    const auto end = output.follow(*session_);
    session_->set_stop(watch_->stop());
    if (end.why == FollowEnd::Why::stopped && !watch_->stop().stopped()) {
      std::exchange(on_last_call, nullptr)();
      if (session_ != nullptr) continue;
    }
    missed_bytes_ = output.missed_bytes();
    switch (end.why) {
      case FollowEnd::Why::exited:
        if (is_in_line && context_.terminal.out_tty) write_through("\n", true);
        if (end.exit.in_setup)
          say("setup ended with exit code " + std::to_string(end.exit.code) + "; run did not begin.");
        return {Attempt::End::exited, end.exit.code, std::nullopt};
      case FollowEnd::Why::refused:
        return broken(end.error);
      default:
        break;
    }
    if (stop_.stopped()) return {Attempt::End::stopped, 0, std::nullopt};
    if (auto again = reconnect(); !again) return broken(again.error());
  }
}

/// What is left of a run whose output cannot be followed any further.
Attempt LeaseJob::broken(const Error& error) {
  if (stop_.stopped()) return {Attempt::End::stopped, 0, std::nullopt};
  if (error.code == ErrorCode::wrong_state) return {Attempt::End::lost, 0, std::nullopt};
  return {Attempt::End::failed, 0, Failure(error)};
}

/// Until it works, the lease has ended (wrong_state), or nothing answered for as long as the ledger waits for a lost
/// provider.
Result<> LeaseJob::reconnect() {
  constexpr std::int64_t kGiveUpMs = 20 * 60 * 1000;
  const std::int64_t until = system_clock().monotonic_ms() + kGiveUpMs;
  bool told = false;
  for (int pause_ms = 200; !stop_.stopped(); pause_ms = std::min(pause_ms * 2, 5000)) {
    if (stop_.wait(pause_ms)) break;
    auto session = open_lease(context_, lease_, stop_);
    if (session) {
      (*session)->set_stop(watch_->stop());
      session_ = std::move(*session);
      if (told) say("Connected again.");
      return {};
    }
    const auto code = session.error().code;
    const bool may_pass = code == ErrorCode::unavailable || code == ErrorCode::timeout || code == ErrorCode::denied;
    if (!may_pass || system_clock().monotonic_ms() > until) return fail(session);
    if (!std::exchange(told, true)) {
      say("The connection to the machine broke off; the job goes on. Connecting again ...");
    }
  }
  return std::unexpected(interrupted());
}

}  // namespace hanse::cli
