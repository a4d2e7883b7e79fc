#include "provider/lease_network.hpp"

#include <net/if.h>

#include <vector>

namespace hanse::provider {

namespace {

constexpr int kMaxRefusals = 32;  ///< Of the engine; what the machine itself uses is seen without asking.

bool has_bridge(const std::string& subnet) {
  const auto interface = network_interface_of(subnet);
  return interface && ::if_nametoindex(interface->c_str()) != 0;
}

/// The engine answered, and said no: to this subnet perhaps, and not to the next.
bool is_refusal(const Error& error) {
  return error.code != ErrorCode::unavailable && error.code != ErrorCode::timeout;
}

Result<> run_once(Engine& engine, const ContainerSpec& spec, const std::string& subnet) {
  const auto id = engine.create(spec);
  if (!id) return fail(id);
  auto result = engine.start(*id);
  if (result && !has_bridge(subnet)) {
    result = fail(ErrorCode::unsupported,
                  "the container engine did not name its bridge " + *network_interface_of(subnet) +
                      ", by which the firewall would know it: use podman 4.3 or newer, or Docker, of this machine");
  }
  const auto removed = engine.remove(*id);
  return result ? removed : result;
}

}  // namespace

Result<std::string> make_network(Engine& engine, SubnetPool& subnets, const std::string& name,
                                 const std::string& label) {
  const auto addresses = addresses_of_this_machine();
  const auto is_free = [&](const std::string& subnet) { return !has_bridge(subnet) && !overlaps(subnet, addresses); };
  std::vector<std::string> refused;
  Result<std::string> out;
  for (int i = 0; i < kMaxRefusals; ++i) {
    auto subnet = subnets.take(is_free);
    if (!subnet) {
      if (i == 0) out = std::move(subnet);
      break;
    }
    const auto made = engine.create_network(name, *subnet, label);
    if (made) {
      out = std::move(subnet);
      break;
    }
    out = fail(made);
    refused.push_back(*subnet);
    if (!is_refusal(made.error())) break;
  }
  for (const auto& subnet : refused) subnets.give_back(subnet);
  return out;
}

Result<> try_network(Engine& engine, const std::string& image, SubnetPool& subnets, const std::string& label) {
  ContainerSpec spec;
  // The label's end names the agent, so that two agents' trials do not meet.
  spec.name = "hanse-trial-" + label.substr(label.find('=') + 1);
  spec.image = image;
  spec.command = {"/bin/sh", "-c", "sleep 60"};
  spec.workdir = "/";
  spec.network = spec.name;
  spec.labels = {label};
  static_cast<void>(engine.remove(spec.name));
  if (auto cleared = engine.remove_network(spec.name); !cleared) return cleared;
  const auto subnet = make_network(engine, subnets, spec.name, label);
  if (!subnet) return fail(subnet);
  auto result = run_once(engine, spec, *subnet);
  static_cast<void>(engine.remove_network(spec.name));
  subnets.give_back(*subnet);
  return result;
}

}  // namespace hanse::provider
