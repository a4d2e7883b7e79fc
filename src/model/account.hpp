#pragma once

// Accounts, the keys they authorise, and the network's parameters.

#include <array>
#include <string>
#include <tuple>
#include <vector>

#include "base/money.hpp"
#include "base/time.hpp"
#include "model/describe.hpp"
#include "model/ids.hpp"

namespace hanse::model {

struct Account {
  AccountId id;
  Money balance;

  bool operator==(const Account&) const = default;
};

/// `owner` lets `key` sign named operations for it, spending at most `spend_limit` in all, until `expires_at`.
struct KeyGrant {
  AccountId owner;
  crypto::PublicKey key;
  std::vector<std::string> operations;  ///< Names of operations, e.g. "confirm_lease"; at least one.
  Money spend_limit;
  Money spent;  ///< Fees, transfers and escrow locked under this grant so far.
  Time expires_at;

  bool operator==(const KeyGrant&) const = default;
};
inline constexpr std::uint32_t kMaxGrants = 64;  ///< Of one account.

/// What an account's leases cost it lately, day by day: what lowers its fees.
struct Spending {
  AccountId account;
  std::uint64_t day = 0;     ///< The newest day on record, counted from the Unix epoch.
  std::vector<Money> daily;  ///< A ring: the leases that ended on day d are at d % kSpendingDays.

  bool operator==(const Spending&) const = default;
};
inline constexpr std::uint32_t kSpendingDays = 30;

/// Who spent `from` or more in the last kSpendingDays pays fees that are lower by `discount_bps` (1/10,000).
struct FeeTier {
  Money from;
  std::uint32_t discount_bps = 0;

  bool operator==(const FeeTier&) const = default;
};
inline constexpr std::uint32_t kMaxFeeTiers = 8;

/// What genesis fixes. Every duration and bound that the ledger applies is here.
struct Params {
  std::vector<std::string> fee_operations;  ///< Parallel to fee_amounts: the flat fee of an operation, by its name.
  std::vector<Money> fee_amounts;
  std::uint64_t max_validity_s = 600;          ///< The furthest ahead that `valid_until` may lie.
  std::uint64_t claim_window_s = 3600;         ///< What accrued is pending for this long, then released.
  std::uint64_t start_deadline_s = 300;        ///< From matched to running, at most.
  std::uint64_t heartbeat_timeout_s = 90;      ///< A longer gap counts as downtime. At most claim_window_s.
  std::uint64_t provider_lost_s = 900;         ///< After such a gap the provider's leases end.
  std::uint64_t max_duration_s = 90 * 86400;   ///< Of a lease.
  std::uint64_t max_wait_s = 7 * 86400;        ///< Of an unmatched request.
  std::uint64_t max_keep_s = 7 * 86400;        ///< Of files after their job; 0: none are kept.
  std::uint32_t timers_per_block = 1024;       ///< Fired at most; the rest in the next block.
  std::uint32_t max_live_per_account = 10000;  ///< Live leases, requests and offers, each.
  std::vector<FeeTier> fee_tiers;              ///< Both ascending. None: nobody's fees are lowered.
  std::uint64_t quote_s = 30;                  ///< A price seen is paid for so long, though it rose. 0: never.
  std::uint64_t price_step_s = 600;            ///< How often a class's prices move; 0: never.
  std::uint64_t index_window_s = 7 * 86400;    ///< The index is of leases that ended that lately ...
  std::uint64_t index_min_lease_s = 600;       ///< ... and ran that long.
  std::uint32_t target_use_bps = 8000;         ///< Above it the base price rises, below it falls.
  std::uint32_t max_step_bps = 100;            ///< The most by which the base price moves in a step ...
  std::uint32_t max_hour_bps = 500;            ///< ... and in an hour.

  std::uint64_t auction_period_s = 300;  ///< Spot auctions are held at its multiples; 0: none are.
  std::uint64_t reveal_window_s = 60;    ///< The last part of a period: bids are revealed, new ones sit out.
  std::uint64_t preempt_notice_s = 120;  ///< From losing its place to the end of a spot lease.

  bool operator==(const Params&) const = default;
};

template <>
struct Describe<Account> {
  static constexpr std::string_view name = "Account";
  static constexpr auto fields =
      std::tuple{field<1>("id", &Account::id), field<2>("balance_micros", &Account::balance)};
};
template <>
struct Describe<KeyGrant> {
  static constexpr std::string_view name = "KeyGrant";
  static constexpr auto fields = std::tuple{field<1>("owner", &KeyGrant::owner),
                                            field<2>("key", &KeyGrant::key),
                                            field<3>("operations", &KeyGrant::operations, 32),
                                            field<4>("spend_limit_micros", &KeyGrant::spend_limit),
                                            field<5>("spent_micros", &KeyGrant::spent),
                                            field<6>("expires_at_ms", &KeyGrant::expires_at)};
};
template <>
struct Describe<Spending> {
  static constexpr std::string_view name = "Spending";
  static constexpr auto fields = std::tuple{field<1>("account", &Spending::account), field<2>("day", &Spending::day),
                                            field<3>("daily_micros", &Spending::daily, kSpendingDays)};
};
template <>
struct Describe<FeeTier> {
  static constexpr std::string_view name = "FeeTier";
  static constexpr auto fields =
      std::tuple{field<1>("from_micros", &FeeTier::from), field<2>("discount_bps", &FeeTier::discount_bps)};
};
template <>
struct Describe<Params> {
  static constexpr std::string_view name = "Params";
  static constexpr auto fields = std::tuple{field<1>("fee_operations", &Params::fee_operations, 64),
                                            field<2>("fee_micros", &Params::fee_amounts, 64),
                                            field<3>("max_validity_s", &Params::max_validity_s),
                                            field<4>("claim_window_s", &Params::claim_window_s),
                                            field<5>("start_deadline_s", &Params::start_deadline_s),
                                            field<6>("heartbeat_timeout_s", &Params::heartbeat_timeout_s),
                                            field<7>("provider_lost_s", &Params::provider_lost_s),
                                            field<8>("max_duration_s", &Params::max_duration_s),
                                            field<9>("max_wait_s", &Params::max_wait_s),
                                            field<10>("timers_per_block", &Params::timers_per_block),
                                            field<11>("max_live_per_account", &Params::max_live_per_account),
                                            field<12>("fee_tiers", &Params::fee_tiers, kMaxFeeTiers),
                                            field<16>("auction_period_s", &Params::auction_period_s),
                                            field<17>("reveal_window_s", &Params::reveal_window_s),
                                            field<18>("preempt_notice_s", &Params::preempt_notice_s),
                                            field<20>("price_step_s", &Params::price_step_s),
                                            field<21>("index_window_s", &Params::index_window_s),
                                            field<22>("index_min_lease_s", &Params::index_min_lease_s),
                                            field<23>("target_use_bps", &Params::target_use_bps),
                                            field<24>("max_step_bps", &Params::max_step_bps),
                                            field<25>("max_hour_bps", &Params::max_hour_bps),
                                            field<30>("quote_s", &Params::quote_s),
                                            field<31>("max_keep_s", &Params::max_keep_s)};
};

}  // namespace hanse::model
