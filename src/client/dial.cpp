#include "client/dial.hpp"

#include <boost/asio/ssl/error.hpp>
#include <charconv>

#include "net/connect.hpp"

namespace hanse::client {

Result<asio::ssl::context> make_tls_context(const std::string& ca_file) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  beast::error_code error;
  context.set_verify_mode(asio::ssl::verify_peer, error);
  context.set_default_verify_paths(error);
  if (ca_file.empty()) return context;
  context.load_verify_file(ca_file, error);
  if (error) {
    return fail(ErrorCode::io, "cannot read the certificates in '" + ca_file + "' (" + error.message() +
                                   "): give a PEM file that exists");
  }
  return context;
}

Error unreachable(const Endpoint& endpoint, const beast::error_code& error) {
  if (error == beast::error::timeout) {
    return {ErrorCode::timeout,
            "the node at " + endpoint.url() + " did not answer in time: try again, or name another node"};
  }
  if (error.category() == asio::error::get_ssl_category()) {
    return {ErrorCode::denied, "the node at " + endpoint.url() + " did not prove who it is (" + error.message() +
                                   "): check the address and give its certificate authority"};
  }
  return {ErrorCode::unavailable, "no node answers at " + endpoint.url() + " (" + error.message() + ")"};
}

namespace {

constexpr int kResolveMs = 10'000;

/// Not by Asio's resolver: nothing ends that before the name server does, not even the end of the program.
std::expected<net::tcp::resolver::results_type, beast::error_code> find(const Endpoint& endpoint) {
  std::uint16_t port = 0;
  std::from_chars(endpoint.port.data(), endpoint.port.data() + endpoint.port.size(), port);
  const auto found = net::resolve(endpoint.host, port, kResolveMs);
  if (!found) {
    const auto code = found.error().code;
    return std::unexpected(code == ErrorCode::not_found ? beast::error_code(asio::error::host_not_found)
                           : code == ErrorCode::timeout ? beast::error_code(beast::error::timeout)
                                                        : beast::error_code(asio::error::host_not_found_try_again));
  }
  std::vector<net::tcp::endpoint> endpoints;
  for (const auto& address : *found) {
    std::memcpy(endpoints.emplace_back().data(), &address, address.size());
    endpoints.back().resize(address.size());
  }
  return net::tcp::resolver::results_type::create(endpoints.begin(), endpoints.end(), endpoint.host, endpoint.port);
}

}  // namespace

asio::awaitable<beast::error_code> dial(net::Stream& stream, const Endpoint& endpoint) {
  const auto found = find(endpoint);
  if (!found) co_return found.error();
  const auto& addresses = *found;
  auto [connect_error] = co_await stream.async_connect(addresses, kTuple);
  if (connect_error) co_return connect_error;
  beast::error_code ignored;
  stream.socket().set_option(net::tcp::no_delay(true), ignored);
  if (!stream.is_tls()) co_return beast::error_code{};
  auto [error] = co_await stream.async_handshake(beast::role_type::client, endpoint.host, kTuple);
  co_return error;
}

}  // namespace hanse::client
