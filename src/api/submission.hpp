#pragma once

// A transaction on its way from a connection into a block: the node answers from its own thread, the connection waits
// on its own. Internal to the room.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "api/problem.hpp"
#include "consensus/node.hpp"

namespace hanse::api {

/// One a connection, for its transactions one after the other. Only the executor's thread may use it.
class Submission {
 public:
  explicit Submission(boost::asio::io_context& io) : io_(io), arrived_(io) {}

  /// Submits and waits. The executor keeps running until the node has answered, also when nobody waits any more.
  boost::asio::awaitable<Result<model::Receipt>> submit(consensus::Node& node, Bytes transaction);
  /// Makes a waiting submit() return `timeout`.
  void give_up();

 private:
  struct Slot {
    std::optional<Result<model::Receipt>> result;
    Submission* waiting = nullptr;
  };
  boost::asio::io_context& io_;
  boost::asio::steady_timer arrived_;
  std::shared_ptr<Slot> slot_;
};

/// The receipt, or the problem that it or the error is.
Answer submission_answer(const Result<model::Receipt>& receipt);

}  // namespace hanse::api
