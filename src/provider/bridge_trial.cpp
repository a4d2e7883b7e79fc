#include "provider/bridge_trial.hpp"

#include "provider/gpu_models.hpp"

namespace hanse::provider {

namespace {

Result<> run_once(Engine& engine, const ContainerSpec& spec) {
  auto id = engine.create(spec);
  if (!id) return fail(id);
  auto started = engine.start(*id);
  auto removed = engine.remove(*id);
  return started ? removed : started;
}

}  // namespace

Result<> try_bridge(Engine& engine, const std::string& image, SubnetPool& subnets, const std::string& label) {
  auto subnet = subnets.take();
  if (!subnet) return fail(subnet);
  ContainerSpec spec;
  // The label's end names the agent, so that two agents' trials do not meet.
  spec.name = "hanse-trial-" + label.substr(label.find('=') + 1);
  spec.image = image;
  spec.command = {"/bin/sh", "-c", "exit 0"};
  spec.workdir = "/";
  spec.network = spec.name;
  spec.labels = {label};
  static_cast<void>(engine.remove(spec.name));
  auto result = engine.remove_network(spec.name);
  if (result) result = engine.create_network(spec.name, *subnet, label);
  if (result) result = run_once(engine, spec);
  static_cast<void>(engine.remove_network(spec.name));
  subnets.give_back(*subnet);
  return result;
}

std::vector<std::string> nvidia_indices(Nvml& nvml, const std::string& gpu_model) {
  std::vector<std::string> out;
  const auto devices = nvml.devices();
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (canonical_gpu_model(devices[i].name) == gpu_model) out.push_back(std::to_string(i));
  }
  return out;
}

}  // namespace hanse::provider
