#include "net/stream.hpp"

#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <variant>

namespace hanse::net {

namespace {

using Plain = beast::tcp_stream;
using Tls = beast::ssl_stream<beast::tcp_stream>;

}  // namespace

struct Stream::Impl {
  std::variant<Plain, Tls> stream;

  Impl(Plain plain, asio::ssl::context* tls) : stream(std::move(plain)) {
    if (tls != nullptr) {
      Plain below = std::move(std::get<Plain>(stream));
      stream.emplace<Tls>(std::move(below), *tls);
    }
  }

  Tls* tls() { return std::get_if<Tls>(&stream); }
  Plain& plain() { return tls() != nullptr ? tls()->next_layer() : std::get<Plain>(stream); }
};

Stream::Stream(asio::io_context& io, asio::ssl::context* tls) : impl_(std::make_unique<Impl>(Plain(io), tls)) {}
Stream::Stream(tcp::socket socket, asio::ssl::context* tls)
    : impl_(std::make_unique<Impl>(Plain(std::move(socket)), tls)) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() = default;

Stream::executor_type Stream::get_executor() {
  return impl_->plain().get_executor();
}

bool Stream::is_tls() const {
  return impl_->tls() != nullptr;
}

tcp::socket& Stream::socket() {
  return impl_->plain().socket();
}

void Stream::expires_at(Time time) {
  impl_->plain().expires_at(time);
}

void Stream::expires_never() {
  impl_->plain().expires_never();
}

void Stream::cancel() {
  impl_->plain().cancel();
}

void Stream::close() {
  impl_->plain().close();
}

void Stream::connect(const tcp::resolver::results_type& addresses, Done done) {
  impl_->plain().async_connect(
      addresses, [done = std::move(done)](beast::error_code error, const tcp::endpoint&) mutable { done(error); });
}

void Stream::handshake(beast::role_type role, const std::string& host, Done done) {
  auto& tls = *impl_->tls();
  if (role == beast::role_type::server) {
    return tls.async_handshake(asio::ssl::stream_base::server, std::move(done));
  }
  // Server name indication takes names only; a bare address must not be sent (RFC 6066, 3).
  beast::error_code not_an_address;
  asio::ip::make_address(host, not_an_address);
  if (not_an_address) SSL_set_tlsext_host_name(tls.native_handle(), host.c_str());
  tls.set_verify_callback(asio::ssl::host_name_verification(host));
  tls.async_handshake(asio::ssl::stream_base::client, std::move(done));
}

void Stream::shutdown(Done done) {
  if (auto* tls = impl_->tls()) return tls->async_shutdown(std::move(done));
  asio::post(get_executor(), [done = std::move(done)]() mutable { done({}); });
}

void Stream::teardown(beast::role_type role, Done done) {
  using beast::websocket::async_teardown;
  if (auto* tls = impl_->tls()) return async_teardown(role, *tls, std::move(done));
  async_teardown(role, impl_->plain(), std::move(done));
}

void Stream::read_some(const List<asio::mutable_buffer>& buffers, Moved moved) {
  if (auto* tls = impl_->tls()) return tls->async_read_some(buffers, std::move(moved));
  impl_->plain().async_read_some(buffers, std::move(moved));
}

void Stream::write_some(const List<asio::const_buffer>& buffers, Moved moved) {
  if (auto* tls = impl_->tls()) return tls->async_write_some(buffers, std::move(moved));
  impl_->plain().async_write_some(buffers, std::move(moved));
}

}  // namespace hanse::net
