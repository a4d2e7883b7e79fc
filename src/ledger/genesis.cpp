// The beginning: accounts with money, and parameters that make sense together.

#include "ledger/genesis.hpp"

#include "ledger/rules.hpp"
#include "model/text.hpp"
#include "model/transaction.hpp"

namespace hanse::ledger {
namespace {

constexpr std::uint64_t kDay = 86400;

std::unexpected<Error> invalid(const std::string& what) {
  return fail(ErrorCode::invalid_argument, "genesis: " + what);
}

Result<> check_fees(const model::Params& params) {
  constexpr auto& known = model::Names<model::Operation>::names;
  const auto& names = params.fee_operations;
  if (names.size() != params.fee_amounts.size()) return invalid("there must be one fee for each operation named");
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (std::find(known.begin(), known.end(), names[i]) == known.end()) {
      return invalid("fees: there is no operation \"" + names[i] + "\"");
    }
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
        names.begin() + static_cast<std::ptrdiff_t>(i)) {
      return invalid("fees: " + names[i] + " is named twice");
    }
    // A transaction's fees add up to money.
    if (!is_valid(params.fee_amounts[i]) || params.fee_amounts[i] > credits(1'000'000)) {
      return invalid("fees: " + names[i] + " must cost from 0 to 1000000 credits");
    }
  }
  return {};
}

Result<> check_tiers(const std::vector<model::FeeTier>& tiers) {
  if (tiers.size() > model::kMaxFeeTiers) return invalid("fee_tiers: there are at most 8");
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    const std::string place = "fee_tiers[" + std::to_string(i) + "]";
    if (!is_valid(tiers[i].from) || tiers[i].from.micros == 0) return invalid(place + ": from must be above 0");
    if (tiers[i].discount_bps == 0 || tiers[i].discount_bps > 10'000) {
      return invalid(place + ": the discount must be above 0 and at most 100 percent");
    }
    if (i == 0) continue;
    if (tiers[i].from <= tiers[i - 1].from) return invalid(place + ": from must be above the one before it");
    if (tiers[i].discount_bps <= tiers[i - 1].discount_bps) {
      return invalid(place + ": the discount must be above the one before it");
    }
  }
  return {};
}

Result<> check_range(std::string_view name, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
  if (value >= least && value <= most) return {};
  return invalid(std::string(name) + " is " + std::to_string(value) + ": it must be from " + std::to_string(least) +
                 " to " + std::to_string(most));
}

}  // namespace

Result<> check_params(const model::Params& p) {
  if (auto fees = check_fees(p); !fees) return fees;
  if (auto tiers = check_tiers(p.fee_tiers); !tiers) return tiers;
  struct Range {
    std::string_view name;
    std::uint64_t value, least, most;
  };
  const Range ranges[] = {
      {"max_validity_s", p.max_validity_s, 1, kDay},
      {"claim_window_s", p.claim_window_s, 1, 365 * kDay},
      {"start_deadline_s", p.start_deadline_s, 1, 7 * kDay},
      {"heartbeat_timeout_s", p.heartbeat_timeout_s, 1, kDay},
      {"provider_lost_s", p.provider_lost_s, 1, 30 * kDay},
      {"max_duration_s", p.max_duration_s, 1, 3650 * kDay},
      {"max_wait_s", p.max_wait_s, 1, 365 * kDay},
      {"max_keep_s", p.max_keep_s, 0, 365 * kDay},
      {"timers_per_block", p.timers_per_block, 1, 1'000'000},
      {"quote_s", p.quote_s, 0, 3600},
      {"max_live_per_account", p.max_live_per_account, 1, 10'000'000},
      {"auction_period_s", p.auction_period_s, 0, 7 * kDay},
      {"price_step_s", p.price_step_s, 0, kDay},
      {"index_window_s", p.index_window_s, 1, 365 * kDay},
      {"index_min_lease_s", p.index_min_lease_s, 0, kDay},
      {"target_use_bps", p.target_use_bps, 0, 10'000},
      {"max_step_bps", p.max_step_bps, 0, 10'000},
      {"max_hour_bps", p.max_hour_bps, 0, 10'000},
  };
  for (const auto& range : ranges) {
    if (auto checked = check_range(range.name, range.value, range.least, range.most); !checked) return checked;
  }
  if (p.claim_window_s < p.heartbeat_timeout_s) {
    return invalid(
        "claim_window_s must be at least heartbeat_timeout_s, or downtime could be paid for before it shows");
  }
  if (p.auction_period_s != 0 &&
      (p.reveal_window_s >= p.auction_period_s || p.preempt_notice_s >= p.auction_period_s)) {
    return invalid("reveal_window_s and preempt_notice_s must each be below auction_period_s");
  }
  if (p.provider_lost_s < p.heartbeat_timeout_s) {
    return invalid("provider_lost_s must be at least heartbeat_timeout_s");
  }
  return {};
}

Result<> fill_from(const Genesis& genesis, Tables& tables) {
  if (auto name = check_text("genesis: the network's name", genesis.network, 1, 64); !name) return name;
  if (auto params = check_params(genesis.params); !params) return params;
  if (genesis.time.ms <= 0 || genesis.time > Time{kMaxTime.ms / 2}) return invalid("its time is no time");
  tables.network = genesis.network;
  tables.params = genesis.params;
  tables.head.time = genesis.time;
  for (const auto& account : genesis.accounts) {
    if (account.id.is_zero()) return invalid("an account has no address");
    const auto issued = add(tables.head.issued, account.balance);
    if (!issued) return invalid("all balances together must be at most 9000000000 credits, and none below 0");
    tables.head.issued = *issued;
    if (!tables.accounts.load(account)) return invalid(model::format_address(account.id) + " is there twice");
  }
  return finish_loading(tables);
}

}  // namespace hanse::ledger
