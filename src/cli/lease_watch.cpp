#include "cli/lease_watch.hpp"

namespace hanse::cli {
namespace {

constexpr int kLookMs = 2000;
constexpr std::uint32_t kQuestionMs = 5000;  ///< Who leaves waits for the question that is under way.

}  // namespace

LeaseWatch::LeaseWatch(Context& context, model::LeaseId lease, const StopSource& outer)
    : stop_(&outer), leaving_(&outer) {
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
  while (!leaving_.wait(kLookMs)) {
    const auto view = api.lease(lease);
    if (!view || view->lease.state != model::LeaseState::ended) continue;
    has_ended_ = true;
    stop_.stop();
    return;
  }
}

}  // namespace hanse::cli
