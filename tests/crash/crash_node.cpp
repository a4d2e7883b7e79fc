// crash_node FOLDER SEED: runs a solo node on the folder and loads it from several threads with signed payments and
// rentals, until it is killed. Each acknowledged transaction is one line on stdout, written at once and whole:
//
//   ack HASH RECEIPT      both in hexadecimal, the receipt encoded
//
// A line is written only after the node has acknowledged, so whoever reads it may hold the store to it.

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <thread>

#include "consensus/testing/running_node.hpp"

namespace {

using namespace hanse;
using namespace hanse::consensus::testing;

constexpr int kPayers = 4;
constexpr int kRenters = 2;
constexpr std::size_t kInFlight = 16;  ///< Payments of one payer that wait together.

/// Short windows, so that timers end, release and close leases while the load goes on.
ledger::Genesis crash_genesis() {
  auto out = genesis();
  out.time = {};
  out.params.claim_window_s = 1;
  out.params.heartbeat_timeout_s = 1;
  out.params.start_deadline_s = 1;
  return out;
}

[[noreturn]] void give_up(std::string_view what) {
  std::fprintf(stderr, "crash_node: %.*s\n", static_cast<int>(what.size()), what.data());
  std::_Exit(1);
}

void print_ack(const Hash& hash, const model::Receipt& receipt) {
  const std::string line = "ack " + to_hex(hash.view()) + " " + to_hex(wire::encode(receipt)) + "\n";
  // At most PIPE_BUF, so lines of several threads never mix.
  if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::_Exit(2);
}

class Client {
 public:
  Client(consensus::Node& node, std::uint64_t seed) : node_(node), rng(seed) {}

  struct Sent {
    Hash hash;
    std::future<Result<model::Receipt>> answer;
  };
  Sent start(const crypto::KeyPair& signer, std::vector<model::Operation> operations) {
    auto bytes = sign(signer, after_s(system_clock().now(), 60), rng, std::move(operations));
    const auto hash = wire::transaction_hash(bytes);
    if (rng.one_in(20)) node_.submit(bytes, [](const auto&) {});  // an impatient client sends twice
    return {hash, submit(node_, std::move(bytes))};
  }
  model::Receipt finish(Sent sent) {
    auto receipt = answer_of(std::move(sent.answer));
    if (!receipt) give_up(receipt.error().message);
    print_ack(sent.hash, *receipt);
    return std::move(*receipt);
  }
  model::Receipt send(const crypto::KeyPair& signer, std::vector<model::Operation> operations) {
    return finish(start(signer, std::move(operations)));
  }

 private:
  consensus::Node& node_;

 public:
  Rng rng;
};

[[noreturn]] void pay_for_ever(consensus::Node& node, std::uint64_t seed) {
  Client client(node, seed);
  while (true) {
    std::vector<Client::Sent> sent;
    for (std::size_t i = 0; i < kInFlight; ++i) {
      std::vector<model::Operation> operations;
      for (std::uint64_t n = 1 + client.rng.below(3); n > 0; --n) {
        const bool is_too_much = client.rng.one_in(10);
        operations.emplace_back(
            transfer(client.rng.below(12), is_too_much ? kMaxMoney.micros : client.rng.between(1, 1000)));
      }
      sent.push_back(client.start(key(client.rng.below(4)), std::move(operations)));
    }
    for (auto& each : sent) client.finish(std::move(each));
  }
}

model::PostOffer offer_named(std::string name) {
  model::PostOffer out;
  out.machine.name = std::move(name);
  out.machine.gpu_model = "RTX4090";
  out.machine.gpu_count = 8;
  out.machine.vram_bytes = 24'000'000'000;
  out.machine.cpu_threads = 64;
  out.machine.memory_bytes = 256'000'000'000;
  out.machine.disk_bytes = 1'000'000'000'000;
  out.machine.country = "DE";
  out.prices.on_demand_per_gpu_hour = credits(1);
  return out;
}

/// One lease, from request to one of its ends.
void rent_once(Client& client, const crypto::KeyPair& provider, const crypto::KeyPair& consumer, model::OfferId offer) {
  model::SubmitRequest request;
  request.demand.offer = offer;
  request.demand.gpu_count = static_cast<std::uint32_t>(1 + client.rng.below(2));
  request.demand.duration_s = 3600;
  const auto matched = client.send(consumer, {request});
  if (matched.code != ErrorCode::ok || !matched.outcomes.at(0).lease) return;
  const auto lease = matched.outcomes.at(0).lease;
  if (client.rng.one_in(4)) return;  // never starts: the start deadline ends it

  client.send(provider, {model::ConfirmLease{lease, "127.0.0.1:2222", key(99).public_key()}});
  if (client.rng.one_in(8)) return;  // runs on, until its provider's heartbeats stop
  if (client.rng.one_in(3)) client.send(consumer, {model::ExtendLease{lease, 60}});
  const bool has_failed = client.rng.one_in(4);
  client.send(
      has_failed ? provider : consumer,
      {model::EndLease{lease, has_failed ? model::EndReason::provider_failed : model::EndReason::completed, ""}});
  client.send(key(0), {model::Settle{lease}});
}

[[noreturn]] void rent_for_ever(consensus::Node& node, std::uint64_t seed, std::uint64_t number) {
  Client client(node, seed);
  const auto provider = key(4 + number), consumer = key(6 + number);
  client.send(provider, {model::RegisterProvider{"p", "127.0.0.1:2222", key(99).public_key()}});
  while (true) {
    const auto posted =
        client.send(provider, {model::Heartbeat{}, offer_named("m-" + std::to_string(client.rng.next()))});
    if (posted.code != ErrorCode::ok) give_up("cannot post an offer: " + posted.message);
    for (int i = 0; i < 20; ++i) {
      rent_once(client, provider, consumer, posted.outcomes.at(1).offer);
      client.send(provider, {model::Heartbeat{}});
    }
    client.send(provider, {model::WithdrawOffer{posted.outcomes.at(1).offer}});
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) give_up("usage: crash_node FOLDER SEED");
  std::uint64_t seed = 0;
  const std::string_view text = argv[2];
  if (std::from_chars(text.data(), text.data() + text.size(), seed).ec != std::errc()) give_up("bad seed");

  auto store = store::Store::open(argv[1]);
  if (!store) give_up(store.error().message);
  const auto node = consensus::start_solo(std::move(*store), crash_genesis(), {.idle_block_ms = 50});
  if (!node) give_up(node.error().message);

  std::vector<std::jthread> threads;
  for (int i = 0; i < kPayers; ++i) {
    threads.emplace_back([&, i] { pay_for_ever(**node, seed + static_cast<std::uint64_t>(i)); });
  }
  for (int i = 0; i < kRenters; ++i) {
    const auto number = static_cast<std::uint64_t>(i);
    threads.emplace_back([&, number] { rent_for_ever(**node, seed + 100 + number, number); });
  }
  threads.clear();  // never returns: the program ends by being killed
  return 0;
}
