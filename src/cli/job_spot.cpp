// What `hanse run` does otherwise on spot: it bids, and a job that is told of its pre-emption ends before its lease.

#include "cli/job_run.hpp"
#include "cli/lease_link.hpp"
#include "cli/spot.hpp"
#include "model/text.hpp"
#include "wire/codec.hpp"

namespace hanse::cli {

/// A request that was pre-empted and waits bids by itself, for the same job; else a new one does.
Result<model::LeaseId> JobRun::bid(const crypto::PublicKey& access) {
  const auto api = context_.api();
  if (!api) return fail(api);
  if (request_) {
    const auto before = (*api)->request(request_);
    if (before && before->request.state == model::RequestState::waiting) {
      return await_auction(context_, *interrupt_, request_);
    }
  }
  auto& file = options_.file;
  file.job.salt = random_bytes<32>();
  const auto auction = next_auction(**api);
  if (!auction) return fail(auction);
  model::SubmitRequest request{agreed_, wire::job_hash(file.job), access, end_of_wait(*auction), {}, {}};
  if (file.retry_on_no_capacity) request.wait_until = std::max(request.wait_until, retry_until_);
  if (auto put = put_bid(context_, {file.bid, file.sealed}, request); !put) return fail(put);
  const auto receipt = context_.send({request});
  if (!receipt) return fail(receipt);
  if (receipt->outcomes.empty()) return fail(ErrorCode::internal, "the receipt names no request; please report it");
  request_ = receipt->outcomes.front().request;
  return await_auction(context_, *interrupt_, request_);
}

/// A job that was told of its pre-emption and ended: its outputs come back while there is time. True: the lease is left
/// to its end, and what comes after is as for one that was lost.
Result<bool> JobRun::leave_early(const Attempt& attempt) {
  const auto lease = jobs_.front()->lease();
  const auto view = (*context_.api())->lease(lease);
  if (!view) return fail(view);
  if (view->lease.preempt_at.ms == 0) return false;
  context_.say("Others pay more for " + model::format_id(lease) + ", which ends at " +
               model::format_time(view->lease.preempt_at) + ": told so, the job ended with exit code " +
               std::to_string(attempt.exit_code) + ".");
  const bool goes_on = options_.file.retry_on_interruption && system_clock().now() < retry_until_;
  if (!goes_on) return false;
  static_cast<void>(fetch_outputs(*jobs_.front(), 0));                                   // it says what did not come
  const auto ended = end_by_consumer(context_, lease, "pre-empted: its job has ended");  // no more is paid for it
  if (!ended) return fail(ended);
  return true;
}

/// Of a lease that was pre-empted: it would bid again by itself.
void JobRun::take_back_request() {
  if (!on_spot() || !request_) return;
  const auto view = (*context_.api())->request(request_);
  if (!view || view->request.state != model::RequestState::waiting) return;
  if (const auto cancelled = context_.send({model::CancelRequest{request_}}); !cancelled) {
    context_.say("warning: " + model::format_id(request_) + " may win another machine: try 'hanse cancel " +
                 model::format_id(request_) + "'");
  }
}

}  // namespace hanse::cli
