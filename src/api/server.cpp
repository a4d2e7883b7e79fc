#include "api/server.hpp"

#include <spdlog/spdlog.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "api/worker.hpp"

namespace hanse::api {
namespace {

/// So many more than allowed are told so; beyond them a connection is closed without a word.
constexpr std::int64_t kMaxToldOff = 64;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

Result<tcp::acceptor> listen(asio::io_context& io, const ServerOptions& options) {
  boost::system::error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
  tcp::acceptor acceptor(io);
  if (!error) {
    const tcp::endpoint endpoint = *found.begin();
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  }
  if (error) {
    return fail(ErrorCode::io, "cannot listen on " + options.host + ":" + std::to_string(options.port) + " (" +
                                   error.message() + "): choose another address or port, or stop who holds it");
  }
  return acceptor;
}

Result<asio::ssl::context> load_certificate(const ServerOptions& options) {
  asio::ssl::context context(asio::ssl::context::tls_server);
  boost::system::error_code error;
  context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                          asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1 |
                          asio::ssl::context::single_dh_use,
                      error);
  context.use_certificate_chain_file(options.certificate_file, error);
  if (error) {
    return fail(ErrorCode::io, "cannot use the certificate '" + options.certificate_file + "' (" + error.message() +
                                   "): give a PEM file that can be read");
  }
  context.use_private_key_file(options.key_file, asio::ssl::context::pem, error);
  if (error) {
    return fail(ErrorCode::io, "cannot use the key '" + options.key_file + "' (" + error.message() +
                                   "): give the PEM key of the certificate");
  }
  return context;
}

class ServerImpl final : public Server {
 public:
  ServerImpl(consensus::Node& node, ServerOptions options, Origins origins)
      : shared_(node, std::move(options), std::move(origins)) {}

  Result<> start() {
    const auto& options = shared_.options;
    if (options.certificate_file.empty() != options.key_file.empty()) {
      return fail(ErrorCode::invalid_argument, "TLS needs both a certificate and its key: give both or neither");
    }
    if (!options.certificate_file.empty()) {
      auto tls = load_certificate(options);
      if (!tls) return fail(tls);
      shared_.tls = std::move(*tls);
    }
    for (unsigned i = 0; i < std::max(1U, options.threads); ++i) {
      workers_.push_back(std::make_unique<Worker>(shared_));
    }
    auto acceptor = listen(workers_.front()->io(), options);
    if (!acceptor) return fail(acceptor);
    acceptor_ = std::move(*acceptor);
    port_ = acceptor_->local_endpoint().port();
    asio::co_spawn(workers_.front()->io(), accept(), asio::detached);
    for (auto& worker : workers_) worker->start();
    spdlog::debug("serving {} on {}:{}", shared_.tls ? "https" : "http", options.host, port_);
    return {};
  }

  ~ServerImpl() override {
    if (!acceptor_) return;
    asio::post(workers_.front()->io(), [this] {
      boost::system::error_code ignored;
      acceptor_->close(ignored);
    });
    // The first worker accepts for the others, so it ends first.
    for (auto& worker : workers_) worker->stop();
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }

 private:
  /// Deals connections out to the workers in turn.
  asio::awaitable<void> accept() {
    for (std::size_t turn = 0; acceptor_->is_open(); ++turn) {
      Worker& worker = *workers_[turn % workers_.size()];
      auto [error, socket] = co_await acceptor_->async_accept(worker.io(), kTuple);
      if (error == asio::error::operation_aborted) co_return;
      if (error) {  // such as too many open files: wait until some are closed
        asio::steady_timer pause(workers_.front()->io(), kAcceptPause);
        co_await pause.async_wait(kTuple);
        continue;
      }
      const auto open = shared_.metrics.connections();  // counted here, so that a rush cannot pass the limit
      const auto most = static_cast<std::int64_t>(shared_.options.max_connections);
      if (open >= most + kMaxToldOff) {
        shared_.metrics.count_refused_connection();
        continue;  // the socket closes here
      }
      shared_.metrics.add_connection(1);
      asio::post(worker.io(), [&worker, most, open, peer = std::move(socket)]() mutable {
        if (!worker.stopping()) return serve(worker, std::move(peer), open >= most);
        worker.shared().metrics.add_connection(-1);
      });
    }
  }

  Shared shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<tcp::acceptor> acceptor_;
  std::uint16_t port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(consensus::Node& node, ServerOptions options) {
  auto origins = Origins::parse(options.cors_origins);
  if (!origins) return fail(origins);
  auto server = std::make_unique<ServerImpl>(node, std::move(options), std::move(*origins));
  if (auto ok = server->start(); !ok) return fail(ok);
  return server;
}

}  // namespace hanse::api
