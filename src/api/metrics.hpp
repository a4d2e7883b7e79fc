#pragma once

// Figures for Prometheus at /metrics. Counting is lock-free, for it is on the way of every request; thread-safe.

#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "consensus/node.hpp"

namespace hanse::api {

struct Route;

class Metrics {
 public:
  Metrics();
  ~Metrics();

  /// `route`: none where nothing fits the path. `micros`: from the request's last byte to its answer.
  void count(const Route* route, unsigned status, std::uint64_t micros);
  void add_connection(int change) { connections_ += change; }
  [[nodiscard]] std::int64_t connections() const { return connections_; }
  void count_refused_connection() { ++refused_connections_; }
  void add_stream(int change) { streams_ += change; }

  /// Prometheus' text format.
  [[nodiscard]] std::string text(const consensus::Node& node) const;

 private:
  struct PerRoute;
  std::unique_ptr<PerRoute[]> routes_;  // one for each of routes(), then one for what fits none
  std::atomic<std::int64_t> connections_{0}, streams_{0};
  std::atomic<std::uint64_t> refused_connections_{0};
};

}  // namespace hanse::api
