// provider.yaml: reading it with errors that name the line, and writing it with a comment at each key.

#include <arpa/inet.h>

#include <charconv>

#include "client/endpoint.hpp"
#include "client/image_reference.hpp"
#include "client/yaml.hpp"
#include "market/check.hpp"
#include "model/country.hpp"
#include "model/price_rule.hpp"
#include "model/text.hpp"
#include "provider/agent.hpp"
#include "provider/network.hpp"

namespace hanse::provider {

namespace yaml = client::yaml;
using yaml::Map;

namespace {

/// One value by its own parser; a key that is missing keeps what `out` held.
template <class T, class Parse>
Result<> take(const Map& map, std::string_view key, T& out, const Parse& parse, std::size_t max_bytes = 256) {
  const auto node = map.find(key);
  if (!node) return {};
  const auto text = map.text(key, max_bytes);
  if (!text) return fail(text);
  auto value = parse(*text);
  if (!value) return yaml::refuse(*node, key, value.error());
  out = static_cast<T>(std::move(*value));
  return {};
}

Result<std::string> plain(const std::string& text) {
  return text;
}

Result<std::uint64_t> whole_number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(ErrorCode::malformed, "\"" + text + "\" is not a whole number");
  }
  return value;
}

auto number_up_to(std::uint64_t most) {
  return [most](const std::string& text) -> Result<std::uint64_t> {
    auto value = whole_number(text);
    if (value && *value > most) {
      return fail(ErrorCode::invalid_argument, text + " is too large: at most " + std::to_string(most));
    }
    return value;
  };
}

Result<bool> yes_or_no(const std::string& text) {
  if (text == "true" || text == "yes") return true;
  if (text == "false" || text == "no") return false;
  return fail(ErrorCode::malformed, "\"" + text + "\" is neither true nor false");
}

Result<std::uint64_t> duration(const std::string& text) {
  if (text == "0") return 0;  // "none" needs no unit
  return model::parse_duration_s(text);
}

Result<std::string> ip_address(const std::string& text) {
  in6_addr ignored{};
  if (::inet_pton(AF_INET, text.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, text.c_str(), &ignored) == 1)
    return text;
  return fail(ErrorCode::malformed, "\"" + text + "\" is not an IP address");
}

Result<std::string> country_code(const std::string& text) {
  if (text.empty() || model::is_country(text)) return text;
  return fail(ErrorCode::malformed,
              "\"" + text + "\" is no country of ISO 3166-1: write two capitals such as DE, or \"\" for none");
}

Result<std::string> node_url(const std::string& text) {
  const auto parsed = client::parse_endpoint(text);
  if (!parsed) return fail(parsed);
  return text;
}

Result<std::string> registry(const std::string& text) {
  const auto image = client::parse_image(text + "/x");
  if (image && image->registry == text) return text;
  return fail(ErrorCode::malformed, "\"" + text + "\" is no registry: write host or host:port as images name it");
}

Result<std::string> pool(const std::string& text) {
  if (const auto parsed = SubnetPool::parse(text); !parsed) return fail(parsed);
  return text;
}

Result<model::DeviceKind> device_kind(const std::string& text) {
  if (text == "gpu") return model::DeviceKind::gpu;
  if (text == "cpu") return model::DeviceKind::cpu;
  return fail(ErrorCode::malformed, "\"" + text + "\" is neither gpu nor cpu");
}

/// "5", "2.5": hundredths of a percent are the ledger's basis points. Money's parser is exact and has no floats.
Result<std::uint32_t> percent(const std::string& text) {
  const auto value = model::parse_money(text);
  if (!value || value->micros % 10'000 != 0 || value->micros >= 100 * kMicrosPerCredit) {
    return fail(ErrorCode::malformed, "\"" + text + "\" is not a percentage below 100 with at most two decimals");
  }
  return static_cast<std::uint32_t>(value->micros / 10'000);
}

template <class Parse>
Result<> take_list(const Map& map, std::string_view key, std::vector<std::string>& out, const Parse& parse) {
  const auto nodes = map.list(key, 8);
  if (!nodes) return fail(nodes);
  for (const auto& node : *nodes) {
    auto value = parse(node.Scalar());
    if (!value) return yaml::refuse(node, key, value.error());
    out.push_back(std::move(*value));
  }
  return {};
}

template <class Parse>
Result<> take_discounts(const Map& map, std::string_view key, std::vector<model::Discount>& out, const Parse& from) {
  const auto list = map.find(key);
  if (!list) return {};
  if (!list->IsSequence() || list->size() > 8) {
    return yaml::refuse(*list, std::string(key) + " is a list of at most 8 entries like {from: 7d, percent: 5}");
  }
  for (const auto& node : *list) {
    auto entry = Map::from(node, key, {"from", "percent"});
    if (!entry) return fail(entry);
    model::Discount discount;
    if (auto r = take(*entry, "from", discount.from, from); !r) return r;
    if (auto r = take(*entry, "percent", discount.discount_bps, percent); !r) return r;
    if (!out.empty() && discount.from <= out.back().from) {
      return yaml::refuse(node, std::string(key) + " must stand in ascending order of `from`");
    }
    out.push_back(discount);
  }
  return {};
}

/// Stops at the first failure.
Result<> all_of(std::initializer_list<Result<>> results) {
  for (const auto& result : results) {
    if (!result) return result;
  }
  return {};
}

Result<> take_machine(const YAML::Node& node, model::Machine& out) {
  const auto map = Map::from(node, "machine",
                             {"name", "gpu_model", "kind", "gpus", "vram", "cpu_threads", "memory", "disk",
                              "inet_down_mbps", "inet_up_mbps", "interconnect", "driver", "cuda"});
  if (!map) return fail(map);
  constexpr std::uint64_t kMaxMbps = 10'000'000;
  return all_of({take(*map, "name", out.name, plain, 64), take(*map, "gpu_model", out.gpu_model, plain, 64),
                 take(*map, "kind", out.device_kind, device_kind),
                 take(*map, "gpus", out.gpu_count, number_up_to(model::kMaxDevicesPerMachine)),
                 take(*map, "vram", out.vram_bytes, model::parse_size),
                 take(*map, "cpu_threads", out.cpu_threads, number_up_to(65'536)),
                 take(*map, "memory", out.memory_bytes, model::parse_size),
                 take(*map, "disk", out.disk_bytes, model::parse_size),
                 take(*map, "inet_down_mbps", out.inet_down_mbps, number_up_to(kMaxMbps)),
                 take(*map, "inet_up_mbps", out.inet_up_mbps, number_up_to(kMaxMbps)),
                 take(*map, "interconnect", out.interconnect, model::parse_interconnect),
                 take(*map, "driver", out.driver_version, plain, 32), take(*map, "cuda", out.cuda_version, plain, 32)});
}

Result<> take_prices(const YAML::Node& node, model::PriceList& out) {
  const auto map = Map::from(node, "prices",
                             {"on_demand", "spot_floor", "storage_per_gib_hour", "min_duration", "max_duration",
                              "term_discounts", "volume_discounts"});
  if (!map) return fail(map);
  const auto price = [&](std::string_view text) -> Result<model::PriceList> {
    model::PriceList read = out;
    if (auto set = model::set_price(read, text); !set) return fail(set);
    return read;
  };
  return all_of({take(*map, "on_demand", out, price),
                 take(*map, "spot_floor", out.spot_floor_per_gpu_hour, model::parse_money),
                 take(*map, "storage_per_gib_hour", out.storage_per_gib_hour, model::parse_money),
                 take(*map, "min_duration", out.min_duration_s, duration),
                 take(*map, "max_duration", out.max_duration_s, duration),
                 take_discounts(*map, "term_discounts", out.term_discounts, duration),
                 take_discounts(*map, "volume_discounts", out.volume_discounts, whole_number)});
}

/// What must be there for an agent to start at all.
Result<> check_complete(const AgentConfig& config, const YAML::Node& root) {
  if (config.owner.is_zero()) return yaml::refuse(root, "`owner` is missing: the hanse1… address that earns");
  if (config.name.empty()) return yaml::refuse(root, "`name` is missing: what renters see in tables");
  if (config.advertise_host.empty()) {
    return yaml::refuse(root, "`advertise_host` is missing: the name or address that renters reach this machine by");
  }
  if (config.default_image.empty()) return yaml::refuse(root, "`default_image` is missing, e.g. debian:bookworm-slim");
  if (config.machine.gpu_count == 0 || config.machine.gpu_model.empty() || config.machine.name.empty()) {
    return yaml::refuse(root, "`machine` needs a name, a gpu_model and at least 1 of gpus");
  }
  if (config.prices.on_demand_per_gpu_hour.micros == 0) {
    return yaml::refuse(root, "`prices: on_demand` is missing or 0: credits per GPU-hour, e.g. 0.35");
  }
  if (auto ok = market::check_prices(config.prices); !ok) return yaml::refuse(root, "prices", ok.error());
  return {};
}

}  // namespace

Result<AgentConfig> parse_agent_config(std::string_view text) {
  const auto root = yaml::parse(text);
  if (!root) return fail(root);
  const auto map = Map::from(*root, "provider.yaml",
                             {"owner",       "name",        "node",         "node_ca",       "advertise_host",
                              "listen_host", "ssh_port",    "metrics_port", "engine_socket", "default_image",
                              "internet",    "dns",         "registries",   "subnet_pool",   "layer",
                              "output",      "fetch_grace", "country",      "machine",       "prices"});
  if (!map) return fail(map);
  AgentConfig out;
  auto taken = all_of(
      {take(*map, "owner", out.owner, model::parse_address), take(*map, "name", out.name, plain, 64),
       take(*map, "node", out.node.url, node_url), take(*map, "node_ca", out.node.ca_file, plain, 4096),
       take(*map, "advertise_host", out.advertise_host, plain, 253),
       take(*map, "listen_host", out.listen_host, ip_address),
       take(*map, "ssh_port", out.ssh_port, number_up_to(65'535)),
       take(*map, "metrics_port", out.metrics_port, number_up_to(65'535)),
       take(*map, "engine_socket", out.engine_socket, plain),
       take(*map, "default_image", out.default_image, plain, 512), take(*map, "internet", out.internet, yes_or_no),
       take(*map, "subnet_pool", out.subnet_pool, pool), take(*map, "layer", out.layer_bytes, model::parse_size),
       take(*map, "output", out.output_bytes, model::parse_size),
       take(*map, "fetch_grace", out.fetch_grace_s, duration), take(*map, "country", out.country, country_code)});
  if (!taken) return fail(taken);
  if (auto r = take_list(*map, "dns", out.dns, ip_address); !r) return fail(r);
  if (auto r = take_list(*map, "registries", out.registries, registry); !r) return fail(r);
  if (const auto node = map->find("machine")) {
    if (auto r = take_machine(*node, out.machine); !r) return fail(r);
  }
  if (const auto node = map->find("prices")) {
    if (auto r = take_prices(*node, out.prices); !r) return fail(r);
  }
  out.machine.country = out.country;
  if (auto complete = check_complete(out, *root); !complete) return fail(complete);
  return out;
}

}  // namespace hanse::provider
