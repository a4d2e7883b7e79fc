#include "api/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "api/route.hpp"

namespace hanse::api {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::array<std::uint64_t, 11> kBoundsMicros{100,    250,    500,     1'000,     2'500,     5'000,
                                                      10'000, 50'000, 250'000, 1'000'000, 10'000'000};
constexpr unsigned kStatuses = 600;

ClientMetric value_of(MetricType type, double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric out;
  out.label = std::move(labels);
  (type == MetricType::Counter ? out.counter.value : out.gauge.value) = value;
  return out;
}

MetricFamily family(std::string name, std::string help, MetricType type, std::vector<ClientMetric> metrics) {
  return {std::move(name), std::move(help), type, std::move(metrics)};
}

MetricFamily single(std::string name, std::string help, MetricType type, double value) {
  return family(std::move(name), std::move(help), type, {value_of(type, value)});
}

void add_node(std::vector<MetricFamily>& out, const consensus::Node& node) {
  const auto stats = node.stats();
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  const auto counter = MetricType::Counter;
  const auto gauge = MetricType::Gauge;
  out.push_back(single("hanse_node_blocks_total", "Blocks made since start.", counter, number(stats.blocks)));
  out.push_back(single("hanse_node_transactions_total", "Transactions in them.", counter, number(stats.transactions)));
  out.push_back(single("hanse_node_refused_total", "Transactions kept out.", counter, number(stats.refused)));
  out.push_back(single("hanse_node_queued", "Transactions waiting for a block.", gauge, number(stats.queued)));
  out.push_back(
      single("hanse_node_apply_seconds_total", "Time spent applying blocks.", counter, number(stats.apply_us) / 1e6));
  out.push_back(single("hanse_node_commit_seconds_total", "Time spent making blocks durable.", counter,
                       number(stats.commit_us) / 1e6));
  node.read([&](const ledger::Ledger& ledger) {
    const auto& state = ledger.state();
    const auto counts = state.counts();
    out.push_back(single("hanse_ledger_height", "Of the last block.", gauge, number(state.height())));
    out.push_back(
        single("hanse_ledger_time_seconds", "Of the last block.", gauge, static_cast<double>(state.time().ms) / 1e3));
    out.push_back(single("hanse_ledger_events_total", "Events so far.", counter, number(state.last_event_sequence())));
    const auto kind = [&](const char* name, std::uint64_t count) {
      return value_of(gauge, number(count), {{"kind", name}});
    };
    out.push_back(
        family("hanse_ledger_records", "Live records, by kind.", gauge,
               {kind("account", counts.accounts), kind("provider", counts.providers), kind("offer", counts.offers),
                kind("request", counts.requests), kind("lease", counts.leases)}));
  });
}

}  // namespace

struct Metrics::PerRoute {
  std::array<std::atomic<std::uint64_t>, kStatuses> by_status{};
  std::array<std::atomic<std::uint64_t>, kBoundsMicros.size() + 1> by_time{};
  std::atomic<std::uint64_t> sum_micros{0};

  void add_to(MetricFamily& counts, MetricFamily& times, const std::string& method, const std::string& path) const {
    std::uint64_t total = 0;
    for (unsigned status = 0; status < kStatuses; ++status) {
      const auto count = by_status[status].load(std::memory_order_relaxed);
      if (count == 0) continue;
      total += count;
      counts.metric.push_back(value_of(MetricType::Counter, static_cast<double>(count),
                                       {{"method", method}, {"route", path}, {"code", std::to_string(status)}}));
    }
    if (total == 0) return;
    ClientMetric out;
    out.label = {{"method", method}, {"route", path}};
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < by_time.size(); ++i) {
      below += by_time[i].load(std::memory_order_relaxed);
      const double bound = i < kBoundsMicros.size() ? static_cast<double>(kBoundsMicros[i]) / 1e6
                                                    : std::numeric_limits<double>::infinity();
      out.histogram.bucket.push_back({below, bound});
    }
    out.histogram.sample_count = below;
    out.histogram.sample_sum = static_cast<double>(sum_micros.load(std::memory_order_relaxed)) / 1e6;
    times.metric.push_back(std::move(out));
  }
};

Metrics::Metrics() : routes_(std::make_unique<PerRoute[]>(routes().size() + 1)) {}
Metrics::~Metrics() = default;

void Metrics::count(const Route* route, unsigned status, std::uint64_t micros) {
  PerRoute& to = routes_[route != nullptr ? static_cast<std::size_t>(route - routes().data()) : routes().size()];
  std::size_t slot = 0;
  while (slot < kBoundsMicros.size() && micros > kBoundsMicros[slot]) ++slot;
  to.by_status[std::min(status, kStatuses - 1)].fetch_add(1, std::memory_order_relaxed);
  to.by_time[slot].fetch_add(1, std::memory_order_relaxed);
  to.sum_micros.fetch_add(micros, std::memory_order_relaxed);
}

std::string Metrics::text(const consensus::Node& node) const {
  MetricFamily counts = family("hanse_http_requests_total", "Requests answered.", MetricType::Counter, {});
  MetricFamily times =
      family("hanse_http_request_seconds", "From the request's last byte to its answer.", MetricType::Histogram, {});
  for (std::size_t i = 0; i < routes().size(); ++i) {
    routes_[i].add_to(counts, times, std::string(routes()[i].method), std::string(routes()[i].path));
  }
  routes_[routes().size()].add_to(counts, times, "any", "unmatched");
  std::vector<MetricFamily> out{std::move(counts), std::move(times)};
  out.push_back(single("hanse_http_connections", "Open connections.", MetricType::Gauge,
                       static_cast<double>(connections_.load())));
  out.push_back(single("hanse_http_event_streams", "Of them, those that follow events.", MetricType::Gauge,
                       static_cast<double>(streams_.load())));
  out.push_back(single("hanse_http_refused_connections_total", "Connections refused for there were too many.",
                       MetricType::Counter, static_cast<double>(refused_connections_.load())));
  add_node(out, node);
  return prometheus::TextSerializer().Serialize(out);
}

}  // namespace hanse::api
