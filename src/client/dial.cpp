#include "client/dial.hpp"

#include <boost/asio/ssl/error.hpp>

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

asio::awaitable<beast::error_code> dial(PlainStream& stream, const Endpoint& endpoint) {
  asio::ip::tcp::resolver resolver(co_await asio::this_coro::executor);
  auto [resolve_error, addresses] = co_await resolver.async_resolve(endpoint.host, endpoint.port, kTuple);
  if (resolve_error) co_return resolve_error;
  auto [error, address] = co_await stream.async_connect(addresses, kTuple);
  if (error) co_return error;
  beast::error_code ignored;
  stream.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  co_return beast::error_code{};
}

asio::awaitable<beast::error_code> dial(TlsStream& stream, const Endpoint& endpoint) {
  // Server name indication takes names only; a bare address must not be sent (RFC 6066, 3).
  beast::error_code not_an_address;
  asio::ip::make_address(endpoint.host, not_an_address);
  if (not_an_address) SSL_set_tlsext_host_name(stream.native_handle(), endpoint.host.c_str());
  stream.set_verify_callback(asio::ssl::host_name_verification(endpoint.host));

  const beast::error_code connect_error = co_await dial(stream.next_layer(), endpoint);
  if (connect_error) co_return connect_error;
  auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::client, kTuple);
  co_return error;
}

}  // namespace hanse::client
