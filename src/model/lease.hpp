#pragma once

// What consumers ask for and get: the demand, the request that carries it, the lease that a match makes.

#include <string>
#include <tuple>
#include <vector>

#include "base/money.hpp"
#include "base/time.hpp"
#include "model/describe.hpp"
#include "model/ids.hpp"

namespace hanse::model {

inline constexpr std::uint32_t kMaxWhereBytes = 4096;
inline constexpr std::uint32_t kMaxMachines = 64;     ///< Of one gang.
inline constexpr std::uint32_t kMaxTermRates = 9;     ///< The list price, and each step of an offer's term discounts.
inline constexpr std::uint32_t kMaxRateChanges = 32;  ///< That a lease remembers.
inline constexpr std::uint64_t kDefaultDiskBytes = 1ULL << 30;  ///< /workspace of a lease that asked for no disk.

enum class Mode : std::uint8_t { on_demand, spot, reserved };

/// Where the machines of a gang must stand.
enum class Placement : std::uint8_t { anywhere, same_provider, same_country };

/// What a consumer wants: hard constraints, size, time, and what it will pay at most.
struct Demand {
  std::string where;             ///< Constraints in the `where` language; empty: anything.
  OfferId offer;                 ///< This very offer; 0: the best that fits.
  std::uint32_t gpu_count = 1;   ///< Devices on each machine.
  std::uint32_t machines = 1;    ///< Gang size.
  std::uint64_t duration_s = 0;  ///< The longest it may run.
  std::uint64_t disk_bytes = 0;  ///< Size of /workspace.
  Mode mode = Mode::on_demand;
  Placement placement = Placement::anywhere;  ///< Of several machines.
  Money max_price_per_gpu_hour;  ///< All-in (GPU and storage, after discounts); 0: no ceiling. Spot: the open bid.
  Money max_cost;                ///< All of it, every machine together, can never cost more; 0: no ceiling.
  std::uint64_t keep_s = 0;      ///< How long its files stay on the machine once its job is done; 0: they go with it.

  bool operator==(const Demand&) const = default;
};

enum class RequestState : std::uint8_t { waiting, matched, ended };

struct Request {
  RequestId id;
  AccountId consumer;
  crypto::PublicKey access_key;  ///< May log in to the lease; the consumer's own key unless it named another.
  Hash job_hash;                 ///< Of the job that it will deliver; zero: none, an empty machine.
  Demand demand;
  RequestState state = RequestState::waiting;
  LeaseId lease;  ///< The current one, while matched; of a gang the first: its members are numbered on from it.
  Time submitted_at;
  Time wait_until;                            ///< Until then it waits for capacity; 0: it does not wait.
  std::vector<AccountId> excluded_providers;  ///< They missed the start deadline for this request.
  Hash sealed_bid;         ///< Spot: what it committed to, until that is revealed (model/spot.hpp); zero: an open bid.
  Money bid_per_gpu_hour;  ///< Spot: what it bids; 0: not revealed yet.
  OfferId won;             ///< Spot, while waiting: won there, and waits for pre-empted leases to leave.
  Money held;              ///< The money for what it won, until that becomes a lease's escrow or is given back.
  Money held_keep_rate;    ///< What an hour of keeping its files costs where it won.

  bool operator==(const Request&) const = default;
};

/// kept: its job is done and its devices are free, its files are still there.
enum class LeaseState : std::uint8_t { matched, running, kept, ended };
enum class EndReason : std::uint8_t {
  none,
  completed,
  cancelled,
  exhausted,
  preempted,
  provider_failed,
  never_started
};

/// What an hour costs, in all, of a lease that was rented for at least `from_s`.
struct TermRate {
  std::uint64_t from_s = 0;
  Money rate_per_hour;

  bool operator==(const TermRate&) const = default;
};

/// From `from_s` delivered seconds on, a lease costs `rate_per_hour`; the seconds before cost `earned_before` +
/// `earned_rest` / 3600 micros, so that the whole is floored once.
struct RateChange {
  std::int64_t from_s = 0;
  Money rate_per_hour;
  Money earned_before;
  std::uint32_t earned_rest = 0;

  bool operator==(const RateChange&) const = default;
};

struct Lease {
  LeaseId id;
  RequestId request;
  OfferId offer;
  AccountId provider;
  AccountId consumer;
  crypto::PublicKey access_key;
  Hash job_hash;
  std::uint32_t gpu_count = 0;  // the small ones together: a record is held for every live lease
  LeaseState state = LeaseState::matched;
  EndReason end_reason = EndReason::none;  ///< Of its run: why it is kept or ended.
  EndReason keep_end = EndReason::none;    ///< Once ended: why its files are gone; none: they were not kept.
  Mode mode = Mode::on_demand;
  std::uint32_t keep_s = 0;   ///< As the demand has it.
  std::uint64_t devices = 0;  ///< Bit i: device i of the machine.
  std::uint64_t disk_bytes = 0;
  Money rate_per_hour;           ///< The whole price: all GPUs and storage, after discounts.
  std::uint64_t duration_s = 0;  ///< The longest it may run, from started_at.
  Time matched_at;
  Time start_deadline;
  Time started_at;
  Time ends_at;                           ///< While running: when time or money runs out. Then: when its run ended.
  std::int64_t downtime_at_start_ms = 0;  ///< Provider::downtime_ms when it started; once kept: when that began.
  std::int64_t billed_s = 0;              ///< Once its run ended: the seconds that were delivered and are paid for.
  Money locked;                           ///< Everything the consumer ever put in.
  Money released;                         ///< Paid out to the provider.
  Money refunded;                         ///< Given back to the consumer. escrow = locked − released − refunded.
  Money keep_reserve;        ///< Of what is locked, all that keeping its files may cost. Once ended: what it did cost.
  Money keep_rate_per_hour;  ///< What an hour of keeping its files costs.
  Time kept_until;           ///< While kept: when that is over. Once ended: when it was. 0: it was not kept.
  std::string endpoint;      ///< `host:port` of the gateway, as confirmed.
  crypto::PublicKey host_key;
  std::string note;  ///< Why it ended, in the words of who ended it.
  std::vector<TermRate>
      early_rates;         ///< Reserved with a term discount: what it costs when left early. Ascending from 0.
  LeaseId gang;            ///< The first lease of its gang; 0: it stands alone.
  Money bid_per_gpu_hour;  ///< Spot: the most that it pays; 0: not a spot lease.
  Time preempt_at;         ///< Spot: it lost its place and ends then; 0: it has it.
  std::vector<RateChange>
      rates;                  ///< Spot: what the auctions since its start made it cost; empty: rate_per_hour, always.
  Money posted_per_gpu_hour;  ///< The offer's price when it was matched, before discounts; 0: won by a bid.

  bool operator==(const Lease&) const = default;
};

/// It runs, or is about to: its devices are nobody else's.
[[nodiscard]] constexpr bool holds_devices(const Lease& lease) {
  return lease.state == LeaseState::matched || lease.state == LeaseState::running;
}

/// What its run may cost at most: all that is locked but for the keeping of its files.
[[nodiscard]] constexpr Money run_lock(const Lease& lease) {
  return Money{lease.locked.micros - lease.keep_reserve.micros};
}

/// What its run came to, once it is over.
[[nodiscard]] constexpr Money run_cost(const Lease& lease) {
  return Money{run_lock(lease).micros - lease.refunded.micros};
}

/// What is still locked in the lease.
[[nodiscard]] constexpr Money escrow(const Lease& lease) {
  return Money{lease.locked.micros - lease.released.micros - lease.refunded.micros};
}

template <>
struct Names<Mode> {
  static constexpr std::array<std::string_view, 3> names{"on_demand", "spot", "reserved"};
};
template <>
struct Names<Placement> {
  static constexpr std::array<std::string_view, 3> names{"anywhere", "same_provider", "same_country"};
};
template <>
struct Names<RequestState> {
  static constexpr std::array<std::string_view, 3> names{"waiting", "matched", "ended"};
};
template <>
struct Names<LeaseState> {
  static constexpr std::array<std::string_view, 4> names{"matched", "running", "kept", "ended"};
};
template <>
struct Names<EndReason> {
  static constexpr std::array<std::string_view, 7> names{"none",      "completed",       "cancelled",    "exhausted",
                                                         "preempted", "provider_failed", "never_started"};
};

template <>
struct Describe<Demand> {
  static constexpr std::string_view name = "Demand";
  static constexpr auto fields = std::tuple{field<1>("where", &Demand::where, kMaxWhereBytes),
                                            field<2>("offer", &Demand::offer),
                                            field<3>("gpu_count", &Demand::gpu_count),
                                            field<4>("machines", &Demand::machines),
                                            field<5>("duration_s", &Demand::duration_s),
                                            field<6>("disk_bytes", &Demand::disk_bytes),
                                            field<7>("mode", &Demand::mode),
                                            field<8>("max_price_micros_per_gpu_hour", &Demand::max_price_per_gpu_hour),
                                            field<9>("max_cost_micros", &Demand::max_cost),
                                            field<10>("placement", &Demand::placement),
                                            field<11>("keep_s", &Demand::keep_s)};
};
template <>
struct Describe<RateChange> {
  static constexpr std::string_view name = "RateChange";
  static constexpr auto fields = std::tuple{
      field<1>("from_s", &RateChange::from_s), field<2>("rate_micros_per_hour", &RateChange::rate_per_hour),
      field<3>("earned_before_micros", &RateChange::earned_before), field<4>("earned_rest", &RateChange::earned_rest)};
};
template <>
struct Describe<Request> {
  static constexpr std::string_view name = "Request";
  static constexpr auto fields = std::tuple{field<1>("id", &Request::id),
                                            field<2>("consumer", &Request::consumer),
                                            field<3>("access_key", &Request::access_key),
                                            field<4>("job_hash", &Request::job_hash),
                                            field<5>("demand", &Request::demand),
                                            field<6>("state", &Request::state),
                                            field<7>("lease", &Request::lease),
                                            field<8>("submitted_at_ms", &Request::submitted_at),
                                            field<9>("wait_until_ms", &Request::wait_until),
                                            field<10>("excluded_providers", &Request::excluded_providers, 16),
                                            field<13>("sealed_bid", &Request::sealed_bid),
                                            field<14>("bid_micros_per_gpu_hour", &Request::bid_per_gpu_hour),
                                            field<15>("won", &Request::won),
                                            field<16>("held_micros", &Request::held),
                                            field<17>("held_keep_rate_micros_per_hour", &Request::held_keep_rate)};
};
template <>
struct Describe<TermRate> {
  static constexpr std::string_view name = "TermRate";
  static constexpr auto fields =
      std::tuple{field<1>("from_s", &TermRate::from_s), field<2>("rate_micros_per_hour", &TermRate::rate_per_hour)};
};
template <>
struct Describe<Lease> {
  static constexpr std::string_view name = "Lease";
  static constexpr auto fields = std::tuple{field<1>("id", &Lease::id),
                                            field<2>("request", &Lease::request),
                                            field<3>("offer", &Lease::offer),
                                            field<4>("provider", &Lease::provider),
                                            field<5>("consumer", &Lease::consumer),
                                            field<6>("access_key", &Lease::access_key),
                                            field<7>("job_hash", &Lease::job_hash),
                                            field<8>("gpu_count", &Lease::gpu_count),
                                            field<9>("devices", &Lease::devices),
                                            field<10>("disk_bytes", &Lease::disk_bytes),
                                            field<11>("rate_micros_per_hour", &Lease::rate_per_hour),
                                            field<12>("duration_s", &Lease::duration_s),
                                            field<13>("state", &Lease::state),
                                            field<14>("end_reason", &Lease::end_reason),
                                            field<15>("matched_at_ms", &Lease::matched_at),
                                            field<16>("start_deadline_ms", &Lease::start_deadline),
                                            field<17>("started_at_ms", &Lease::started_at),
                                            field<18>("ends_at_ms", &Lease::ends_at),
                                            field<19>("downtime_at_start_ms", &Lease::downtime_at_start_ms),
                                            field<20>("billed_s", &Lease::billed_s),
                                            field<21>("locked_micros", &Lease::locked),
                                            field<22>("released_micros", &Lease::released),
                                            field<23>("refunded_micros", &Lease::refunded),
                                            field<24>("endpoint", &Lease::endpoint, 262),
                                            field<25>("host_key", &Lease::host_key),
                                            field<26>("note", &Lease::note, 256),
                                            field<27>("mode", &Lease::mode),
                                            field<28>("early_rates", &Lease::early_rates, kMaxTermRates),
                                            field<29>("gang", &Lease::gang),
                                            field<30>("bid_micros_per_gpu_hour", &Lease::bid_per_gpu_hour),
                                            field<31>("preempt_at_ms", &Lease::preempt_at),
                                            field<32>("rates", &Lease::rates, kMaxRateChanges),
                                            field<40>("posted_micros_per_gpu_hour", &Lease::posted_per_gpu_hour),
                                            field<41>("keep_s", &Lease::keep_s),
                                            field<42>("keep_rate_micros_per_hour", &Lease::keep_rate_per_hour),
                                            field<43>("keep_reserve_micros", &Lease::keep_reserve),
                                            field<44>("kept_until_ms", &Lease::kept_until),
                                            field<45>("keep_end", &Lease::keep_end)};
};

}  // namespace hanse::model
