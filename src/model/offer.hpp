#pragma once

// What providers put up: the provider, its machine, its price list, the offer.

#include <string>
#include <tuple>
#include <vector>

#include "base/money.hpp"
#include "base/time.hpp"
#include "model/describe.hpp"
#include "model/ids.hpp"

namespace hanse::model {

inline constexpr std::uint32_t kMaxDevicesPerMachine = 64;  ///< A lease's devices are one 64-bit mask.

struct Provider {
  AccountId account;
  std::string name;            ///< Shown in tables; not unique.
  std::string endpoint;        ///< `host:port` of its SSH gateway.
  crypto::PublicKey host_key;  ///< Ed25519 host key of the gateway; what clients verify it by.
  Time registered_at;
  Time last_heartbeat_at;
  std::int64_t downtime_ms = 0;  ///< Sum of all gaps between heartbeats longer than the network's heartbeat timeout.
  std::uint64_t leases_completed = 0;
  std::uint64_t leases_failed = 0;  ///< never_started + provider_failed
  std::uint64_t live_leases = 0;
  std::uint64_t live_offers = 0;
  Money earned;  ///< Everything ever released to it.

  bool operator==(const Provider&) const = default;
};

enum class DeviceKind : std::uint8_t { gpu, cpu };  ///< cpu: an OpenCL CPU device, always labelled as such.

/// The best way that a machine's devices reach each other and the provider's other machines. In this order: each does
/// what those before it do.
enum class Interconnect : std::uint8_t {
  none,       ///< Nothing is promised.
  pcie,       ///< The devices of one machine, over PCIe.
  nvlink,     ///< The devices of one machine, over NVLink or a fabric like it.
  infiniband  ///< Machines too, over InfiniBand or RoCE.
};

/// A figure that was measured, as opposed to declared: which `where` field, its value in that field's unit, and when.
struct Measurement {
  std::string field;
  std::int64_t value = 0;
  Time measured_at;

  bool operator==(const Measurement&) const = default;
};

/// One host with identical devices. A host with several models is several machines.
struct Machine {
  std::string name;       ///< The provider's own name for it; unique among its live offers.
  std::string gpu_model;  ///< As in `where gpu in [...]`: "H100-SXM", "RTX4090", "CPU".
  DeviceKind device_kind = DeviceKind::gpu;
  std::uint32_t gpu_count = 0;   ///< 1 ..= kMaxDevicesPerMachine
  std::uint64_t vram_bytes = 0;  ///< Of one device.
  std::uint32_t cpu_threads = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t disk_bytes = 0;
  std::uint32_t inet_down_mbps = 0;
  std::uint32_t inet_up_mbps = 0;
  std::string country;  ///< ISO 3166-1 alpha-2, upper case; empty: not said.
  std::string driver_version;
  std::string cuda_version;
  std::vector<Measurement> measured;
  Interconnect interconnect = Interconnect::none;

  bool operator==(const Machine&) const = default;
};

/// From `from` (seconds of the term, or GPUs) on, the hourly price is lower by `discount_bps` (1/10,000).
struct Discount {
  std::uint64_t from = 0;
  std::uint32_t discount_bps = 0;

  bool operator==(const Discount&) const = default;
};

/// What an offer's price follows: nothing, or a figure of its price class (prices.hpp).
enum class PriceRule : std::uint8_t { fixed, index, base };

struct PriceList {
  Money on_demand_per_gpu_hour;   ///< What it costs now. Under a rule the ledger moves it.
  Money spot_floor_per_gpu_hour;  ///< 0: not for rent on spot.
  Money storage_per_gib_hour;     ///< Of the disk that the request asks for.
  std::uint64_t min_duration_s = 0;
  std::uint64_t max_duration_s = 0;        ///< 0: no maximum.
  std::vector<Discount> term_discounts;    ///< Ascending `from` in seconds.
  std::vector<Discount> volume_discounts;  ///< Ascending `from` in GPUs of one request.
  PriceRule rule = PriceRule::fixed;
  std::uint32_t factor_permille = 0;  ///< Of the figure: 950 is 5 % below it. These three are 0 without a rule.
  Money floor_per_gpu_hour;           ///< Never below.
  Money cap_per_gpu_hour;             ///< Never above; 0: no cap.

  bool operator==(const PriceList&) const = default;
};

enum class OfferState : std::uint8_t { open, withdrawn };  ///< withdrawn: takes no lease; gone once its leases ended.

struct Offer {
  OfferId id;
  AccountId provider;
  Machine machine;
  PriceList prices;
  OfferState state = OfferState::open;
  std::uint64_t leased_devices = 0;  ///< Bit i: device i is in a live lease.
  std::uint64_t leased_disk_bytes = 0;
  Time posted_at;
  Time updated_at;

  bool operator==(const Offer&) const = default;
};

/// A price list that an offer left a moment ago.
struct FormerList {
  PriceList prices;
  Time until;

  bool operator==(const FormerList&) const = default;
};
inline constexpr std::uint32_t kMaxFormerPrices = 4;

/// What an offer asked in the last Params::quote_s, oldest first; there is one only of offers that changed.
struct FormerPrices {
  OfferId offer;
  std::vector<FormerList> lists;

  bool operator==(const FormerPrices&) const = default;
};

template <>
struct Names<DeviceKind> {
  static constexpr std::array<std::string_view, 2> names{"gpu", "cpu"};
};
template <>
struct Names<Interconnect> {
  static constexpr std::array<std::string_view, 4> names{"none", "pcie", "nvlink", "infiniband"};
};
template <>
struct Names<PriceRule> {
  static constexpr std::array<std::string_view, 3> names{"fixed", "index", "base"};
};
template <>
struct Names<OfferState> {
  static constexpr std::array<std::string_view, 2> names{"open", "withdrawn"};
};

template <>
struct Describe<Provider> {
  static constexpr std::string_view name = "Provider";
  static constexpr auto fields = std::tuple{field<1>("account", &Provider::account),
                                            field<2>("name", &Provider::name, 64),
                                            field<3>("endpoint", &Provider::endpoint, 262),
                                            field<4>("host_key", &Provider::host_key),
                                            field<5>("registered_at_ms", &Provider::registered_at),
                                            field<6>("last_heartbeat_at_ms", &Provider::last_heartbeat_at),
                                            field<7>("downtime_ms", &Provider::downtime_ms),
                                            field<8>("leases_completed", &Provider::leases_completed),
                                            field<9>("leases_failed", &Provider::leases_failed),
                                            field<10>("live_leases", &Provider::live_leases),
                                            field<11>("live_offers", &Provider::live_offers),
                                            field<12>("earned_micros", &Provider::earned)};
};
template <>
struct Describe<Measurement> {
  static constexpr std::string_view name = "Measurement";
  static constexpr auto fields =
      std::tuple{field<1>("field", &Measurement::field, 32), field<2>("value", &Measurement::value),
                 field<3>("measured_at_ms", &Measurement::measured_at)};
};
template <>
struct Describe<Machine> {
  static constexpr std::string_view name = "Machine";
  static constexpr auto fields = std::tuple{field<1>("name", &Machine::name, 64),
                                            field<2>("gpu_model", &Machine::gpu_model, 64),
                                            field<3>("device_kind", &Machine::device_kind),
                                            field<4>("gpu_count", &Machine::gpu_count),
                                            field<5>("vram_bytes", &Machine::vram_bytes),
                                            field<6>("cpu_threads", &Machine::cpu_threads),
                                            field<7>("memory_bytes", &Machine::memory_bytes),
                                            field<8>("disk_bytes", &Machine::disk_bytes),
                                            field<9>("inet_down_mbps", &Machine::inet_down_mbps),
                                            field<10>("inet_up_mbps", &Machine::inet_up_mbps),
                                            field<11>("country", &Machine::country, 2),
                                            field<12>("driver_version", &Machine::driver_version, 32),
                                            field<13>("cuda_version", &Machine::cuda_version, 32),
                                            field<14>("measured", &Machine::measured, 32),
                                            field<15>("interconnect", &Machine::interconnect)};
};
template <>
struct Describe<Discount> {
  static constexpr std::string_view name = "Discount";
  static constexpr auto fields =
      std::tuple{field<1>("from", &Discount::from), field<2>("discount_bps", &Discount::discount_bps)};
};
template <>
struct Describe<PriceList> {
  static constexpr std::string_view name = "PriceList";
  static constexpr auto fields =
      std::tuple{field<1>("on_demand_micros_per_gpu_hour", &PriceList::on_demand_per_gpu_hour),
                 field<2>("spot_floor_micros_per_gpu_hour", &PriceList::spot_floor_per_gpu_hour),
                 field<3>("storage_micros_per_gib_hour", &PriceList::storage_per_gib_hour),
                 field<4>("min_duration_s", &PriceList::min_duration_s),
                 field<5>("max_duration_s", &PriceList::max_duration_s),
                 field<6>("term_discounts", &PriceList::term_discounts, 8),
                 field<7>("volume_discounts", &PriceList::volume_discounts, 8),
                 field<8>("rule", &PriceList::rule),
                 field<9>("factor_permille", &PriceList::factor_permille),
                 field<10>("floor_micros_per_gpu_hour", &PriceList::floor_per_gpu_hour),
                 field<11>("cap_micros_per_gpu_hour", &PriceList::cap_per_gpu_hour)};
};
template <>
struct Describe<Offer> {
  static constexpr std::string_view name = "Offer";
  static constexpr auto fields = std::tuple{field<1>("id", &Offer::id),
                                            field<2>("provider", &Offer::provider),
                                            field<3>("machine", &Offer::machine),
                                            field<4>("prices", &Offer::prices),
                                            field<5>("state", &Offer::state),
                                            field<6>("leased_devices", &Offer::leased_devices),
                                            field<7>("leased_disk_bytes", &Offer::leased_disk_bytes),
                                            field<8>("posted_at_ms", &Offer::posted_at),
                                            field<9>("updated_at_ms", &Offer::updated_at)};
};
template <>
struct Describe<FormerList> {
  static constexpr std::string_view name = "FormerList";
  static constexpr auto fields =
      std::tuple{field<1>("prices", &FormerList::prices), field<2>("until_ms", &FormerList::until)};
};
template <>
struct Describe<FormerPrices> {
  static constexpr std::string_view name = "FormerPrices";
  static constexpr auto fields =
      std::tuple{field<1>("offer", &FormerPrices::offer), field<2>("lists", &FormerPrices::lists, kMaxFormerPrices)};
};

}  // namespace hanse::model
