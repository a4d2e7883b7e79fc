#include "ledger/spending.hpp"

#include <algorithm>

namespace hanse::ledger {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

std::uint64_t day_of(Time time) {
  return static_cast<std::uint64_t>(time.ms / kDayMs);
}

/// Moves the ring on to `day`: the days between were without spending, and those they replace are too long ago.
void advance(model::Spending& spending, std::uint64_t day) {
  const std::uint64_t passed = std::min<std::uint64_t>(day - spending.day, model::kSpendingDays);
  for (std::uint64_t i = 0; i < passed; ++i) spending.daily[(day - i) % model::kSpendingDays] = Money{};
  spending.day = day;
}

}  // namespace

void note_spending(Context& context, const model::Lease& lease, Money cost) {
  if (context.params().fee_tiers.empty() || cost.micros == 0 || lease.consumer == lease.provider) return;
  auto& table = context.tables.spending;
  const std::uint64_t today = day_of(context.now());
  if (!table.find(lease.consumer)) {
    table.insert({lease.consumer, today, std::vector<Money>(model::kSpendingDays)});
  }
  table.change(lease.consumer, [&](model::Spending& spending) {
    advance(spending, today);
    auto& amount = spending.daily[today % model::kSpendingDays];
    amount = add(amount, cost).value_or(kMaxMoney);  // money goes round: the sum of a day may pass any bound
  });
}

Money spent_lately(const Tables& tables, const model::AccountId& account, Time now) {
  Money sum;
  const auto* spending = tables.spending.find(account);
  if (spending == nullptr) return sum;
  const std::uint64_t today = std::max(day_of(now), spending->day);
  for (std::uint64_t back = today - spending->day; back < model::kSpendingDays; ++back) {
    sum = add(sum, spending->daily[(today - back) % model::kSpendingDays]).value_or(kMaxMoney);
  }
  return sum;
}

const model::FeeTier* tier_of(const model::Params& params, Money spent) {
  const auto* above = tier_above(params, spent);
  const auto* first = params.fee_tiers.data();
  const auto* end = first + params.fee_tiers.size();
  const auto* next = above != nullptr ? above : end;
  return next == first ? nullptr : next - 1;
}

const model::FeeTier* tier_above(const model::Params& params, Money spent) {
  const auto above = std::find_if(params.fee_tiers.begin(), params.fee_tiers.end(),
                                  [&](const model::FeeTier& tier) { return tier.from > spent; });
  return above == params.fee_tiers.end() ? nullptr : &*above;
}

bool is_whole(const model::Spending& spending) {
  return spending.daily.size() == model::kSpendingDays &&
         std::all_of(spending.daily.begin(), spending.daily.end(), [](Money amount) { return is_valid(amount); });
}

}  // namespace hanse::ledger
