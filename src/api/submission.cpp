#include "api/submission.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "wire/json.hpp"

namespace hanse::api {

namespace asio = boost::asio;

asio::awaitable<Result<model::Receipt>> Submission::submit(consensus::Node& node, Bytes transaction) {
  auto slot = std::make_shared<Slot>();
  slot->waiting = this;
  slot_ = slot;
  arrived_.expires_at(std::chrono::steady_clock::time_point::max());
  node.submit(std::move(transaction),
              [slot, guard = asio::make_work_guard(io_)](Result<model::Receipt> result) mutable {
                asio::post(guard.get_executor(), [slot, result = std::move(result)]() mutable {
                  if (slot->waiting == nullptr) return;
                  slot->result = std::move(result);
                  slot->waiting->arrived_.cancel();
                });
              });
  if (!slot->result) co_await arrived_.async_wait(asio::as_tuple(asio::use_awaitable));
  slot->waiting = nullptr;
  if (slot->result) co_return std::move(*slot->result);
  co_return fail(ErrorCode::timeout,
                 "the transaction is in no block yet: send the same bytes again (it enters at most once), or ask for "
                 "its receipt with 'hanse tx'");
}

void Submission::give_up() {
  arrived_.cancel();
}

Answer submission_answer(const Result<model::Receipt>& receipt) {
  if (!receipt) return problem(receipt.error());
  if (receipt->code == ErrorCode::ok) return json_answer(wire::to_json(*receipt));
  auto json = problem_json({receipt->code, receipt->message}, 422);
  json["receipt"] = wire::to_json(*receipt);
  Answer out = json_answer(json, 422);
  out.content_type = kProblemType;
  return out;
}

}  // namespace hanse::api
