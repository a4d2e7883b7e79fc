#pragma once

// A whole network in one process: a solo node behind its HTTP API, an agent with a real podman, and a consumer.

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/server.hpp"
#include "client/sender.hpp"
#include "client/wallet.hpp"
#include "consensus/solo.hpp"
#include "model/text.hpp"
#include "provider/agent.hpp"
#include "provider/testing/engine_service.hpp"
#include "provider/testing/gateway_fixture.hpp"
#include "provider/testing/heard.hpp"
#include "wire/json.hpp"

namespace hanse::testing {

namespace fs = std::filesystem;
using provider::testing::EngineService;
using provider::testing::Ran;
using provider::testing::run_shell;

/// Waits for something to become true, a minute at most.
inline bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 1200; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

class House {
 public:
  /// `set` changes the network's parameters.
  explicit House(const std::function<void(model::Params&)>& set = {}) {
    ledger::Genesis genesis;
    genesis.network = "agent-test";
    genesis.accounts = {{owner.public_key(), credits(100)}, {consumer.public_key(), credits(100)}};
    genesis.params.heartbeat_timeout_s = 30;
    if (set) set(genesis.params);
    auto store = store::Store::open(folder / "node");
    HANSE_CHECK(store);
    auto started = consensus::start_solo(std::move(*store), genesis);
    HANSE_CHECK(started);
    node = std::move(*started);
    auto served = api::Server::start(*node, {});
    HANSE_CHECK(served);
    server = std::move(*served);
    options.url = "http://127.0.0.1:" + std::to_string(server->port());
    http = client::Http::open(options).value();
    std::ofstream(folder / "key") << provider::format_ssh_private_key(access);
    fs::permissions(folder / "key", fs::perms::owner_read);
  }
  ~House() {
    agent.reset();
    server.reset();
    node.reset();
    provider::testing::sweep_folder(EngineService::instance().engine(), folder);
  }

  provider::AgentConfig config() {
    provider::AgentConfig c;
    c.node = options;
    c.owner = owner.public_key();
    c.name = "test-box";
    c.advertise_host = c.listen_host = "127.0.0.1";
    c.ssh_port = 0;
    c.engine_socket = EngineService::instance().socket();
    c.country = c.machine.country = "DE";
    c.default_image = provider::testing::kTestImage;
    c.internet = false;
    c.machine.name = "box";
    c.machine.gpu_model = "CPU";
    c.machine.device_kind = model::DeviceKind::cpu;
    c.machine.gpu_count = 2;
    c.machine.vram_bytes = 1ULL << 30;
    c.machine.cpu_threads = 2;
    c.machine.memory_bytes = 1ULL << 30;
    c.machine.disk_bytes = 10ULL << 30;
    c.machine.inet_down_mbps = c.machine.inet_up_mbps = 100;
    c.prices.on_demand_per_gpu_hour = credits(1);
    return c;
  }

  Result<std::unique_ptr<provider::Agent>> start_agent(provider::AgentConfig c, const std::string& data = "agent") {
    return provider::Agent::start({std::move(c), folder / data, HANSE_TEST_HELPER, false, root});
  }
  /// With its key authorised, as the owner would.
  void run_agent() {
    authorise("agent");
    auto started = start_agent(config());
    if (!started) std::fprintf(stderr, "%s\n", started.error().message.c_str());
    HANSE_CHECK(started);
    agent = std::move(*started);
  }
  void authorise(const std::string& data) {
    const auto key = client::open_or_create_ssh_key(folder / data / provider::kAgentKeyFile, "agent").value();
    send(owner, {model::AuthorizeKey{key.public_key(),
                                     {provider::kAgentOperations.begin(), provider::kAgentOperations.end()},
                                     credits(10),
                                     after_s(system_clock().now(), 86'400)}});
  }

  model::Receipt send(const crypto::KeyPair& who, std::vector<model::Operation> operations) {
    client::Sender sender(*http, "agent-test", who.public_key(), who);
    auto receipt = sender.send(std::move(operations));
    if (!receipt) std::fprintf(stderr, "%s\n", receipt.error().message.c_str());
    HANSE_CHECK(receipt);
    return *receipt;
  }

  model::LeaseId rent(const model::Job* job, std::uint64_t duration_s = 3600, std::uint64_t keep_s = 0) {
    model::SubmitRequest request;
    request.demand.duration_s = duration_s;
    request.demand.keep_s = keep_s;
    if (keep_s > 0) request.demand.disk_bytes = 64 << 20;
    request.demand.gpu_count = 1;
    if (job != nullptr) request.job_hash = wire::job_hash(*job);
    request.access_key = access.public_key();
    const auto receipt = send(consumer, {request});
    return receipt.outcomes.at(0).lease;
  }
  /// By the next auction that takes the bid, while somebody rents out on spot.
  model::LeaseId win(const model::Job* job, Money bid) {
    model::SubmitRequest request;
    request.demand.mode = model::Mode::spot;
    request.demand.max_price_per_gpu_hour = bid;
    request.demand.duration_s = 3600;
    request.demand.gpu_count = 2;
    if (job != nullptr) request.job_hash = wire::job_hash(*job);
    request.access_key = access.public_key();
    const auto id = send(consumer, {request}).outcomes.at(0).request;
    model::LeaseId won;
    HANSE_CHECK(eventually([&] {
      const auto answer = http->get("/v1/requests/" + model::format_id(id));
      won = wire::from_json<model::Request>((*answer)["request"]).value().lease;
      return static_cast<bool>(won);
    }));
    return won;
  }
  model::Lease lease(model::LeaseId id) {
    auto answer = http->get("/v1/leases/" + model::format_id(id));
    HANSE_CHECK(answer);
    return wire::from_json<model::Lease>((*answer)["lease"]).value();
  }
  bool is(model::LeaseId id, model::LeaseState state) { return lease(id).state == state; }

  /// OpenSSH's client as the consumer: "ssh … lease-1@127.0.0.1 ARGUMENTS".
  Ran ssh(model::LeaseId id, const std::string& arguments, const std::string& input = "/dev/null") {
    return run_shell(
        "ssh -F /dev/null -i " + (folder / "key").string() + " -p " + std::to_string(agent->ssh_port()) +
        " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -o LogLevel=ERROR -o "
        "IdentitiesOnly=yes " +
        model::format_id(id) + "@127.0.0.1 " + arguments + " < " + input + " 2>&1");
  }
  /// The job's output to its end.
  provider::testing::Heard hear(model::LeaseId id) {
    provider::testing::Heard heard;
    heard.take(as_bytes(ssh(id, "-s hanse-logs").output));
    return heard;
  }
  Ran deliver(model::LeaseId id, const model::Job& job) {
    const auto bytes = wire::encode(job);
    std::ofstream(folder / "job", std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return ssh(id, "-s hanse-job", folder / "job");
  }

  /// What the engine and the disk still hold of this house's leases.
  std::vector<std::string> traces() {
    std::vector<std::string> out;
    const auto networks = EngineService::instance().engine().list_networks(label());
    if (!networks) return {networks.error().message};
    for (const auto& network : *networks) out.push_back(network);
    const auto containers = EngineService::instance().engine().list(label());
    if (!containers) return {containers.error().message};
    for (const auto& container : *containers) out.push_back(container.name);
    for (const auto& entry : fs::directory_iterator(folder / "agent" / "leases")) out.push_back(entry.path());
    return out;
  }

  crypto::PublicKey agent_key() {
    return client::open_or_create_ssh_key(folder / "agent" / provider::kAgentKeyFile, "agent").value().public_key();
  }
  std::string label() { return provider::testing::agent_label(folder / "agent"); }
  std::string container_of(model::LeaseId id) {
    return "hanse-" + to_hex(agent_key().view()).substr(0, 8) + "-" + model::format_id(id);
  }

  const fs::path folder = provider::testing::make_test_folder("agent");
  fs::path root = "/";  ///< Of the machine whose devices the agent finds.
  crypto::KeyPair owner = crypto::KeyPair::generate();
  crypto::KeyPair consumer = crypto::KeyPair::generate();
  crypto::KeyPair access = crypto::KeyPair::generate();
  std::unique_ptr<consensus::Node> node;
  std::unique_ptr<api::Server> server;
  client::HttpOptions options;
  std::unique_ptr<client::Http> http;
  std::unique_ptr<provider::Agent> agent;
};

inline model::Job make_job(std::string run) {
  model::Job job;
  job.name = "test";
  job.image = provider::testing::kTestImage;
  job.run = std::move(run);
  job.salt = random_bytes<32>();
  return job;
}

}  // namespace hanse::testing
