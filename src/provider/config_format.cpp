// The provider.yaml that `hanse provider init` writes.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include "model/price_rule.hpp"
#include "model/text.hpp"
#include "provider/agent.hpp"

namespace hanse::provider {

namespace {

/// Quoted, so that no value can be taken for another kind or break out of its line.
std::string quoted(const std::string& text) {
  YAML::Emitter out;
  out << YAML::DoubleQuoted << text;
  return out.c_str();
}

std::string percent(std::uint32_t bps) {
  return bps % 100 == 0 ? std::to_string(bps / 100) : fmt::format("{}.{:02}", bps / 100, bps % 100);
}

template <class Format>
std::string discounts(const std::vector<model::Discount>& list, const Format& from) {
  std::string out;
  for (const auto& entry : list) {
    out += fmt::format("{}{{from: {}, percent: {}}}", out.empty() ? "" : ", ", from(entry.from),
                       percent(entry.discount_bps));
  }
  return "[" + out + "]";
}

std::string machine_section(const model::Machine& m) {
  std::string out = "machine:                # what is offered: detected, edit it to offer less\n";
  const auto line = [&](const char* key, const std::string& value, const char* comment = "") {
    out += fmt::format("  {}: {}{}{}\n", key, value, *comment != '\0' ? "   # " : "", comment);
  };
  line("name", quoted(m.name), "unique among your machines");
  line("gpu_model", quoted(m.gpu_model), "as renters write it in `gpu in [...]`");
  line("kind", std::string(name_of(m.device_kind)), "gpu, or cpu for an OpenCL CPU device");
  line("gpus", std::to_string(m.gpu_count));
  line("vram", model::format_size(m.vram_bytes), "of one device");
  line("cpu_threads", std::to_string(m.cpu_threads), "a lease of n of the GPUs gets that share of threads and memory");
  line("memory", model::format_size(m.memory_bytes), "less than there is: this machine needs some itself");
  line("disk", model::format_size(m.disk_bytes), "for the leases' /workspace");
  line("inet_down_mbps", std::to_string(m.inet_down_mbps));
  line("inet_up_mbps", std::to_string(m.inet_up_mbps));
  line("interconnect", std::string(name_of(m.interconnect)),
       "between its GPUs: none, pcie or nvlink; infiniband: to your other machines too");
  line("driver", quoted(m.driver_version));
  line("cuda", quoted(m.cuda_version));
  return out;
}

std::string price_section(const model::PriceList& p) {
  const auto seconds = [](std::uint64_t s) { return s == 0 ? std::string("0") : model::format_duration(s); };
  std::string out = "prices:                 # in credits (1 credit = 1 US dollar); paid by the second\n";
  out +=
      fmt::format("  on_demand: {}       # per GPU-hour, or a rule: `auto floor 0.80`, `index*0.95 floor 1.10 cap 3`\n",
                  model::format_price(p, true));
  out += fmt::format("  spot_floor: {}      # per GPU-hour; 0: not for rent on spot\n",
                     model::format_money(p.spot_floor_per_gpu_hour));
  out += fmt::format("  storage_per_gib_hour: {}\n", model::format_money(p.storage_per_gib_hour));
  out += fmt::format("  min_duration: {}\n", seconds(p.min_duration_s));
  out += fmt::format("  max_duration: {}       # 0: as long as the network allows\n", seconds(p.max_duration_s));
  out +=
      fmt::format("  term_discounts: {}    # e.g. [{{from: 7d, percent: 10}}]\n", discounts(p.term_discounts, seconds));
  out += fmt::format("  volume_discounts: {}  # e.g. [{{from: 4, percent: 5}}]: GPUs in one lease\n",
                     discounts(p.volume_discounts, [](std::uint64_t n) { return std::to_string(n); }));
  return out;
}

}  // namespace

std::string format_agent_config(const AgentConfig& c) {
  std::string out = "# What this machine rents out, and how. `hanse provider start` reads it.\n\n";
  const auto line = [&](const char* key, const std::string& value, const char* comment) {
    out += fmt::format("{}: {}{}{}\n", key, value, *comment != '\0' ? "   # " : "", comment);
  };
  line("owner", model::format_address(c.owner), "who earns; the agent itself signs with a key that cannot spend");
  line("name", quoted(c.name), "what renters see in tables");
  line("node", quoted(c.node.url), "the network's node that this agent talks to");
  line("node_ca", quoted(c.node.ca_file), "PEM of a private certificate authority of that node; usually empty");
  line("advertise_host", quoted(c.advertise_host), "name or address that renters reach this machine by");
  line("listen_host", quoted(c.listen_host), "");
  line("ssh_port", std::to_string(c.ssh_port), "one TCP port for all leases: open it in your router");
  line("metrics_port", std::to_string(c.metrics_port), "Prometheus at 127.0.0.1:PORT/metrics; 0: off");
  line("engine_socket", quoted(c.engine_socket), "podman's or Docker's; empty: found");
  line("default_image", quoted(c.default_image), "for leases that bring no job");
  line("internet", c.internet ? "true" : "false", "may leases reach the public internet? (never your LAN)");
  line("dns", fmt::format("[{}]", fmt::join(c.dns, ", ")),
       "name servers for leases; public ones, your LAN's cannot be reached");
  line("registries", fmt::format("[{}]", fmt::join(c.registries, ", ")),
       "e.g. [\"registry.lan:5000\"]: not public, but renters' images may come from them");
  line("subnet_pool", c.subnet_pool, "private addresses for the leases' networks, one /29 each");
  line("layer", model::format_size(c.layer_bytes), "the most a lease may write outside /workspace");
  line("output", model::format_size(c.output_bytes), "of a job's output, the last so much is kept for its renter");
  line("fetch_grace", model::format_duration(c.fetch_grace_s), "files of an ended job stay this long, for its renter");
  line("country", quoted(c.country),
       "two capitals, e.g. DE; without, whoever asks for a country passes this machine by");
  return out + "\n" + machine_section(c.machine) + "\n" + price_section(c.prices);
}

}  // namespace hanse::provider
