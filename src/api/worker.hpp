#pragma once

// One thread of the server and the connections that live on it. A connection never leaves its worker's thread, so
// nothing of it needs a lock. Internal to the room.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <thread>

#include "api/metrics.hpp"
#include "api/origins.hpp"
#include "api/route.hpp"
#include "api/server.hpp"
#include "net/stream.hpp"

namespace hanse::api {

namespace asio = boost::asio;
using net::kTuple;
using net::tcp;

/// What all connections of a server share. Outlives the workers.
struct Shared {
  consensus::Node& node;
  ServerOptions options;
  Origins origins;
  Metrics metrics;
  std::string openapi;
  std::optional<asio::ssl::context> tls;  ///< none: plain HTTP
  Context context;

  Shared(consensus::Node& of, ServerOptions with, Origins named);
};

/// A connection as its worker sees it. Only the worker's thread may call these.
class Connection {
 public:
  virtual ~Connection() = default;
  /// Stops what it is waiting for, for its deadline has passed. It ends by itself then.
  virtual void on_deadline() = 0;
  /// Ends it soon, for the server stops.
  virtual void close() = 0;

  /// steady_clock; max: none.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

class Worker {
 public:
  explicit Worker(Shared& shared);
  ~Worker() { stop(); }

  [[nodiscard]] asio::io_context& io() { return io_; }
  [[nodiscard]] Shared& shared() { return shared_; }
  void start();
  /// Closes every connection and waits until the last one has ended.
  void stop();

  // The rest from the worker's thread only.
  void add(Connection& connection) { connections_.push_back(&connection); }
  void remove(Connection& connection);
  [[nodiscard]] bool stopping() const { return stopping_; }
  /// Followers of events wait on timers that a new block cancels.
  void add_follower(asio::steady_timer& timer) { followers_.push_back(&timer); }
  void remove_follower(asio::steady_timer& timer) { followers_.remove(&timer); }

 private:
  asio::awaitable<void> sweep();
  void on_block();

  Shared& shared_;
  asio::io_context io_{1};
  asio::steady_timer sweep_timer_;
  std::list<Connection*> connections_;
  std::list<asio::steady_timer*> followers_;
  std::atomic<bool> notice_queued_ = false;
  bool stopping_ = false;
  std::shared_ptr<void> subscription_;
  std::thread thread_;
};

/// Serves one connection until it ends. `refuse`: only to say that there are too many.
void serve(Worker& worker, tcp::socket socket, bool refuse);

}  // namespace hanse::api
