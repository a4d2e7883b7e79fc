#include "provider/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/caught.hpp"
#include "model/text.hpp"

namespace hanse::provider {

namespace http = boost::beast::http;
using tcp = boost::asio::ip::tcp;

namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;

class Families {
 public:
  void add(const char* name, const char* help, Labels labels, double value, bool counter = false) {
    auto found = std::find_if(list_.begin(), list_.end(), [&](const auto& f) { return f.name == name; });
    if (found == list_.end()) {
      list_.push_back({name, help, counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge, {}});
      found = std::prev(list_.end());
    }
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    if (counter)
      metric.counter.value = value;
    else
      metric.gauge.value = value;
    found->metric.push_back(std::move(metric));
  }
  [[nodiscard]] const std::vector<prometheus::MetricFamily>& list() const { return list_; }

 private:
  std::vector<prometheus::MetricFamily> list_;
};

class BeastMetrics : public MetricsServer {
 public:
  explicit BeastMetrics(CollectFigures collect) : collect_(std::move(collect)) {}
  ~BeastMetrics() override {
    thread_.request_stop();
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);  // wakes the accept
  }

  Result<> listen(std::uint16_t port) {
    boost::system::error_code error;
    const tcp::endpoint where(boost::asio::ip::address_v4::loopback(), port);
    acceptor_.open(tcp::v4(), error);
    acceptor_.set_option(boost::asio::socket_base::reuse_address(true), error);
    acceptor_.bind(where, error);
    if (!error) acceptor_.listen(16, error);
    if (error) {
      return fail(ErrorCode::io, "metrics_port " + std::to_string(port) + " is not free: " + error.message());
    }
    port_ = acceptor_.local_endpoint().port();
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
    return {};
  }
  [[nodiscard]] std::uint16_t port() const override { return port_; }

 private:
  void serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      boost::system::error_code error;
      tcp::socket socket = acceptor_.accept(error);
      if (!error)
        static_cast<void>(caught([&] { answer(socket); }));
      else if (!stop.stop_requested())
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  void answer(tcp::socket& socket) {
    // A scraper that stalls may hold this one thread for a moment only. Asio's blocking calls wait by poll and know no
    // timeout, so readiness is asked for first.
    const timeval limit{2, 0};
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(socket.native_handle(), &readable);
    timeval left = limit;
    if (::select(socket.native_handle() + 1, &readable, nullptr, nullptr, &left) <= 0) return;
    char head[4096];
    const auto n = ::recv(socket.native_handle(), head, sizeof head, 0);
    const std::string_view request(head, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    http::response<http::string_body> reply;
    reply.version(11);
    reply.keep_alive(false);
    if (request.starts_with("GET /metrics ")) {
      reply.set(http::field::content_type, "text/plain; version=0.0.4");
      reply.body() = metrics_text(collect_());
    } else {
      reply.result(http::status::not_found);
      reply.body() = "the agent serves /metrics\n";
    }
    reply.prepare_payload();
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    boost::system::error_code ignored;
    http::write(socket, reply, ignored);
    socket.shutdown(tcp::socket::shutdown_both, ignored);
  }

  CollectFigures collect_;
  boost::asio::io_context context_{1};
  tcp::acceptor acceptor_{context_};
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

}  // namespace

std::string metrics_text(const AgentFigures& figures) {
  Families out;
  out.add("hanse_agent_leases", "Leases on this machine.", {}, static_cast<double>(figures.leases.size()));
  for (std::size_t i = 0; i < figures.well.size(); ++i) {
    out.add("hanse_agent_gpu_well", "1: it works; 0: nothing is offered until it does.", {{"gpu", std::to_string(i)}},
            figures.well[i] ? 1 : 0);
  }
  for (const auto& [id, stats] : figures.leases) {
    const Labels lease{{"lease", model::format_id(id)}};
    out.add("hanse_lease_cpu_seconds_total", "CPU time used.", lease, static_cast<double>(stats.cpu_ns) / 1e9, true);
    out.add("hanse_lease_memory_bytes", "Memory in use.", lease, static_cast<double>(stats.now.memory_bytes));
    out.add("hanse_lease_memory_limit_bytes", "Memory allowed.", lease,
            static_cast<double>(stats.now.memory_limit_bytes));
    out.add("hanse_lease_pids", "Processes and threads.", lease, static_cast<double>(stats.now.pids));
    for (const auto& gpu : stats.gpus) {
      const Labels of_gpu{{"lease", model::format_id(id)}, {"gpu", std::to_string(gpu.index)}};
      out.add("hanse_lease_gpu_utilization_percent", "GPU utilisation.", of_gpu, gpu.use.utilization_percent);
      out.add("hanse_lease_gpu_memory_bytes", "GPU memory in use.", of_gpu, static_cast<double>(gpu.use.memory_bytes));
    }
  }
  return prometheus::TextSerializer().Serialize(out.list());
}

std::string stats_line(const LeaseRun::Stats& stats) {
  auto gpus = nlohmann::json::array();
  for (const auto& gpu : stats.gpus) {
    gpus.push_back({{"index", gpu.index},
                    {"utilization_percent", gpu.use.utilization_percent},
                    {"memory_bytes", gpu.use.memory_bytes}});
  }
  return nlohmann::json{{"cpu_percent", stats.cpu_percent},
                        {"memory_bytes", stats.now.memory_bytes},
                        {"memory_limit_bytes", stats.now.memory_limit_bytes},
                        {"pids", stats.now.pids},
                        {"gpus", gpus}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(std::uint16_t port, CollectFigures collect) {
  auto server = std::make_unique<BeastMetrics>(std::move(collect));
  if (auto listening = server->listen(port); !listening) return fail(listening);
  return server;
}

}  // namespace hanse::provider
