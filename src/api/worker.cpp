#include "api/worker.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <spdlog/spdlog.h>

#include "api/schema.hpp"
#include "base/caught.hpp"

namespace hanse::api {
namespace {

model::Params params_of(const consensus::Node& node) {
  model::Params out;
  node.read([&](const ledger::Ledger& ledger) { out = ledger.state().params(); });
  return out;
}

}  // namespace

Shared::Shared(consensus::Node& of, ServerOptions with, Origins named)
    : node(of),
      options(std::move(with)),
      origins(std::move(named)),
      openapi(openapi_document(params_of(of))),
      context{node, *options.clock, metrics, openapi} {}

Worker::Worker(Shared& shared) : shared_(shared), sweep_timer_(io_) {}

void Worker::start() {
  asio::co_spawn(io_, sweep(), asio::detached);
  subscription_ = shared_.node.subscribe([this](const consensus::Node::BlockNotice&) { on_block(); });
  thread_ = std::thread([this] {
    // A coroutine that throws takes its own connection along; the others go on.
    for (bool goes_on = true; goes_on;) {
      const auto ran = caught([this] { io_.run(); });
      if (!ran) spdlog::error("a connection ended: {}", ran.error().message);
      goes_on = !ran;
    }
  });
}

void Worker::stop() {
  subscription_.reset();
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    stopping_ = true;
    sweep_timer_.cancel();
    for (auto* follower : followers_) follower->cancel();
    for (auto* connection : connections_) connection->close();
  });
  thread_.join();
}

void Worker::remove(Connection& connection) {
  connections_.remove(&connection);
  if (stopping_ && connections_.empty()) sweep_timer_.cancel();
}

/// Comes from the block thread: wakes the followers, once for however many blocks came meanwhile.
void Worker::on_block() {
  if (notice_queued_.exchange(true)) return;
  asio::post(io_, [this] {
    notice_queued_ = false;
    for (auto* follower : followers_) follower->cancel();
  });
}

/// One timer for all deadlines costs a request nothing; they are late by a quarter of the time at most.
asio::awaitable<void> Worker::sweep() {
  const auto period = std::chrono::milliseconds(std::clamp(shared_.options.request_timeout_ms / 4, 10U, 250U));
  while (!stopping_ || !connections_.empty()) {
    sweep_timer_.expires_after(period);
    co_await sweep_timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto now = std::chrono::steady_clock::now();
    for (auto* connection : connections_) {
      if (now < connection->deadline) continue;
      connection->deadline = now + period;  // again, for what it waits for may begin only after this
      connection->on_deadline();
    }
  }
}

}  // namespace hanse::api
