#include "cli/lease_link.hpp"

#include "cli/show.hpp"
#include "cli/ssh_files.hpp"
#include "model/plain_text.hpp"
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

Result<LeaseView> own_lease(Context& context, model::LeaseId lease) {
  const auto me = context.address();
  if (!me) return fail(me);
  auto view = live_lease(context, lease);
  if (!view || view->lease.consumer == *me) return view;
  return fail(ErrorCode::not_authorized, model::format_id(lease) + " is not yours: 'hanse ps' lists those that are");
}

Result<LeaseView> own_working_lease(Context& context, model::LeaseId lease) {
  auto view = own_lease(context, lease);
  if (!view || holds_devices(view->lease)) return view;
  return fail(ErrorCode::wrong_state, model::format_id(lease) + " runs no more, only its files are there: " +
                                          state_text(view->lease) + ". Rent anew with 'hanse run'");
}

Result<std::unique_ptr<SshSession>> open_lease(Context& context, model::LeaseId lease, const StopSource& stop) {
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
  auto session = SshSession::connect(view->lease.endpoint, view->lease.host_key, stop);
  if (!session) return session;
  if (auto entered = (*session)->login(lease, home->access_key()); !entered) return fail(entered);
  return session;
}

Error why_broken(Context& context, model::LeaseId lease, const LeaseWatch& watch, const Error& error) {
  if (!watch.lease_has_ended()) return error;
  const auto view = live_lease(context, lease);
  return view ? error : view.error();
}

Result<> publish_to_ssh(Context& context, model::Lease lease) {
  constexpr std::size_t kMaxLeases = 1000;
  const auto home = context.home();
  if (!home) return fail(home);
  const auto api = context.api();
  if (!api) return fail(api);
  if (lease.state == model::LeaseState::matched) {  // not confirmed yet: where the provider says it is
    const auto provider = (*api)->provider(lease.provider);
    if (!provider) return fail(provider);
    lease.endpoint = provider->provider.endpoint;
    lease.host_key = provider->provider.host_key;
  }
  std::vector<model::Lease> started{std::move(lease)};
  if (const auto me = context.address()) {
    const auto all = (*api)->leases("consumer", *me, "live", kMaxLeases);
    for (const auto& view : all ? *all : std::vector<LeaseView>{}) {
      const bool is_new = view.lease.id != started.front().id;
      if (view.lease.state != model::LeaseState::matched && is_new) started.push_back(view.lease);
    }
  }
  return write_ssh_files(started, *home);
}

Result<LeaseView> end_by_consumer(Context& context, model::LeaseId lease, const std::string& note) {
  constexpr std::size_t kMaxNote = 250;
  const auto api = context.api();
  if (!api) return fail(api);
  // A lease that the machine has not confirmed is cancelled, one that runs or is kept is completed. Which of them it is
  // can change in this very moment, twice at most, so the next try asks again.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto view = (*api)->lease(lease);
    if (!view) return view;
    if (view->lease.state == model::LeaseState::ended) return view;
    const auto reason =
        view->lease.state == model::LeaseState::matched ? model::EndReason::cancelled : model::EndReason::completed;
    auto receipt = context.send({model::EndLease{lease, reason, model::make_plain(note, kMaxNote)}});
    const bool is_refused = !receipt && receipt.error().code == ErrorCode::invalid_argument;
    if (is_refused) receipt = context.send({model::EndLease{lease, reason, ""}});  // its end hangs on no words
    if (!receipt && receipt.error().code != ErrorCode::wrong_state) return fail(receipt);
  }
  return (*api)->lease(lease);
}

}  // namespace hanse::cli
