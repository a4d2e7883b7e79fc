#include "cli/node_host.hpp"

#include <charconv>

#include "cli/settings.hpp"
#include "client/private_file.hpp"
#include "consensus/genesis.hpp"

namespace hanse::cli {

Result<std::pair<std::string, std::uint16_t>> parse_listen(const std::string& text) {
  const auto colon = text.rfind(':');
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto parsed = colon == std::string::npos ? std::from_chars_result{text.data(), std::errc::invalid_argument}
                                                 : std::from_chars(text.data() + colon + 1, end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return fail(ErrorCode::invalid_argument, "\"" + text + "\" is not HOST:PORT, e.g. 127.0.0.1:7070");
  }
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return std::pair{host.empty() ? "0.0.0.0" : host, port};
}

Result<std::unique_ptr<NodeHost>> NodeHost::start(const NodeHostOptions& options) {
  const auto where = parse_listen(options.listen);
  if (!where) return fail(where);
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return fail(ErrorCode::invalid_argument, "--tls-cert and --tls-key belong together");
  }
  const auto text = read_text(options.genesis_file);
  if (!text) return fail(text);
  const auto genesis = consensus::parse_genesis(*text);
  if (!genesis) return fail(genesis.error().code, options.genesis_file.string() + ": " + genesis.error().message);
  if (auto made = client::make_private_folder(options.data_folder); !made) return fail(made);
  auto store = store::Store::open(options.data_folder);
  if (!store) return fail(store);
  std::unique_ptr<NodeHost> self(new NodeHost());
  self->network_ = genesis->network;
  auto node = consensus::start_solo(std::move(*store), *genesis);
  if (!node) return fail(node);
  self->node_ = std::move(*node);
  api::ServerOptions server;
  server.host = where->first;
  server.port = where->second;
  server.certificate_file = options.certificate_file;
  server.key_file = options.key_file;
  server.cors_origins = options.cors_origins;
  auto started = api::Server::start(*self->node_, server);
  if (!started) return fail(started);
  self->server_ = std::move(*started);
  std::string host = where->first == "0.0.0.0" || where->first == "::" ? "127.0.0.1" : where->first;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  self->url_ =
      (options.certificate_file.empty() ? "http://" : "https://") + host + ":" + std::to_string(self->server_->port());
  return self;
}

Result<> NodeHost::health() const {
  const auto stats = node_->stats();
  if (stats.stopped_because.empty()) return {};
  return fail(ErrorCode::io, "the node has stopped: " + stats.stopped_because);
}

}  // namespace hanse::cli
