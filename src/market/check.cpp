#include "market/check.hpp"

#include <algorithm>

#include "market/rows.hpp"
#include "model/country.hpp"
#include "model/text.hpp"
#include "model/where.hpp"

namespace hanse::market {

namespace {

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxVersionBytes = 32;
constexpr std::uint32_t kMaxThreads = 65'536;
constexpr std::uint32_t kMaxMbps = 100'000'000;
constexpr std::size_t kMaxMeasured = 32;

std::unexpected<Error> invalid(std::string_view field, std::string_view takes) {
  return fail(ErrorCode::invalid_argument, std::string(field) + " " + std::string(takes));
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

Result<> check_name(std::string_view field, const std::string& name, std::size_t most, bool may_be_empty = false) {
  if (name.size() > most) {
    return fail(ErrorCode::too_large,
                std::string(field) + " has " + std::to_string(name.size()) + " bytes, at most " + std::to_string(most));
  }
  if (!may_be_empty && name.empty()) return invalid(field, "is empty: give it a name");
  if (!is_printable(name)) return invalid(field, "takes printable ASCII only");
  if (!name.empty() && (name.front() == ' ' || name.back() == ' '))
    return invalid(field, "begins or ends with a blank");
  return {};
}

Result<> check_money(std::string_view field, Money amount, Money least, Money most) {
  if (amount >= least && amount <= most) return {};
  return invalid(field, "takes an amount from " + model::format_money(least) + " to " + model::format_money(most) +
                            " credits an hour");
}

Result<> check_count(std::string_view field, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
  if (value >= least && value <= most) return {};
  return invalid(field,
                 "is " + std::to_string(value) + ": it takes " + std::to_string(least) + " to " + std::to_string(most));
}

Result<> check_discounts(std::string_view field, const std::vector<model::Discount>& discounts,
                         std::uint64_t most_from) {
  if (discounts.size() > kMaxDiscounts) {
    return fail(ErrorCode::too_large, std::string(field) + " has " + std::to_string(discounts.size()) +
                                          " entries, at most " + std::to_string(kMaxDiscounts));
  }
  for (std::size_t i = 0; i < discounts.size(); ++i) {
    const std::string place = std::string(field) + "[" + std::to_string(i) + "]";
    if (auto ok = check_count(place + ".from", discounts[i].from, 1, most_from); !ok) return ok;
    if (auto ok = check_count(place + ".discount_bps", discounts[i].discount_bps, 1, kMaxDiscountBps); !ok) return ok;
    if (i == 0) continue;
    if (discounts[i].from <= discounts[i - 1].from) return invalid(place + ".from", "must be above the one before it");
    if (discounts[i].discount_bps < discounts[i - 1].discount_bps) {
      return invalid(place + ".discount_bps", "must not be below the one before it: longer and more cannot cost more");
    }
  }
  return {};
}

Result<> check_rule(const model::PriceList& prices) {
  if (static_cast<std::size_t>(prices.rule) >= model::Names<model::PriceRule>::names.size()) {
    return invalid("rule", "takes fixed, index or base");
  }
  if (prices.rule == model::PriceRule::fixed) {
    if (prices.factor_permille == 0 && prices.floor_per_gpu_hour.micros == 0 && prices.cap_per_gpu_hour.micros == 0) {
      return {};
    }
    return invalid("factor_permille, floor_per_gpu_hour and cap_per_gpu_hour", "are for rule index or base");
  }
  if (auto ok = check_count("factor_permille", prices.factor_permille, 1, kMaxFactorPermille); !ok) return ok;
  if (auto ok = check_money("floor_per_gpu_hour", prices.floor_per_gpu_hour, Money{0}, kMaxPricePerGpuHour); !ok) {
    return ok;
  }
  if (auto ok = check_money("cap_per_gpu_hour", prices.cap_per_gpu_hour, Money{0}, kMaxPricePerGpuHour); !ok) return ok;
  if (prices.cap_per_gpu_hour.micros != 0 && prices.cap_per_gpu_hour < prices.floor_per_gpu_hour) {
    return invalid("cap_per_gpu_hour", "is below floor_per_gpu_hour: no price would fit");
  }
  return {};
}

}  // namespace

Result<> check_prices(const model::PriceList& prices) {
  if (auto ok = check_money("on_demand_per_gpu_hour", prices.on_demand_per_gpu_hour, Money{1}, kMaxPricePerGpuHour);
      !ok) {
    return ok;
  }
  if (auto ok = check_money("spot_floor_per_gpu_hour", prices.spot_floor_per_gpu_hour, Money{0}, kMaxPricePerGpuHour);
      !ok) {
    return ok;
  }
  if (auto ok = check_money("storage_per_gib_hour", prices.storage_per_gib_hour, Money{0}, kMaxStoragePerGibHour);
      !ok) {
    return ok;
  }
  if (auto ok = check_rule(prices); !ok) return ok;
  if (auto ok = check_count("min_duration_s", prices.min_duration_s, 0, kMaxDurationS); !ok) return ok;
  if (auto ok = check_count("max_duration_s", prices.max_duration_s, 0, kMaxDurationS); !ok) return ok;
  if (prices.max_duration_s != 0 && prices.min_duration_s > prices.max_duration_s) {
    return invalid("min_duration_s", "is above max_duration_s: no lease would fit");
  }
  if (auto ok = check_discounts("term_discounts", prices.term_discounts, kMaxDurationS); !ok) return ok;
  return check_discounts("volume_discounts", prices.volume_discounts, 1'000'000);
}

Result<> check_machine(const model::Machine& machine) {
  if (auto ok = check_name("name", machine.name, kMaxNameBytes); !ok) return ok;
  if (auto ok = check_name("gpu_model", machine.gpu_model, kMaxNameBytes); !ok) return ok;
  if (model::fold(model::WhereField::gpu, machine.gpu_model).empty()) {
    return invalid("gpu_model", "takes a name with a letter or a digit, such as H100-SXM");
  }
  if (static_cast<std::size_t>(machine.device_kind) >= model::Names<model::DeviceKind>::names.size()) {
    return invalid("device_kind", "takes gpu or cpu");
  }
  if (auto ok = check_count("gpu_count", machine.gpu_count, 1, model::kMaxDevicesPerMachine); !ok) return ok;
  if (auto ok = check_count("vram_bytes", machine.vram_bytes, 1, kMaxBytes); !ok) return ok;
  if (auto ok = check_count("cpu_threads", machine.cpu_threads, 1, kMaxThreads); !ok) return ok;
  if (auto ok = check_count("memory_bytes", machine.memory_bytes, 1, kMaxBytes); !ok) return ok;
  if (auto ok = check_count("disk_bytes", machine.disk_bytes, 0, kMaxBytes); !ok) return ok;
  if (auto ok = check_count("inet_down_mbps", machine.inet_down_mbps, 0, kMaxMbps); !ok) return ok;
  if (auto ok = check_count("inet_up_mbps", machine.inet_up_mbps, 0, kMaxMbps); !ok) return ok;
  if (static_cast<std::size_t>(machine.interconnect) >= model::Names<model::Interconnect>::names.size()) {
    return invalid("interconnect", "takes none, pcie, nvlink or infiniband");
  }
  if (!machine.country.empty() && !model::is_country(machine.country)) {
    return invalid("country", "is empty or a code of ISO 3166-1 in two upper-case letters, such as DE");
  }
  if (auto ok = check_name("driver_version", machine.driver_version, kMaxVersionBytes, true); !ok) return ok;
  if (auto ok = check_name("cuda_version", machine.cuda_version, kMaxVersionBytes, true); !ok) return ok;
  if (!machine.cuda_version.empty() && model::parse_version(machine.cuda_version) < 0) {
    return invalid("cuda_version", "is empty or a version such as 12.4");
  }
  return check_measured(machine.measured);
}

Result<> check_measured(const std::vector<model::Measurement>& measured) {
  if (measured.size() > kMaxMeasured) return fail(ErrorCode::too_large, "measured has more than 32 entries");
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const auto& m = measured[i];
    const std::string place = "measured[" + std::to_string(i) + "]";
    const bool known = std::any_of(kMeasurable.begin(), kMeasurable.end(),
                                   [&](auto field) { return model::name_of(field) == m.field; });
    if (!known) return invalid(place + ".field", "takes vram, cpu, memory, disk, inet_down, inet_up or interconnect");
    const bool twice = std::any_of(measured.begin(), measured.begin() + static_cast<std::ptrdiff_t>(i),
                                   [&](const auto& other) { return other.field == m.field; });
    if (twice) return invalid(place + ".field", "names " + m.field + " a second time: give each figure once");
    if (m.field == model::name_of(model::WhereField::interconnect)) {
      constexpr auto kBest = static_cast<std::int64_t>(model::Names<model::Interconnect>::names.size()) - 1;
      if (m.value < 0 || m.value > kBest) return invalid(place + ".value", "takes 0 (none) to 3 (infiniband)");
    }
    if (m.value < 0 || static_cast<std::uint64_t>(m.value) > kMaxBytes) {
      return invalid(place + ".value", "takes 0 to 2^60 in the field's unit");
    }
    if (m.measured_at.ms <= 0 || m.measured_at > kMaxTime) return invalid(place + ".measured_at", "takes a time");
  }
  return {};
}

}  // namespace hanse::market
