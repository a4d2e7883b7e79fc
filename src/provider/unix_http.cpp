#include "provider/unix_http.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <cerrno>
#include <cstring>

namespace hanse::provider {

namespace http = boost::beast::http;
using boost::system::error_code;

Result<std::unique_ptr<UnixStream>> UnixStream::connect(const std::string& path, std::uint32_t timeout_ms) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::invalid_argument, "the socket path '" + path + "' is empty or too long");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(ErrorCode::io, std::string("cannot make a socket: ") + std::strerror(errno));
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int why = errno;
    ::close(fd);
    return fail(ErrorCode::unavailable, "no container engine answers at " + path + " (" + std::strerror(why) +
                                            "): start 'podman system service' or Docker, or set 'engine_socket'");
  }
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  return std::unique_ptr<UnixStream>(new UnixStream(fd, timeout_ms));
}

UnixStream::~UnixStream() {
  ::close(fd_);
}

void UnixStream::close_input() {
  ::shutdown(fd_, SHUT_WR);
}

void UnixStream::abort() {
  aborted_ = true;
  ::shutdown(fd_, SHUT_RDWR);
}

bool UnixStream::wait_for(short events, error_code& error) const {
  pollfd entry{fd_, events, 0};
  const int timeout = timeout_ms_ == 0 ? -1 : static_cast<int>(timeout_ms_);
  for (;;) {
    const int n = ::poll(&entry, 1, timeout);
    if (n > 0) return true;
    if (n == 0) {
      error = boost::asio::error::timed_out;
      return false;
    }
    if (errno != EINTR) {
      error.assign(errno, boost::system::system_category());
      return false;
    }
  }
}

std::size_t UnixStream::read(void* out, std::size_t size, error_code& error) {
  error.clear();
  for (;;) {
    if (aborted_) {
      error = boost::asio::error::operation_aborted;
      return 0;
    }
    const auto n = ::recv(fd_, out, size, 0);
    if (n > 0) return static_cast<std::size_t>(n);
    if (n == 0) {
      error = boost::asio::error::eof;
      return 0;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      error.assign(errno, boost::system::system_category());
      return 0;
    }
    if (!wait_for(POLLIN, error)) return 0;
  }
}

std::size_t UnixStream::write(const void* data, std::size_t size, error_code& error) {
  error.clear();
  for (;;) {
    const auto n = ::send(fd_, data, size, MSG_NOSIGNAL);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      error.assign(errno, boost::system::system_category());
      return 0;
    }
    if (!wait_for(POLLOUT, error)) return 0;
  }
}

namespace {

Error describe(const error_code& error, const HttpRequest& request) {
  const std::string what = std::string(request.method_string()) + " " + std::string(request.target());
  if (error == boost::asio::error::timed_out) {
    return {ErrorCode::timeout, "the container engine did not answer " + what + " in time: is it overloaded or hung?"};
  }
  if (error == boost::asio::error::operation_aborted) return {ErrorCode::wrong_state, what + " was aborted"};
  return {ErrorCode::unavailable,
          "the container engine broke off " + what + " (" + error.message() + "): see its log; it may be restarting"};
}

/// The connection on which the request went out.
Result<std::unique_ptr<UnixStream>> send(const std::string& socket, const HttpRequest& request,
                                         std::uint32_t timeout_ms) {
  auto stream = UnixStream::connect(socket, timeout_ms);
  if (!stream) return fail(stream);
  error_code error;
  http::write(**stream, request, error);
  if (error) return std::unexpected(describe(error, request));
  return stream;
}

class StreamedReply : public HttpStream {
 public:
  explicit StreamedReply(std::unique_ptr<UnixStream> stream) : stream_(std::move(stream)) {
    parser_.body_limit(boost::none);
  }
  [[nodiscard]] unsigned status() const override { return parser_.get().result_int(); }
  Result<Bytes> read() override {
    std::uint8_t piece[16 * 1024];
    if (!parser_.is_header_done()) {
      error_code error;
      http::read_header(*stream_, buffer_, parser_, error);
      if (error == boost::asio::error::operation_aborted) return Bytes{};
      if (error) return broken(error);
    }
    while (!parser_.is_done()) {
      parser_.get().body().data = piece;
      parser_.get().body().size = sizeof piece;
      error_code error;
      http::read_some(*stream_, buffer_, parser_, error);
      if (error == http::error::need_buffer) error.clear();
      const std::size_t got = sizeof piece - parser_.get().body().size;
      if (got > 0) return Bytes(piece, piece + got);
      if (error == http::error::end_of_stream || error == boost::asio::error::eof) break;
      if (error == boost::asio::error::operation_aborted) break;
      if (error) return broken(error);
    }
    return Bytes{};
  }
  void abort() override { stream_->abort(); }

 private:
  static std::unexpected<Error> broken(const error_code& error) {
    return fail(ErrorCode::unavailable, "the container engine broke off a stream: " + error.message());
  }
  std::unique_ptr<UnixStream> stream_;
  boost::beast::flat_buffer buffer_;
  http::response_parser<http::buffer_body> parser_;
};

}  // namespace

HttpRequest make_request(http::verb verb, const std::string& target, std::string body) {
  HttpRequest request(verb, target, 11);
  request.set(http::field::host, "engine");
  request.set(http::field::user_agent, "hanse");
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  request.body() = std::move(body);
  request.prepare_payload();
  return request;
}

Result<HttpReply> call(const std::string& socket, const HttpRequest& request, std::uint32_t timeout_ms) {
  auto stream = send(socket, request, timeout_ms);
  if (!stream) return fail(stream);
  error_code error;
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMaxReplyBytes);
  http::read(**stream, buffer, parser, error);
  if (error) return std::unexpected(describe(error, request));
  return HttpReply{parser.get().result_int(), std::move(parser.get().body())};
}

Result<std::unique_ptr<HttpStream>> open_stream(const std::string& socket, const HttpRequest& request,
                                                std::uint32_t silence_ms) {
  auto stream = send(socket, request, silence_ms);
  if (!stream) return fail(stream);
  return std::make_unique<StreamedReply>(std::move(*stream));
}

Result<Hijacked> hijack(const std::string& socket, HttpRequest request, std::uint32_t timeout_ms) {
  request.set(http::field::connection, "Upgrade");
  request.set(http::field::upgrade, "tcp");
  auto stream = send(socket, request, timeout_ms);
  if (!stream) return fail(stream);
  error_code error;
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMaxReplyBytes);
  http::read_header(**stream, buffer, parser, error);
  if (error) return std::unexpected(describe(error, request));
  Hijacked out;
  out.status = parser.get().result_int();
  if (out.status != 101 && out.status != 200) {
    http::read(**stream, buffer, parser, error);
    out.refusal = std::move(parser.get().body());
    return out;
  }
  const auto rest = buffer.data();
  const auto* bytes = static_cast<const std::uint8_t*>(rest.data());
  out.early.assign(bytes, bytes + rest.size());
  (*stream)->set_timeout(0);
  out.stream = std::move(*stream);
  return out;
}

std::string url_encode(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

}  // namespace hanse::provider
