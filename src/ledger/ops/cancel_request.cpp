#include "ledger/ops/cancel_request.hpp"

#include "ledger/leases.hpp"
#include "ledger/requests.hpp"
#include "model/text.hpp"

namespace hanse::ledger {

Result<> check(const model::CancelRequest&, const model::Params&) {
  return {};
}

Result<model::Outcome> apply(const model::CancelRequest& op, Context& context) {
  const auto* request = context.tables.requests.find(op.request);
  if (request == nullptr) {
    return fail(ErrorCode::not_found, "there is no " + model::format_id(op.request) + ", or it has ended");
  }
  if (request->consumer != context.account) {
    return fail(ErrorCode::not_authorized,
                model::format_id(op.request) + " is another account's: only its consumer may cancel it");
  }
  model::Outcome outcome;
  outcome.request = op.request;
  if (request->state == model::RequestState::waiting) {
    end_request(context, op.request, "cancelled by its consumer");
    return outcome;
  }
  std::vector<model::LeaseId> matched;
  bool has_run = request->state != model::RequestState::matched;
  for_each_lease(context.tables, *request, [&](const model::Lease& lease) {
    if (lease.state == model::LeaseState::matched) matched.push_back(lease.id);
    has_run = has_run || lease.started_at.ms != 0;
  });
  if (has_run) {
    return fail(ErrorCode::wrong_state, model::format_id(op.request) + " runs as " + model::format_id(request->lease) +
                                            " or did: 'hanse stop' ends a lease");
  }
  outcome.lease = request->lease;
  for (const auto id : matched) {
    end_lease(context, id, model::EndReason::cancelled, context.now(), "cancelled by its consumer");
  }
  return outcome;
}

}  // namespace hanse::ledger
