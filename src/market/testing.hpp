#pragma once

// For tests only: random markets, and a second, naive reading of demands and `where` terms that shares no code with the
// book's. Terms come as text together with a function that says what the text means.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/int128.hpp"
#include "base/rng.hpp"
#include "market/book.hpp"
#include "model/text.hpp"

namespace hanse::market::testing {

inline model::AccountId account_of(std::uint64_t n) {
  model::AccountId id;
  id.data[0] = static_cast<std::uint8_t>(n);
  id.data[31] = 7;
  return id;
}

/// What the tests believe to be on the market.
struct World {
  std::map<std::uint64_t, model::Offer> offers;
  std::map<model::AccountId, model::Provider> providers;
  std::set<model::AccountId> unreachable;
};

struct Case {  // one offer under one demand
  const model::Offer& offer;
  const model::Provider& provider;
  const model::Demand& demand;
  std::optional<Price> price;
};

struct Term {
  std::string text;
  std::string field;
  std::function<bool(const Case&)> holds;  // empty for `verified`, which depends on the other terms
};

inline std::string lower(std::string text) {
  for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c == ' ' ? '-' : c;
  return text;
}

inline std::optional<std::int64_t> measured(const model::Machine& machine, const std::string& field) {
  for (const auto& m : machine.measured) {
    if (m.field == field) return m.value;
  }
  return std::nullopt;
}

inline model::Offer random_offer(Rng& rng, std::uint64_t id) {
  static constexpr const char* kModels[] = {"H100-SXM", "H100 PCIe", "H100", "A100-80GB", "RTX4090"};
  static constexpr const char* kCountries[] = {"DE", "FR", "US", "NO", "CH", ""};
  static constexpr const char* kCuda[] = {"12.4", "11.8", "12.10", ""};
  model::Offer offer;
  offer.id = {id};
  offer.provider = account_of(rng.below(5));
  offer.posted_at = Time{1 + static_cast<std::int64_t>(rng.below(4))};
  auto& machine = offer.machine;
  machine.name = "m" + std::to_string(rng.below(6));
  machine.gpu_model = kModels[rng.below(5)];
  machine.device_kind = rng.one_in(6) ? model::DeviceKind::cpu : model::DeviceKind::gpu;
  machine.gpu_count = static_cast<std::uint32_t>(1 + (rng.one_in(20) ? 63 : rng.below(8)));
  machine.vram_bytes = 20'000'000'000 * (1 + rng.below(4));
  machine.cpu_threads = static_cast<std::uint32_t>(1 + rng.below(64));
  machine.memory_bytes = 1'000'000'007 * (1 + rng.below(64));
  machine.disk_bytes = 100'000'000'000 * (1 + rng.below(5));
  machine.inet_down_mbps = static_cast<std::uint32_t>(100 * rng.below(10));
  machine.inet_up_mbps = static_cast<std::uint32_t>(100 * rng.below(10));
  machine.interconnect = static_cast<model::Interconnect>(rng.below(4));
  machine.country = kCountries[rng.below(6)];
  machine.cuda_version = kCuda[rng.below(4)];
  for (const auto* field : {"vram", "cpu", "memory", "disk", "inet_down", "inet_up", "interconnect"}) {
    if (!rng.one_in(3)) continue;
    const std::string name = field;
    if (name == "interconnect") {
      machine.measured.push_back({name, rng.between(0, 3), Time{1}});
      continue;
    }
    const std::int64_t scale = name == "cpu" ? 1 : name.starts_with("inet") ? 10 : 1'000'000'000;
    machine.measured.push_back({name, scale * rng.between(1, 90), Time{1}});
  }
  auto& prices = offer.prices;
  prices.on_demand_per_gpu_hour = Money{100'000 * rng.between(1, 8)};
  prices.storage_per_gib_hour = Money{rng.one_in(2) ? 100 : 0};
  if (rng.one_in(3)) prices.min_duration_s = 1800 * rng.below(4);
  if (rng.one_in(3)) prices.max_duration_s = 6000 + 1800 * rng.below(4);
  if (rng.one_in(3)) prices.term_discounts = {{3600, 500}, {7200, 2'000}};
  if (rng.one_in(3)) prices.volume_discounts = {{2, 1'000}};
  const std::uint64_t all = machine.gpu_count == 64 ? ~0ULL : (1ULL << machine.gpu_count) - 1;
  if (rng.one_in(2)) offer.leased_devices = rng.next() & all;
  if (rng.one_in(10)) offer.leased_devices = all;
  if (rng.one_in(3)) offer.leased_disk_bytes = rng.below(machine.disk_bytes + 1);
  if (rng.one_in(10)) offer.state = model::OfferState::withdrawn;
  return offer;
}

inline model::Provider random_provider(Rng& rng, std::uint64_t n) {
  model::Provider provider;
  provider.account = account_of(n);
  provider.name = std::string("Hall ") + static_cast<char>('A' + n);
  provider.leases_completed = rng.below(4) * 30;
  provider.leases_failed = rng.below(3);
  return provider;
}

inline model::Demand random_demand(Rng& rng) {
  model::Demand demand;
  demand.gpu_count = static_cast<std::uint32_t>(1 + rng.below(rng.one_in(8) ? 40 : 4));
  demand.duration_s = 1800 * (1 + rng.below(6));
  if (rng.one_in(2)) demand.disk_bytes = 50'000'000'000 * rng.below(8);
  if (rng.one_in(3)) demand.max_price_per_gpu_hour = Money{100'000 * rng.between(1, 8)};
  if (rng.one_in(4)) demand.max_cost = Money{50'000 * rng.between(1, 20)};
  if (rng.one_in(3)) demand.mode = model::Mode::reserved;
  if (demand.disk_bytes > 0 && rng.one_in(2)) demand.keep_s = 1000 * rng.below(60);
  return demand;
}

inline bool compares(std::size_t op, std::int64_t a, std::int64_t b) {
  const bool results[] = {a == b, a != b, a<b, a <= b, a> b, a >= b};
  return results[op];
}

/// A number field: its unit's text for a value, and the value that an offer has.
struct NumberField {
  std::string name;
  std::function<std::string(std::int64_t)> write;
  std::function<std::int64_t(Rng&)> pick;
  std::function<std::optional<std::int64_t>(const Case&)> of;
};

inline std::int64_t shared_out(std::int64_t total, const Case& c) {
  const std::int64_t asked = std::min(c.demand.gpu_count, c.offer.machine.gpu_count);
  return total * asked / c.offer.machine.gpu_count;
}

inline const std::vector<NumberField>& number_fields() {
  const auto plain = [](std::int64_t v) { return std::to_string(v); };
  const auto gigabytes = [](std::int64_t v) { return std::to_string(v) + "B"; };
  const auto figure = [](const Case& c, const char* name, std::uint64_t declared) {
    return measured(c.offer.machine, name).value_or(static_cast<std::int64_t>(declared));
  };
  static const std::vector<NumberField> kFields{
      {"gpus", plain, [](Rng& r) { return r.between(1, 8); },
       [](const Case& c) { return std::optional<std::int64_t>(c.offer.machine.gpu_count); }},
      {"vram", gigabytes, [](Rng& r) { return 20'000'000'000 * r.between(1, 4); },
       [=](const Case& c) { return std::optional(figure(c, "vram", c.offer.machine.vram_bytes)); }},
      {"cpu", plain, [](Rng& r) { return r.between(1, 32); },
       [=](const Case& c) { return std::optional(shared_out(figure(c, "cpu", c.offer.machine.cpu_threads), c)); }},
      {"memory", gigabytes, [](Rng& r) { return 1'000'000'000 * r.between(1, 40); },
       [=](const Case& c) { return std::optional(shared_out(figure(c, "memory", c.offer.machine.memory_bytes), c)); }},
      {"disk", gigabytes, [](Rng& r) { return 50'000'000'000 * r.between(1, 8); },
       [=](const Case& c) {
         return std::optional(std::max<std::int64_t>(
             0, figure(c, "disk", c.offer.machine.disk_bytes) - static_cast<std::int64_t>(c.offer.leased_disk_bytes)));
       }},
      {"inet_down", plain, [](Rng& r) { return 100 * r.between(1, 9); },
       [=](const Case& c) { return std::optional(figure(c, "inet_down", c.offer.machine.inet_down_mbps)); }},
      {"inet_up", plain, [](Rng& r) { return 100 * r.between(1, 9); },
       [=](const Case& c) { return std::optional(figure(c, "inet_up", c.offer.machine.inet_up_mbps)); }},
      {"price", [](std::int64_t v) { return model::format_money(Money{v}); },
       [](Rng& r) { return 50'000 * r.between(1, 16); },
       [](const Case& c) { return c.price ? std::optional(c.price->per_gpu_hour.micros) : std::nullopt; }},
      {"reliability", [](std::int64_t v) { return model::format_money(Money{v}); },
       [](Rng& r) { return 10'000 * r.between(70, 99); },
       [](const Case& c) {
         return std::optional(static_cast<std::int64_t>((c.provider.leases_completed + 9) * 1'000'000 /
                                                        (c.provider.leases_completed + c.provider.leases_failed + 10)));
       }},
      {"cuda", [](std::int64_t v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000); },
       [](Rng& r) { return r.one_in(2) ? 12'004 : 11'008; },
       [](const Case& c) -> std::optional<std::int64_t> {
         const auto& v = c.offer.machine.cuda_version;
         if (v.empty()) return std::nullopt;
         return v == "12.4" ? 12'004 : v == "11.8" ? 11'008 : 12'010;
       }},
      {"duration", [](std::int64_t v) { return std::to_string(v) + "s"; },
       [](Rng& r) { return 1000 * r.between(5, 13); },
       [](const Case& c) {
         return std::optional(
             c.offer.prices.max_duration_s == 0 ? INT64_MAX : static_cast<std::int64_t>(c.offer.prices.max_duration_s));
       }},
      {"interconnect",
       [](std::int64_t v) {
         return std::string(v == 0 ? "none" : v == 1 ? "pcie" : v == 2 ? "NVLink" : "infiniband");
       },
       [](Rng& r) { return r.between(0, 3); },
       [=](const Case& c) {
         return std::optional(figure(c, "interconnect", static_cast<std::uint64_t>(c.offer.machine.interconnect)));
       }},
  };
  return kFields;
}

inline Term number_term(Rng& rng) {
  static constexpr const char* kOps[] = {"=", "!=", "<", "<=", ">", ">="};
  const auto& fields = number_fields();
  const auto& field = fields[rng.below(fields.size())];
  // Mostly bounds: equality rarely leaves anything to look at.
  const std::size_t op = rng.one_in(6) ? rng.below(2) : 2 + rng.below(4);
  const auto value = field.pick(rng);
  return {field.name + kOps[op] + field.write(value), field.name, [field, op, value](const Case& c) {
            const auto has = field.of(c);
            return has && compares(op, *has, value);
          }};
}

inline Term set_term(Rng& rng) {
  struct SetField {
    std::string name;
    std::vector<std::string> values;
    std::function<bool(const Case&, const std::string&)> is;
  };
  static const std::vector<std::string> kEu{"DE", "FR"};  // of the countries that random offers stand in
  static const std::vector<SetField> kFields{
      {"gpu",
       {"H100", "h100-sxm", "H100 PCIe", "A100", "RTX4090", "H10"},
       [](const Case& c, const std::string& v) {
         const auto m = lower(c.offer.machine.gpu_model);
         return m == lower(v) || m.starts_with(lower(v) + "-");
       }},
      {"country",
       {"DE", "fr", "EU", "US", "EEA"},
       [](const Case& c, const std::string& v) {
         const auto& country = c.offer.machine.country;
         const bool eu = country == "DE" || country == "FR";
         return v == "EU" ? eu : v == "EEA" ? eu || country == "NO" : lower(country) == lower(v);
       }},
      {"provider",
       {"Hall A", "hall b", "nobody", "@"},
       [](const Case& c, const std::string& v) {
         return v == "@" ? c.provider.account == account_of(2) : lower(c.provider.name) == lower(v);
       }},
      {"machine",
       {"m0", "M1", "m2"},
       [](const Case& c, const std::string& v) { return c.offer.machine.name == lower(v); }},
      {"kind", {"gpu", "cpu"}, [](const Case& c, const std::string& v) {
         return (c.offer.machine.device_kind == model::DeviceKind::gpu) == (v == "gpu");
       }}};
  const auto& field = kFields[rng.below(kFields.size())];
  std::vector<std::string> values;
  for (auto n = 1 + rng.below(3); n > 0; --n) values.push_back(field.values[rng.below(field.values.size())]);
  const bool negative = rng.one_in(3);
  std::string list;
  for (const auto& v : values)
    list += (list.empty() ? "" : ",") + (v == "@" ? model::format_address(account_of(2)) : "\"" + v + "\"");
  return {field.name + (negative ? " not in [" : " in [") + list + "]", field.name,
          [field, values, negative](const Case& c) {
            if (field.name == "country" && c.offer.machine.country.empty()) return false;
            const bool any = std::any_of(values.begin(), values.end(), [&](const auto& v) { return field.is(c, v); });
            return any != negative;
          }};
}

inline std::vector<Term> random_terms(Rng& rng, std::size_t most) {
  std::vector<Term> terms;
  for (auto n = rng.below(most + 1); n > 0; --n) {
    auto term = rng.one_in(8)   ? Term{"verified", "verified", nullptr}
                : rng.one_in(2) ? number_term(rng)
                                : set_term(rng);
    const auto canonical = [](const Term& t) {
      const auto where = model::parse_where(t.text);
      return where ? model::format_constraint(where->front()) : t.text;  // one that contradicts itself
    };
    const bool again =
        std::any_of(terms.begin(), terms.end(), [&](const auto& t) { return canonical(t) == canonical(term); });
    if (!again) terms.push_back(std::move(term));
  }
  return terms;
}

inline std::string join(const std::vector<Term>& terms) {
  std::string text;
  for (const auto& term : terms) text += (text.empty() ? "" : " ") + term.text;
  return text;
}

inline bool term_holds(const Term& term, const std::vector<Term>& all, const Case& c) {
  if (term.holds) return term.holds(c);
  static const std::set<std::string> kMeasurable{"vram",      "cpu",     "memory",      "disk",
                                                 "inet_down", "inet_up", "interconnect"};
  return std::all_of(all.begin(), all.end(), [&](const auto& t) {
    return !kMeasurable.contains(t.field) || measured(c.offer.machine, t.field).has_value();
  });
}

/// What keeping the files locks: whole GiB, whole micros.
inline Int128 naive_reserve(const model::Offer& offer, const model::Demand& demand) {
  constexpr std::uint64_t kGib = 1ULL << 30;
  const auto gib = static_cast<Int128>(demand.disk_bytes / kGib + (demand.disk_bytes % kGib != 0));
  const Int128 whole = gib * offer.prices.storage_per_gib_hour.micros * static_cast<Int128>(demand.keep_s);
  return whole / 3600 + (whole % 3600 != 0);
}

/// The book's own demands that this offer fails, by name.
inline std::set<std::string> failed_builtins(const World& world, const Case& c,
                                             const std::set<model::AccountId>& excluded) {
  const auto& [offer, provider, demand, price] = c;
  std::set<std::string> failed;
  int free = 0;
  for (std::uint32_t i = 0; i < offer.machine.gpu_count; ++i) free += (offer.leased_devices >> i & 1U) == 0 ? 1 : 0;
  if (offer.state != model::OfferState::open) failed.insert("open");
  if (world.unreachable.contains(offer.provider)) failed.insert("reachable");
  if (excluded.contains(offer.provider)) failed.insert("excluded");
  if (free < static_cast<int>(demand.gpu_count)) failed.insert("capacity");
  const auto max = offer.prices.max_duration_s;
  if (demand.duration_s < offer.prices.min_duration_s || (max != 0 && demand.duration_s > max))
    failed.insert("duration");
  if (demand.disk_bytes > offer.machine.disk_bytes - offer.leased_disk_bytes) failed.insert("disk");
  if (demand.max_price_per_gpu_hour.micros != 0 && price->per_gpu_hour > demand.max_price_per_gpu_hour)
    failed.insert("max_price");
  const auto least =
      static_cast<Int128>(price->rate_per_hour.micros) * std::max<std::uint64_t>(1, offer.prices.min_duration_s);
  const Int128 left = demand.max_cost.micros - naive_reserve(offer, demand);
  if (demand.max_cost.micros != 0 && least > left * 3600) failed.insert("max_cost");
  return failed;
}

inline model::Offer machine(std::uint64_t id, std::string model, std::uint64_t vram_gb, std::int64_t micros) {
  model::Offer offer;
  offer.id = {id};
  offer.provider = account_of(1);
  offer.machine.gpu_model = std::move(model);
  offer.machine.gpu_count = 2;
  offer.machine.vram_bytes = vram_gb * 1'000'000'000;
  offer.machine.country = "DE";
  offer.prices.on_demand_per_gpu_hour = Money{micros};
  offer.posted_at = Time{1};
  return offer;
}

}  // namespace hanse::market::testing
