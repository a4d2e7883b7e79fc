#pragma once

// HTTP over a unix socket, blocking, with a deadline on every wait. One connection a request, so that no state is
// shared between threads; connecting to a local socket costs microseconds.

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.hpp"

namespace hanse::provider {

/// A connected unix socket as Beast wants a stream: read_some and write_some. `abort` may come from any thread; the
/// rest is for one thread.
class UnixStream {
 public:
  /// unavailable if nobody listens there. `timeout_ms` bounds each wait for bytes; 0: for ever.
  static Result<std::unique_ptr<UnixStream>> connect(const std::string& path, std::uint32_t timeout_ms);
  ~UnixStream();
  UnixStream(const UnixStream&) = delete;
  UnixStream& operator=(const UnixStream&) = delete;

  void set_timeout(std::uint32_t timeout_ms) { timeout_ms_ = timeout_ms; }
  void close_input();  ///< Half-close: the peer reads an end.
  void abort();        ///< Makes a waiting read or write return.

  std::size_t read(void* out, std::size_t size, boost::system::error_code& error);  ///< 0 with eof at the end.
  std::size_t write(const void* data, std::size_t size, boost::system::error_code& error);

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, boost::system::error_code& error) {
    for (auto it = boost::asio::buffer_sequence_begin(buffers); it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::mutable_buffer buffer(*it);
      if (buffer.size() > 0) return read(buffer.data(), buffer.size(), error);
    }
    return 0;
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, boost::system::error_code& error) {
    for (auto it = boost::asio::buffer_sequence_begin(buffers); it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::const_buffer buffer(*it);
      if (buffer.size() > 0) return write(buffer.data(), buffer.size(), error);
    }
    return 0;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    boost::system::error_code error;
    const auto n = read_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return n;
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers) {
    boost::system::error_code error;
    const auto n = write_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return n;
  }

 private:
  explicit UnixStream(int fd, std::uint32_t timeout_ms) : fd_(fd), timeout_ms_(timeout_ms) {}
  bool wait_for(short events, boost::system::error_code& error) const;
  int fd_;
  std::uint32_t timeout_ms_;
  std::atomic<bool> aborted_{false};
};

using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;

struct HttpReply {
  unsigned status = 0;
  std::string body;
};

inline constexpr std::size_t kMaxReplyBytes = 32U << 20;  ///< Of a whole reply; streams are bounded by their reader.

/// A request with its usual headers. `body` is JSON, or empty.
HttpRequest make_request(boost::beast::http::verb verb, const std::string& target, std::string body = {});

/// Sends, reads the whole answer. unavailable, timeout or io if that fails; any HTTP status is a reply.
Result<HttpReply> call(const std::string& socket, const HttpRequest& request, std::uint32_t timeout_ms);

/// An answer whose body comes piece by piece (chunked or until the end of the connection). podman sends even the
/// header only once there is something to say, so the first read() waits for it.
class HttpStream {
 public:
  virtual ~HttpStream() = default;
  [[nodiscard]] virtual unsigned status() const = 0;  ///< After the first read().
  /// The next piece of the body; empty at its end.
  virtual Result<Bytes> read() = 0;
  virtual void abort() = 0;  ///< From any thread.
};
/// `silence_ms`: the longest wait for the next piece; 0: for ever.
Result<std::unique_ptr<HttpStream>> open_stream(const std::string& socket, const HttpRequest& request,
                                                std::uint32_t silence_ms);

/// Asks to take the connection over (`Upgrade: tcp`). On success the raw stream, and the bytes that came with the
/// header already. `status` tells of a refusal: then `refusal` holds the reply's body.
struct Hijacked {
  std::unique_ptr<UnixStream> stream;
  Bytes early;
  unsigned status = 0;
  std::string refusal;
};
Result<Hijacked> hijack(const std::string& socket, HttpRequest request, std::uint32_t timeout_ms);

/// Percent-encodes all but unreserved characters.
std::string url_encode(std::string_view text);

}  // namespace hanse::provider
