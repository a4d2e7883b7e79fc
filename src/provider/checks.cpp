// What is checked of this machine before anything of it is offered.

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fmt/format.h>
#include <cstring>
#include <nlohmann/json.hpp>

#include "client/http.hpp"
#include "model/text.hpp"
#include "provider/agent.hpp"
#include "provider/descriptor.hpp"
#include "provider/host_resources.hpp"
#include "provider/lease_network.hpp"
#include "provider/workspace.hpp"

namespace hanse::provider {

namespace {

using Verdict = Check::Verdict;

Check check_engine(const AgentConfig& config, std::unique_ptr<Engine>& engine, Engine::Info& found) {
  Check out{"container engine", "", "podman or Docker answers", "", Verdict::good};
  auto opened = open_engine(config.engine_socket);
  auto info = opened ? (*opened)->info() : Result<Engine::Info>(fail(opened));
  if (!info) {
    out.actual = info.error().message;
    out.remedy = "apt install podman; systemctl enable --now podman.socket";
    out.verdict = Verdict::bad;
    return out;
  }
  out.actual = info->kind + " " + info->version;
  found = std::move(*info);
  engine = std::move(*opened);
  return out;
}

Check check_image(const AgentConfig& config, Engine& engine) {
  Check out{"default image", config.default_image, "present", "", Verdict::good};
  const auto there = engine.image_id(config.default_image);
  if (there && *there) return out;
  const auto pulled = engine.pull(config.default_image, {});
  if (pulled) return out;
  out.actual = pulled.error().message;
  out.remedy = "set 'default_image' to one that can be pulled or that is in the engine's store";
  out.verdict = Verdict::bad;
  return out;
}

Check at_least(std::string what, std::uint64_t actual, std::uint64_t required, const std::string& key) {
  Check out{std::move(what), model::format_size(actual), model::format_size(required), "", Verdict::good};
  if (actual < required) {
    out.remedy = "lower 'machine: " + key + "'";
    out.verdict = Verdict::bad;
  }
  return out;
}

/// The kernel's figures are taken. Where hwloc has others, one of them may not be what the owner expects.
Check check_host(const HostResources& kernel, const HostResources& topology) {
  const auto text = [](const HostResources& host) {
    return fmt::format("{} processors, {}", host.threads, model::format_size(host.memory_bytes));
  };
  Check out{"machine", text(kernel), "as hwloc sees it", "", Verdict::good};
  if (!kernel.limits.empty()) out.actual += " (limited: " + kernel.limits + ")";
  if (agree(kernel, topology)) return out;
  out.required = "hwloc sees " + text(topology);
  out.remedy = "what the kernel says is offered; where less is meant, set 'machine: memory' and 'cpu_threads'";
  out.verdict = Verdict::warning;
  return out;
}

std::uint64_t disk_free(const std::filesystem::path& folder) {
  struct statvfs stat{};
  if (::statvfs(folder.c_str(), &stat) != 0) return 0;
  return static_cast<std::uint64_t>(stat.f_bavail) * stat.f_frsize;
}

Check check_network(const AgentConfig& config, Engine* engine) {
  Check out{"network isolation", "leases reach the public internet, and neither this host, its LAN nor each other",
            "nftables, as root", "", Verdict::good};
  if (!config.internet) {
    out.actual = "leases have no network at all (internet: false)";
    return out;
  }
  auto pool = SubnetPool::parse(config.subnet_pool);
  auto works = raise_firewall();
  if (works && pool && engine != nullptr) {
    works = try_network(*engine, config.default_image, *pool, "hanse.trial=" + std::to_string(::getpid()));
  }
  if (!works) {
    out.actual = "leases will have no network: " + works.error().message;
    out.remedy = "run as root with nftables and an engine that can make bridges, or say 'internet: false' and mean it";
    out.verdict = Verdict::warning;
  }
  return out;
}

Check check_workspace(const std::filesystem::path& data_folder) {
  Check out{"disk limits", "each /workspace is a file system of its own size", "loop devices and mkfs.ext4, as root",
            "", Verdict::good};
  if (const auto works = Workspaces::can_mount(data_folder); !works) {
    out.actual = "limits are watched, not enforced: " + works.error().message;
    out.remedy = "run as root with loop devices and e2fsprogs";
    out.verdict = Verdict::warning;
  }
  return out;
}

Check check_port(const AgentConfig& config, pid_t agent) {
  Check out{"ssh port", std::to_string(config.ssh_port), "free", "", Verdict::good};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(config.ssh_port);
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  const bool is_free = socket && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                       ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int why = errno;
  if (is_free) return out;
  if (agent > 0) {
    out.actual = fmt::format("{}: the agent that runs here (process {}) has it", config.ssh_port, agent);
    return out;
  }
  out.actual = fmt::format("{}: {}", config.ssh_port, std::strerror(why));
  out.remedy = "set another 'ssh_port', or stop what listens there";
  out.verdict = Verdict::warning;
  return out;
}

Check check_reachable_name(const AgentConfig& config) {
  Check out{"advertised address", config.advertise_host, "resolves, and is public", "", Verdict::good};
  addrinfo* found = nullptr;
  if (::getaddrinfo(config.advertise_host.c_str(), nullptr, nullptr, &found) != 0) {
    out.actual += " does not resolve";
    out.remedy = "set 'advertise_host' to this machine's public name or address";
    out.verdict = Verdict::bad;
    return out;
  }
  const auto* address = reinterpret_cast<const sockaddr_in*>(found->ai_addr);
  if (found->ai_family == AF_INET && (ntohl(address->sin_addr.s_addr) >> 24) == 127) {
    out.actual += " (loopback)";
    out.remedy = "fine for a trial on one machine; else set 'advertise_host' to what renters can reach";
    out.verdict = Verdict::warning;
  }
  ::freeaddrinfo(found);
  return out;
}

Check check_node(const AgentConfig& config) {
  Check out{"node", config.node.url, "answers", "", Verdict::good};
  auto http = client::Http::open(config.node);
  const auto status = http ? (*http)->get("/v1/status") : Result<nlohmann::json>(fail(http));
  if (!status) {
    out.actual = status.error().message;
    out.remedy = "start a node, or set 'node' to one";
    out.verdict = Verdict::bad;
  }
  return out;
}

}  // namespace

Check check_devices(const AgentConfig& config, const Inventory& found) {
  const auto& machine = config.machine;
  const auto same = devices_of(found.devices, machine.gpu_model, machine.vram_bytes).size();
  Check out{"devices", fmt::format("{} × {}", same, machine.gpu_model),
            fmt::format("{} × {}", machine.gpu_count, machine.gpu_model), "", Verdict::good};
  if (same < machine.gpu_count) {
    out.remedy = "offer what is there ('hanse provider init' detects it), or mend the driver: " + found.note;
    out.verdict = Verdict::bad;
  } else if (machine.device_kind == model::DeviceKind::cpu) {
    out.remedy = "this machine is offered as a CPU, and labelled so; a GPU needs its driver";
    out.verdict = Verdict::warning;
  }
  return out;
}

Check check_leased_devices(const AgentConfig& config, const Inventory& found, const TrialPlace& place) {
  const auto devices = devices_of(found.devices, config.machine.gpu_model, config.machine.vram_bytes);
  Check out{"devices in a lease", "", "each is seen in a container, alone", "", Verdict::good};
  std::size_t tried = 0;
  for (const auto& device : devices) {
    if (tried == config.machine.gpu_count) break;
    const auto trial = try_device(place, device);
    ++tried;
    if (!trial.works()) {
      out.actual = fmt::format("{} {}: {}", device.model, device.id, trial.fault);
      out.remedy = trial.remedy;
      out.verdict = Verdict::bad;
      return out;
    }
    if (trial.lacks.empty()) continue;
    out.actual = fmt::format("{} {}: {}", device.model, device.id, trial.lacks);
    out.remedy = trial.remedy;
    out.verdict = Verdict::warning;
  }
  if (out.verdict == Verdict::good) out.actual = fmt::format("{} × {}", tried, config.machine.gpu_model);
  return out;
}

std::vector<Check> self_test(const AgentConfig& config, const SelfTest& test) {
  const auto& data_folder = test.data_folder;
  std::error_code error;
  std::filesystem::create_directories(data_folder, error);
  std::vector<Check> out;
  std::unique_ptr<Engine> engine;
  Engine::Info info;
  const Inventory found = detect_inventory(data_folder, test.root);
  out.push_back(check_engine(config, engine, info));
  if (engine) out.push_back(check_image(config, *engine));
  out.push_back(check_devices(config, found));
  const bool has_gpus = config.machine.device_kind == model::DeviceKind::gpu;
  if (engine && has_gpus && out.back().verdict != Verdict::bad) {
    const DeviceHost host{test.root, data_folder / "devices", info.has_cdi()};
    out.push_back(check_leased_devices(
        config, found,
        {*engine, host, config.default_image, test.helper_program, "hanse.trial=" + std::to_string(::getpid())}));
  }
  out.push_back(check_host(read_host(), read_topology()));
  out.push_back(at_least("memory", found.machine.memory_bytes, config.machine.memory_bytes, "memory"));
  out.push_back(at_least("disk", disk_free(data_folder), config.machine.disk_bytes, "disk"));
  out.push_back(check_network(config, engine.get()));
  out.push_back(check_workspace(data_folder));
  out.push_back(check_port(config, test.agent));
  out.push_back(check_reachable_name(config));
  out.push_back(check_node(config));
  return out;
}

}  // namespace hanse::provider
