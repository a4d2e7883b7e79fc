// A whole node over HTTP: 64 clients on kept-alive connections, each sending its next transaction when the last one is
// durable. Against the ledger alone, signatures included, in the same run.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <thread>

#include "api/server.hpp"
#include "base/check.hpp"
#include "base/clock.hpp"
#include "bench.hpp"
#include "consensus/solo.hpp"

namespace hanse::bench {
namespace {

constexpr std::size_t kClients = 64;
constexpr std::size_t kTransactions = 32'000;
constexpr std::size_t kAccounts = 256;
constexpr std::string_view kNetwork = "bench";

struct World {
  std::vector<crypto::KeyPair> keys;
  ledger::Genesis genesis;
  std::vector<Bytes> transactions;
};

template <class Work>
void on_all_cores(std::size_t count, Work&& work) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back([&] {
      for (std::size_t j; (j = next.fetch_add(1)) < count;) work(j);
    });
  }
}

World make_world() {
  World out;
  out.genesis.network = kNetwork;
  out.genesis.time = system_clock().now();
  for (std::size_t i = 0; i < kAccounts; ++i) {
    out.keys.push_back(crypto::KeyPair::generate());
    out.genesis.accounts.push_back({out.keys.back().public_key(), credits(1000)});
  }
  out.transactions.resize(kTransactions);
  on_all_cores(kTransactions, [&](std::size_t i) {
    const auto& signer = out.keys[i % kAccounts];
    model::Transaction tx;
    tx.network = kNetwork;
    tx.account = tx.signer = signer.public_key();
    tx.valid_until = after_s(out.genesis.time, 500);
    std::memcpy(tx.salt.data.data(), &i, sizeof i);
    tx.operations = {model::Transfer{out.keys[(i + 1) % kAccounts].public_key(), Money{1}, {}}};
    model::SignedTransaction one;
    one.body = wire::encode(tx);
    one.signature = signer.sign(wire::kTransactionDomain, one.body);
    out.transactions[i] = wire::encode(one);
  });
  return out;
}

/// Transactions/s of the ledger alone: blocks are opened on all cores while the one before is applied.
double ledger_alone(const World& world) {
  constexpr std::size_t kBlock = 4000;
  auto books = std::move(*ledger::Ledger::from_genesis(world.genesis));
  const Stopwatch watch;
  std::vector<ledger::Envelope> ready;
  const auto apply = [&] {
    const auto result =
        books.apply({books.state().height() + 1, after_s(world.genesis.time, 1), {}}, std::exchange(ready, {}));
    for (const auto& receipt : result.receipts) HANSE_CHECK(receipt.code == ErrorCode::ok);
  };
  for (std::size_t begin = 0; begin < kTransactions; begin += kBlock) {
    std::vector<ledger::Envelope> opened(kBlock);
    std::jthread applying(apply);
    on_all_cores(kBlock, [&](std::size_t i) {
      opened[i] = ledger::open(world.transactions[begin + i], kNetwork, world.genesis.params);
    });
    applying.join();
    ready = std::move(opened);
  }
  apply();
  return static_cast<double>(kTransactions) / watch.seconds();
}

/// One kept-alive connection; it knows just enough HTTP to tell where an answer ends.
struct Client {
  int fd = -1;
  std::string received;

  void connect(std::uint16_t port) {
    fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    HANSE_CHECK(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  void send(const Bytes& transaction) {
    std::string request =
        "POST /v1/transactions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-protobuf\r\nContent-Length: " +
        std::to_string(transaction.size()) + "\r\n\r\n";
    request.append(reinterpret_cast<const char*>(transaction.data()), transaction.size());
    HANSE_CHECK(::send(fd, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
  }
  /// True when a whole answer is there; it must be a receipt that is ok.
  bool receive() {
    char buffer[4096];
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    HANSE_CHECK(n > 0);
    received.append(buffer, static_cast<std::size_t>(n));
    const auto head_end = received.find("\r\n\r\n");
    if (head_end == std::string::npos) return false;
    const auto length = received.find("Content-Length: ");
    HANSE_CHECK(received.starts_with("HTTP/1.1 200") && length < head_end);
    if (received.size() < head_end + 4 + std::strtoul(received.c_str() + length + 16, nullptr, 10)) return false;
    received.clear();
    return true;
  }
};

double over_http(const World& world, std::uint16_t port) {
  std::vector<Client> clients(kClients);
  const int poll = ::epoll_create1(0);
  for (std::size_t i = 0; i < kClients; ++i) {
    clients[i].connect(port);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].fd, &event);
  }
  const Stopwatch watch;
  std::size_t sent = 0, answered = 0;
  for (auto& client : clients) client.send(world.transactions[sent++]);
  while (answered < kTransactions) {
    epoll_event events[kClients];
    const int ready = ::epoll_wait(poll, events, kClients, 60'000);
    HANSE_CHECK(ready > 0);
    for (int i = 0; i < ready; ++i) {
      auto& client = clients[events[i].data.u64];
      if (!client.receive()) continue;
      ++answered;
      if (sent < kTransactions) client.send(world.transactions[sent++]);
    }
  }
  const double rate = static_cast<double>(kTransactions) / watch.seconds();
  for (auto& client : clients) ::close(client.fd);
  ::close(poll);
  return rate;
}

void durable() {
  const World world = make_world();
  const double alone = ledger_alone(world);
  std::string folder = (std::filesystem::temp_directory_path() / "hanse-bench-XXXXXX").string();
  HANSE_CHECK(::mkdtemp(folder.data()) != nullptr);
  {
    auto store = store::Store::open(folder + "/node");
    HANSE_CHECK(store.has_value());
    auto node = consensus::start_solo(std::move(*store), world.genesis);
    HANSE_CHECK(node.has_value());
    auto server = api::Server::start(**node, {});
    HANSE_CHECK(server.has_value());
    const double rate = over_http(world, (*server)->port());
    const auto stats = (*node)->stats();
    const auto mean = [](std::uint64_t sum, std::uint64_t count) {
      return std::to_string(sum / std::max<std::uint64_t>(1, count));
    };
    report({.name = "node.durable",
            .value = rate,
            .unit = "transactions/s",
            .baseline = "the ledger alone with signatures, " + std::to_string(alone) + "/s; " +
                        std::to_string(stats.blocks) + " blocks, each " + mean(stats.apply_us, stats.blocks) +
                        " us to apply and " + mean(stats.commit_us, stats.blocks) + " us to sync",
            .ratio = rate / alone,
            .goal = "ratio >= 0.5"});
  }
  std::filesystem::remove_all(folder);
}
HANSE_BENCH("node.durable", durable);

}  // namespace
}  // namespace hanse::bench
