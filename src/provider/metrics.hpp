#pragma once

// The agent's own figures in Prometheus text, on loopback: what its leases use.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "provider/lease_run.hpp"

namespace hanse::provider {

struct LeaseFigures {
  model::LeaseId lease;
  LeaseRun::Stats stats;
};
struct AgentFigures {
  std::vector<LeaseFigures> leases;
  std::vector<bool> well;  ///< Each GPU of the offer, by its number there.
};
using CollectFigures = std::function<AgentFigures()>;

/// The text of one scrape.
std::string metrics_text(const AgentFigures& figures);

/// One JSON object, as `hanse-stats` sends it.
std::string stats_line(const LeaseRun::Stats& stats);

class MetricsServer {
 public:
  /// Serves GET /metrics on 127.0.0.1:port until destroyed; one scrape at a time. io if the port is taken.
  static Result<std::unique_ptr<MetricsServer>> start(std::uint16_t port, CollectFigures collect);
  virtual ~MetricsServer() = default;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};

}  // namespace hanse::provider
