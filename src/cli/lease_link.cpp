#include "cli/lease_link.hpp"

#include "cli/show.hpp"
#include "model/text.hpp"

namespace hanse::cli {

Result<LeaseView> live_lease(Context& context, model::LeaseId lease) {
  const auto api = context.api();
  if (!api) return fail(api);
  auto view = (*api)->lease(lease);
  if (!view) return view;
  if (view->lease.state == model::LeaseState::ended) {
    return fail(ErrorCode::wrong_state, model::format_id(lease) + " has " + state_text(view->lease) +
                                            "; its files and output went with it. 'hanse bill " +
                                            model::format_id(lease) + "' shows what it cost");
  }
  return view;
}

Result<std::unique_ptr<SshSession>> open_lease(Context& context, model::LeaseId lease) {
  const auto view = live_lease(context, lease);
  if (!view) return fail(view);
  if (view->lease.state == model::LeaseState::matched) {
    return fail(ErrorCode::wrong_state, model::format_id(lease) + " has not started yet: the provider has until " +
                                            model::format_time(view->lease.start_deadline) + ". Try again in a moment");
  }
  const auto home = context.home();
  if (!home) return fail(home);
  const auto key = context.access_key();
  if (!key) return fail(key);
  auto session = SshSession::connect(view->lease.endpoint, view->lease.host_key);
  if (!session) return session;
  if (auto entered = (*session)->login(lease, home->access_key()); !entered) return fail(entered);
  return session;
}

}  // namespace hanse::cli
