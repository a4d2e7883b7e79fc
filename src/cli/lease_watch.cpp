#include "cli/lease_watch.hpp"

namespace hanse::cli {
namespace {

constexpr int kLookMs = 2000;
constexpr std::uint32_t kQuestionMs = 5000;  ///< Who leaves waits for the question that is under way.

/// When it is time to bring home what goes with it; 0: not yet known, or it runs no more.
Time last_call_of(const model::Lease& lease) {
  constexpr std::int64_t kMostMs = 30'000;
  if (lease.state != model::LeaseState::running) return {};
  const auto end = lease.preempt_at.ms != 0 ? std::min(lease.preempt_at, lease.ends_at) : lease.ends_at;
  return after_ms(end, -std::min<std::int64_t>(kMostMs, static_cast<std::int64_t>(lease.duration_s) * 1000 / 20));
}

}  // namespace

LeaseWatch::LeaseWatch(Context& context, model::LeaseId lease, const StopSource& outer)
    : stop_(&outer), near_end_(&stop_), leaving_(&outer) {
  auto options = context.node_options();
  if (!options) return;  // whatever asks the node says so
  options->timeout_ms = kQuestionMs;
  thread_ = std::thread([this, options = std::move(*options), lease] { run(options, lease); });
}

LeaseWatch::~LeaseWatch() {
  leaving_.stop();
  if (thread_.joinable()) thread_.join();
}

void LeaseWatch::run(client::HttpOptions options, model::LeaseId lease) {
  const auto http = client::Http::open(std::move(options));
  if (!http) return;
  NodeApi api(**http);
  Time last_call;  // 0: not known
  for (std::int64_t pause_ms = 0; !leaving_.wait(static_cast<int>(pause_ms)); pause_ms = kLookMs) {
    if (const auto view = api.lease(lease)) {
      last_call = last_call_of(view->lease);
      if (view->lease.state == model::LeaseState::ended) {
        has_ended_ = true;
        stop_.stop();
        return;
      }
    }
    if (last_call.ms == 0) continue;
    const auto left_ms = last_call.ms - system_clock().now().ms;
    if (left_ms <= 0) near_end_.stop();
    if (left_ms > 0 && left_ms < kLookMs && leaving_.wait(static_cast<int>(left_ms))) return;
  }
}

}  // namespace hanse::cli
