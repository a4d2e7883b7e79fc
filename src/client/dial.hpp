#pragma once

// Connecting to a node, shared by the calls and the event stream. Internal to the room: it drags Asio and Beast in.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "base/error.hpp"
#include "client/endpoint.hpp"

namespace hanse::client {

namespace asio = boost::asio;
namespace beast = boost::beast;

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

inline constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

/// Trusts the system's authorities and those in `ca_file`. io: the file cannot be read.
Result<asio::ssl::context> make_tls_context(const std::string& ca_file);

/// The error of a failed exchange, in words that name the node and what to try.
Error unreachable(const Endpoint& endpoint, const beast::error_code& error);

/// Resolves and connects. The stream's own deadline bounds it.
asio::awaitable<beast::error_code> dial(PlainStream& stream, const Endpoint& endpoint);
asio::awaitable<beast::error_code> dial(TlsStream& stream, const Endpoint& endpoint);

}  // namespace hanse::client
