#include "provider/engine_stream.hpp"

#include <fmt/format.h>
#include <boost/asio/error.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

namespace hanse::provider {

namespace http = boost::beast::http;
using nlohmann::json;

Result<std::optional<ExecStream::Chunk>> FrameReader::next() {
  constexpr std::size_t kHeader = 8;
  while (remaining_ == 0) {
    if (pending_.size() - at_ < kHeader) {
      pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(at_));
      at_ = 0;
      return std::nullopt;
    }
    const std::uint8_t* head = pending_.data() + at_;
    if (head[0] > 3 || head[1] != 0 || head[2] != 0 || head[3] != 0) {
      return fail(ErrorCode::malformed, "the container engine sent output that is not a multiplexed stream");
    }
    source_ = head[0] == 2 ? ExecStream::Source::err : ExecStream::Source::out;
    remaining_ = (std::size_t{head[4]} << 24) | (std::size_t{head[5]} << 16) | (std::size_t{head[6]} << 8) | head[7];
    at_ += kHeader;
  }
  const std::size_t have = std::min(remaining_, pending_.size() - at_);
  if (have == 0) {
    pending_.clear();
    at_ = 0;
    return std::nullopt;
  }
  const auto* begin = pending_.data() + at_;
  ExecStream::Chunk chunk{source_, Bytes(begin, begin + have)};
  at_ += have;
  remaining_ -= have;
  if (at_ == pending_.size()) {
    pending_.clear();
    at_ = 0;
  }
  return chunk;
}

namespace {

class LogStream : public ExecStream {
 public:
  explicit LogStream(std::unique_ptr<HttpStream> stream) : stream_(std::move(stream)) {}

  Result<Chunk> read() override {
    for (;;) {
      auto chunk = frames_.next();
      if (!chunk) return fail(chunk);
      if (*chunk) return std::move(**chunk);
      auto bytes = stream_->read();
      if (!bytes) return fail(bytes);
      if (bytes->empty()) return Chunk{Source::end, {}};
      if (stream_->status() != 200) {
        return fail(ErrorCode::io, "the container engine refuses the output: " + std::string(as_text(*bytes)));
      }
      frames_.feed(*bytes);
    }
  }
  Result<> write(ByteView) override { return fail(ErrorCode::unsupported, "a log takes no input"); }
  void close_input() override {}
  Result<> resize(std::uint16_t, std::uint16_t) override { return {}; }
  Result<int> exit_code() override { return fail(ErrorCode::unsupported, "a log has no exit code: wait() has"); }
  void abort() override { stream_->abort(); }

 private:
  std::unique_ptr<HttpStream> stream_;
  FrameReader frames_;
};

class HijackedExec : public ExecStream {
 public:
  HijackedExec(Hijacked hijacked, std::string socket, std::string exec_id, bool tty)
      : stream_(std::move(hijacked.stream)),
        early_(std::move(hijacked.early)),
        socket_(std::move(socket)),
        exec_id_(std::move(exec_id)),
        tty_(tty) {
    stream_->set_timeout(kSilenceMs);
  }

  Result<Chunk> read() override {
    if (tty_) return read_raw();
    if (!early_.empty()) frames_.feed(std::exchange(early_, {}));
    for (;;) {
      auto chunk = frames_.next();
      if (!chunk) return fail(chunk);
      if (*chunk) return std::move(**chunk);
      auto raw = read_raw();
      if (!raw || raw->source == Source::end) return raw;
      frames_.feed(raw->bytes);
    }
  }

  Result<> write(ByteView bytes) override {
    while (!bytes.empty()) {
      boost::system::error_code error;
      const auto n = stream_->write(bytes.data(), bytes.size(), error);
      if (error == boost::asio::error::timed_out) continue;  // a program may take its time to read
      if (error) return fail(ErrorCode::unavailable, "the process takes no more input: " + error.message());
      bytes = bytes.subspan(n);
    }
    return {};
  }
  /// A terminal's input does not end but with the terminal: Docker would take the end of the stream for a detach.
  void close_input() override {
    if (!tty_) stream_->close_input();
  }

  Result<> resize(std::uint16_t columns, std::uint16_t rows) override {
    if (!tty_) return {};
    const auto target = fmt::format("/exec/{}/resize?h={}&w={}", exec_id_, rows, columns);
    auto reply = call(socket_, make_request(http::verb::post, target), kTimeoutMs);
    if (!reply) return fail(reply);
    if (reply->status >= 300) return fail(ErrorCode::io, "the terminal was not resized: " + reply->body);
    return {};
  }

  /// The stream may end a moment before the engine has noted the exit, so this asks again for a while.
  Result<int> exit_code() override {
    for (int i = 0; i < 200; ++i) {
      auto reply = call(socket_, make_request(http::verb::get, "/exec/" + exec_id_ + "/json"), kTimeoutMs);
      if (!reply) return fail(reply);
      const json answer = json::parse(reply->body, nullptr, false);
      if (reply->status != 200 || !answer.is_object()) {
        return fail(ErrorCode::not_found, "the container engine no longer knows this exec: " + reply->body);
      }
      const auto running = answer.find("Running");
      const auto code = answer.find("ExitCode");
      if (running != answer.end() && running->is_boolean() && !running->get<bool>() && code != answer.end() &&
          code->is_number_integer()) {
        return code->get<int>();
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    return fail(ErrorCode::timeout, "the process closed its output and goes on: it has no exit code yet");
  }
  void abort() override { stream_->abort(); }

 private:
  static constexpr std::uint32_t kTimeoutMs = 10'000;
  static constexpr std::uint32_t kSilenceMs = 3'000;

  Result<Chunk> read_raw() {
    if (!early_.empty()) return Chunk{Source::out, std::exchange(early_, {})};
    Bytes bytes(16 * 1024);
    boost::system::error_code error;
    bool is_over = false;
    while (true) {
      const auto n = stream_->read(bytes.data(), bytes.size(), error);
      bytes.resize(n);
      if (n > 0) return Chunk{Source::out, std::move(bytes)};
      // An end, an abort and a broken engine all end the stream. podman forgets now and then to end it itself: a
      // process that was over a silence ago has nothing more to say.
      if (error != boost::asio::error::timed_out || is_over) return Chunk{Source::end, {}};
      is_over = has_ended();
      bytes.resize(16 * 1024);
    }
  }

  [[nodiscard]] bool has_ended() const {
    const auto reply = call(socket_, make_request(http::verb::get, "/exec/" + exec_id_ + "/json"), kTimeoutMs);
    if (!reply || reply->status != 200) return reply && reply->status == 404;
    const json answer = json::parse(reply->body, nullptr, false);
    return answer.is_object() && answer.value("Running", json()) == false;
  }

  std::unique_ptr<UnixStream> stream_;
  Bytes early_;
  std::string socket_, exec_id_;
  bool tty_;
  FrameReader frames_;
};

}  // namespace

std::unique_ptr<ExecStream> make_log_stream(std::unique_ptr<HttpStream> stream) {
  return std::make_unique<LogStream>(std::move(stream));
}

std::unique_ptr<ExecStream> make_exec_stream(Hijacked hijacked, std::string socket, std::string exec_id, bool tty) {
  return std::make_unique<HijackedExec>(std::move(hijacked), std::move(socket), std::move(exec_id), tty);
}

}  // namespace hanse::provider
