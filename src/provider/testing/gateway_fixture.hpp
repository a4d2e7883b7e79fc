#pragma once

// For tests: a gateway in front of a real container, and OpenSSH's own clients to try it with.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "provider/gateway.hpp"
#include "provider/gateway_key.hpp"
#include "provider/testing/engine_service.hpp"

namespace hanse::provider::testing {

/// Leases whose containers run already.
class FixedHost final : public LeaseHost {
 public:
  struct Entry {
    crypto::PublicKey key;
    std::string container;
    bool ended = false;
  };
  std::optional<crypto::PublicKey> access_key(model::LeaseId lease) override {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(lease);
    return it == entries_.end() || it->second.ended ? std::nullopt : std::optional(it->second.key);
  }
  Result<> take_login(model::LeaseId, const client::RegistryLogin& login) override {
    const std::lock_guard lock(mutex_);
    login_ = login;
    return {};
  }
  [[nodiscard]] client::RegistryLogin login() {
    const std::lock_guard lock(mutex_);
    return login_;
  }
  Result<> deliver(model::LeaseId, ByteView job, const Engine::Progress& progress) override {
    progress(1, 2, "half \"way\"");
    if (as_text(job) == "bad") return fail(ErrorCode::bad_signature, "not the job that was ordered");
    return {};
  }
  Result<> go(model::LeaseId) override { return {}; }
  Result<Container> container(model::LeaseId lease) override {
    std::string id;
    {
      const std::lock_guard lock(mutex_);
      const auto it = entries_.find(lease);
      if (it == entries_.end() || it->second.ended) return fail(ErrorCode::wrong_state, "the lease has ended");
      id = it->second.container;
    }
    auto process = HeldProcess::of(EngineService::instance().engine(), id);
    if (!process) return fail(process);
    return Container{id, std::move(*process)};
  }
  Result<std::shared_ptr<OutputLog>> output(model::LeaseId) override {
    const std::lock_guard lock(mutex_);
    if (log_) return log_;
    return fail(ErrorCode::wrong_state, "no job yet");
  }
  Result<Bytes> delivered(model::LeaseId) override { return Bytes{'j', 'o', 'b'}; }
  std::string stats_json(model::LeaseId) override { return R"({"cpu_percent":1})"; }

  /// Of every lease.
  void set_log(std::shared_ptr<OutputLog> log) {
    const std::lock_guard lock(mutex_);
    log_ = std::move(log);
  }
  void put(model::LeaseId lease, Entry entry) {
    const std::lock_guard lock(mutex_);
    entries_[lease] = std::move(entry);
  }
  void end(model::LeaseId lease) {
    const std::lock_guard lock(mutex_);
    entries_[lease].ended = true;
  }

 private:
  std::mutex mutex_;
  std::map<model::LeaseId, Entry> entries_;
  std::shared_ptr<OutputLog> log_;
  client::RegistryLogin login_;
};

struct Ran {
  int code = 0;
  std::string output;
};

/// By /bin/sh; standard output only.
inline Ran run_shell(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen(command.c_str(), "r");
  HANSE_CHECK(pipe != nullptr);
  char buffer[65536];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) ran.output.append(buffer, n);
  const int status = ::pclose(pipe);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

/// One container on a network of its own ("none": only its localhost), its gateway, and a client's key and settings.
class GatewayHouse {
 public:
  static constexpr model::LeaseId kLease{7};

  explicit GatewayHouse(const std::string& command = "sleep infinity",
                        const GatewayOptions& options = default_options(), std::vector<std::string> env = {},
                        DeviceAccess devices = {}) {
    folder_ = make_test_folder("gateway");
    std::filesystem::create_directory(folder_ / "workspace");
    ContainerSpec spec;
    spec.workspace_host_path = folder_ / "workspace";
    spec.env = std::move(env);
    spec.devices = std::move(devices);
    container_.emplace(command, spec);
    host.put(kLease, {client.public_key(), container_->id()});
    auto started = Gateway::start(host_key, EngineService::instance().engine(), host, options);
    HANSE_CHECK(started);
    gateway = std::move(*started);
    write_key("key", client);
    write_key("stranger", crypto::KeyPair::generate());
    const std::string port = std::to_string(gateway->port());
    std::ofstream(folder_ / "known_hosts")
        << "[127.0.0.1]:" << port << " " << format_ssh_public_key(host_key.public_key()) << "\n";
    std::ofstream(folder_ / "config") << "Host *\n  HostName 127.0.0.1\n  Port " << port << "\n  UserKnownHostsFile "
                                      << (folder_ / "known_hosts").string() << "\n  GlobalKnownHostsFile /dev/null\n"
                                      << "  StrictHostKeyChecking yes\n  BatchMode yes\n  IdentitiesOnly yes\n"
                                      << "  LogLevel ERROR\n  IdentityFile " << (folder_ / "key").string() << "\n";
  }
  ~GatewayHouse() {
    gateway.reset();
    container_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  static GatewayOptions default_options() {
    GatewayOptions options;
    options.host = "127.0.0.1";
    options.helper = HANSE_TEST_HELPER;
    return options;
  }

  /// "ssh -F CONFIG OPTIONS lease-7@lease …", or scp, sftp with the same settings.
  [[nodiscard]] std::string ssh(const std::string& options = "") const {
    return "ssh -F " + config() + " " + options + " " + target();
  }
  [[nodiscard]] std::string config() const { return folder_ / "config"; }
  [[nodiscard]] static std::string target() { return "lease-7@lease"; }
  [[nodiscard]] std::filesystem::path workspace() const { return folder_ / "workspace"; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const std::string& container() const { return container_->id(); }

  /// Does the gateway still take newcomers?
  [[nodiscard]] bool healthy() const { return run_shell(ssh() + " echo alive").output == "alive\n"; }

  FixedHost host;
  crypto::KeyPair host_key = crypto::KeyPair::generate();
  crypto::KeyPair client = crypto::KeyPair::generate();
  std::unique_ptr<Gateway> gateway;

 private:
  void write_key(const std::string& name, const crypto::KeyPair& pair) {
    std::ofstream(folder_ / name) << format_ssh_private_key(pair);
    std::filesystem::permissions(folder_ / name, std::filesystem::perms::owner_read);
  }

  std::filesystem::path folder_;
  std::optional<TestContainer> container_;
};

}  // namespace hanse::provider::testing
