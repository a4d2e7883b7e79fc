#pragma once

// A TCP connection, plain or under TLS, as one type: what reads and writes through it (HTTP, WebSocket) is compiled
// once and not for each kind of stream and each kind of completion. Meets Asio's and Beast's requirements of an
// AsyncStream. One thread: that of its executor.

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/role.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace hanse::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;

/// For co_await: what failed is returned with the result, and never thrown.
inline constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

class Stream {
 public:
  using executor_type = asio::any_io_executor;
  using Done = std::move_only_function<void(beast::error_code)>;
  using Moved = std::move_only_function<void(beast::error_code, std::size_t)>;
  using Time = std::chrono::steady_clock::time_point;

  /// `tls` is null for a plain one, and outlives the stream otherwise.
  Stream(asio::io_context& io, asio::ssl::context* tls);
  /// Of a connection that was accepted.
  Stream(tcp::socket socket, asio::ssl::context* tls);
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();

  [[nodiscard]] executor_type get_executor();
  [[nodiscard]] bool is_tls() const;
  [[nodiscard]] tcp::socket& socket();
  /// What is under way at that time, or begins later, ends with beast::error::timeout. None at first.
  void expires_at(Time time);
  void expires_never();
  /// What is under way ends with operation_aborted.
  void cancel();
  void close();

  /// Connects to the first address that answers.
  template <class Token>
  auto async_connect(const tcp::resolver::results_type& addresses, Token&& token) {
    return asio::async_initiate<Token, void(beast::error_code)>(
        [this, &addresses](auto handler) { connect(addresses, std::move(handler)); }, token);
  }
  /// TLS only, as the one who connected to `host`, or who was connected to. The client holds the certificate to `host`.
  template <class Token>
  auto async_handshake(beast::role_type role, const std::string& host, Token&& token) {
    return asio::async_initiate<Token, void(beast::error_code)>(
        [this, role, &host](auto handler) { handshake(role, host, std::move(handler)); }, token);
  }
  /// Ends it as a WebSocket does: says goodbye, waits for the other side's, closes.
  void teardown(beast::role_type role, Done done);
  /// Tells the other side that nothing more comes; at a plain stream there is nothing to say.
  template <class Token>
  auto async_shutdown(Token&& token) {
    return asio::async_initiate<Token, void(beast::error_code)>([this](auto handler) { shutdown(std::move(handler)); },
                                                                token);
  }
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(beast::error_code, std::size_t)>(
        [this](auto handler, const List<asio::mutable_buffer>& to) { read_some(to, std::move(handler)); }, token,
        List<asio::mutable_buffer>(buffers));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(beast::error_code, std::size_t)>(
        [this](auto handler, const List<asio::const_buffer>& from) { write_some(from, std::move(handler)); }, token,
        List<asio::const_buffer>(buffers));
  }

 private:
  /// A buffer sequence of one type: as many of the given ones as one call takes, the rest is the next call's.
  template <class Buffer>
  class List {
   public:
    static constexpr std::size_t kMost = 16;
    template <class Buffers>
    explicit List(const Buffers& buffers) {
      const auto end = asio::buffer_sequence_end(buffers);
      for (auto it = asio::buffer_sequence_begin(buffers); it != end && size_ < kMost; ++it) items_[size_++] = *it;
    }
    [[nodiscard]] const Buffer* begin() const { return items_.data(); }
    [[nodiscard]] const Buffer* end() const { return items_.data() + size_; }

   private:
    std::array<Buffer, kMost> items_;
    std::size_t size_ = 0;
  };

  void connect(const tcp::resolver::results_type& addresses, Done done);
  void handshake(beast::role_type role, const std::string& host, Done done);
  void shutdown(Done done);
  void read_some(const List<asio::mutable_buffer>& buffers, Moved moved);
  void write_some(const List<asio::const_buffer>& buffers, Moved moved);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// How Beast's WebSocket ends the stream below it.
template <class Handler>
void async_teardown(beast::role_type role, Stream& stream, Handler&& handler) {
  stream.teardown(role, std::forward<Handler>(handler));
}
inline void beast_close_socket(Stream& stream) {
  stream.close();
}

}  // namespace hanse::net
