#pragma once

// For tests of the API: a real server over a real node on a folder of its own, under a clock that the test moves.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "api/server.hpp"
#include "base/check.hpp"
#include "client/http.hpp"
#include "consensus/testing/running_node.hpp"
#include "model/text.hpp"

namespace hanse::api::testing {

using consensus::testing::key;
using consensus::testing::kLongest;
using consensus::testing::kNetwork;
using consensus::testing::kStart;
using consensus::testing::transfer;
using nlohmann::json;

class RunningServer {
 public:
  explicit RunningServer(ServerOptions options = {}) : options_(std::move(options)) { start(); }
  ~RunningServer() { stop(); }

  void start() {
    auto store = store::Store::open(folder_.path / "node");
    HANSE_CHECK(store.has_value());
    auto node = consensus::start_solo(std::move(*store), consensus::testing::genesis(), {}, clock);
    HANSE_CHECK(node.has_value());
    node_ = std::move(*node);
    options_.clock = &clock;
    auto server = Server::start(*node_, options_);
    HANSE_CHECK(server.has_value());
    server_ = std::move(*server);
    options_.port = server_->port();  // a restarted one answers at the same address
  }
  void stop() {
    server_.reset();
    node_.reset();
  }

  [[nodiscard]] consensus::Node& node() { return *node_; }
  [[nodiscard]] std::uint16_t port() const { return options_.port; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path; }
  [[nodiscard]] client::HttpOptions http_options() const {
    client::HttpOptions out;
    out.url = "http://127.0.0.1:" + std::to_string(port());
    return out;
  }
  [[nodiscard]] std::unique_ptr<client::Http> http() const { return std::move(*client::Http::open(http_options())); }

  /// Signed by key(signer), valid for five minutes from now.
  [[nodiscard]] Bytes sign(std::uint64_t signer, std::vector<model::Operation> operations) {
    return consensus::testing::sign(key(signer), after_s(clock.now(), 300), rng_, std::move(operations));
  }
  /// The outcome of the one operation, which must succeed.
  model::Outcome apply(std::uint64_t signer, model::Operation operation) {
    const auto receipt = consensus::testing::send(*node_, sign(signer, {std::move(operation)}));
    EXPECT_TRUE(receipt) << (receipt ? "" : receipt.error().message);
    EXPECT_TRUE(receipt && receipt->code == ErrorCode::ok) << (receipt ? receipt->message : "");
    return receipt && !receipt->outcomes.empty() ? receipt->outcomes[0] : model::Outcome{};
  }

  consensus::testing::VirtualClock clock;

 private:
  consensus::testing::Folder folder_;
  ServerOptions options_;
  Rng rng_{20261122};
  std::unique_ptr<consensus::Node> node_;
  std::unique_ptr<Server> server_;
};

inline std::string address(std::uint64_t number) {
  return model::format_address(key(number).public_key());
}

/// A machine of key(provider) with `gpus` devices at `micros` per GPU-hour.
inline model::PostOffer offer_of(const std::string& name, std::uint32_t gpus, std::int64_t micros) {
  model::PostOffer out;
  out.machine.name = name;
  out.machine.gpu_model = "RTX4090";
  out.machine.gpu_count = gpus;
  out.machine.vram_bytes = 24'000'000'000;
  out.machine.cpu_threads = 16;
  out.machine.memory_bytes = 64'000'000'000;
  out.machine.disk_bytes = 1'000'000'000'000;
  out.machine.inet_down_mbps = 1000;
  out.machine.inet_up_mbps = 500;
  out.machine.country = "DE";
  out.prices.on_demand_per_gpu_hour = Money{micros};
  return out;
}

inline void register_provider(RunningServer& server, std::uint64_t number) {
  server.apply(number, model::RegisterProvider{"provider " + std::to_string(number), "127.0.0.1:2222",
                                               key(number).public_key()});
  server.apply(number, model::Heartbeat{});
}

inline model::SubmitRequest request_of(std::uint64_t duration_s = 3600) {
  model::SubmitRequest out;
  out.demand.duration_s = duration_s;
  return out;
}

/// A plain TCP connection, for what no well-behaved client would send. Every wait is bounded.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    HANSE_CHECK(fd_ >= 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~RawConnection() { ::close(fd_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] int fd() const { return fd_; }
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  /// Everything until the peer closes, or until `is_enough(text)`.
  template <class Enough>
  std::string read_until(Enough&& is_enough) {
    std::string out;
    char buffer[4096];
    while (!is_enough(out)) {
      pollfd wait{fd_, POLLIN, 0};
      if (::poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kLongest).count())) != 1) return out + "[late]";
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return out;
      out.append(buffer, static_cast<std::size_t>(n));
    }
    return out;
  }
  std::string read_all() {
    return read_until([](const std::string&) { return false; });
  }

 private:
  int fd_;
  bool connected_ = false;
};

struct RawAnswer {
  unsigned status = 0;
  std::string head, body;
  [[nodiscard]] json body_json() const { return json::parse(body, nullptr, false); }
  /// The value of a header field, in the case that the server writes.
  [[nodiscard]] std::string field(const std::string& name) const {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const auto begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

inline RawAnswer parse_answer(const std::string& text) {
  RawAnswer out;
  const auto end = text.find("\r\n\r\n");
  if (text.size() < 12 || end == std::string::npos) return out;
  out.status = static_cast<unsigned>(std::atoi(text.c_str() + 9));
  out.head = text.substr(0, end + 2);
  out.body = text.substr(end + 4);
  return out;
}

/// One request on a connection of its own. `fields`: more of its head, each line with its end.
inline RawAnswer ask(std::uint16_t port, const std::string& method, const std::string& target,
                     const std::string& type = "", const std::string& body = "", const std::string& fields = "") {
  RawConnection connection(port);
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n" + fields;
  if (!type.empty()) text += "Content-Type: " + type + "\r\n";
  if (!body.empty() || method == "POST") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  connection.send(text + "\r\n" + body);
  return parse_answer(connection.read_all());
}

}  // namespace hanse::api::testing
