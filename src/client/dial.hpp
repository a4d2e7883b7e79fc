#pragma once

// Connecting to a node, shared by the calls and the event stream. Internal to the room: it drags Asio and Beast in.

#include <boost/asio/awaitable.hpp>

#include "base/error.hpp"
#include "client/endpoint.hpp"
#include "net/stream.hpp"

namespace hanse::client {

namespace asio = boost::asio;
namespace beast = boost::beast;
using net::kTuple;

/// Trusts the system's authorities and those in `ca_file`. io: the file cannot be read.
Result<asio::ssl::context> make_tls_context(const std::string& ca_file);

/// The error of a failed exchange, in words that name the node and what to try.
Error unreachable(const Endpoint& endpoint, const beast::error_code& error);

/// Resolves, connects and, where the stream is of TLS, has the node prove its name. The stream's own deadline bounds
/// it.
asio::awaitable<beast::error_code> dial(net::Stream& stream, const Endpoint& endpoint);

}  // namespace hanse::client
