#include "market/place.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>

#include "base/int128.hpp"
#include "model/text.hpp"

namespace hanse::market {
namespace {

bool is_prepaid(const model::Demand& demand) {
  return demand.machines > 1 || demand.mode == model::Mode::reserved;
}

/// The demand without its cost ceiling, but with the price ceiling that follows from it: what is dearer cannot be paid
/// for by max_cost, what is not nearly always can.
Wanted without_max_cost(const Wanted& wanted) {
  Wanted out = wanted;
  auto& demand = out.demand;
  if (demand.max_cost.micros == 0 || demand.duration_s == 0 || demand.gpu_count == 0) return out;
  const Int128 gpu_seconds = static_cast<Int128>(demand.duration_s) * demand.gpu_count;
  const Int128 price = (static_cast<Int128>(demand.max_cost.micros) * 3600 + gpu_seconds - 1) / gpu_seconds;
  // One more: both the rate and its part for one GPU are rounded.
  const Money ceiling{static_cast<std::int64_t>(std::min<Int128>(price + 1, kMaxMoney.micros))};
  auto& max_price = demand.max_price_per_gpu_hour;
  if (max_price.micros == 0 || ceiling < max_price) max_price = ceiling;
  demand.max_cost = Money{};
  return out;
}

/// An offer that could be a member.
struct Candidate {
  std::int64_t cost = 0;   // expected, of an hour of one GPU
  std::uint32_t left = 0;  // devices that stay free on its machine
  std::size_t index = 0;   // in the book's order: by cost, age, id

  auto operator<=>(const Candidate&) const = default;
  bool operator==(const Candidate&) const = default;
};

/// The candidates among which a gang must keep to itself: all, those of one provider, or of one country.
using Groups = std::map<Bytes, std::vector<Candidate>>;

Bytes group_of(model::Placement placement, const Match& match, const model::Offer& offer) {
  switch (placement) {
    case model::Placement::same_provider:
      return Bytes(match.provider.data.begin(), match.provider.data.end());
    case model::Placement::same_country:
      return Bytes(offer.machine.country.begin(), offer.machine.country.end());
    case model::Placement::anywhere:
      break;
  }
  return {};
}

std::int64_t cost_of(const Match& match, const Records& records) {
  return expected_cost(match.price.per_gpu_hour, reliability_millionths(records.provider(match.provider)));
}

std::uint32_t left_on(const model::Offer& offer, const Match& match) {
  return offer.machine.gpu_count - static_cast<std::uint32_t>(std::popcount(offer.leased_devices | match.devices));
}

/// What a choice is worth: the lower the better.
struct Worth {
  Int128 cost = 0;
  std::uint64_t left = 0;
  std::vector<std::size_t> members;  // by index, the youngest first

  auto operator<=>(const Worth&) const = default;
  bool operator==(const Worth&) const = default;
};

Worth worth_of(const std::vector<Candidate>& sorted, std::size_t machines) {
  Worth out;
  for (std::size_t i = 0; i < machines; ++i) {
    out.cost += sorted[i].cost;
    out.left += sorted[i].left;
    out.members.push_back(sorted[i].index);
  }
  std::sort(out.members.begin(), out.members.end(), std::greater<>{});
  return out;
}

/// The best choice among those listed.
std::optional<Worth> best_of(Groups& groups, std::size_t machines) {
  std::optional<Worth> best;
  for (auto& [key, candidates] : groups) {
    std::sort(candidates.begin(), candidates.end());
    if (candidates.size() < machines) continue;
    auto worth = worth_of(candidates, machines);
    if (!best || worth < *best) best = std::move(worth);
  }
  return best;
}

/// Can no choice with offers that were not listed be better? None of those costs less than `from`.
bool is_proven(const Worth& best, const Groups& groups, std::size_t machines, std::int64_t from) {
  const auto cannot_win = [&](const std::vector<Candidate>& sorted) {
    const std::size_t have = std::min(sorted.size(), machines);
    if (have == machines && sorted[machines - 1].cost < from) return true;  // it needs none of the others
    const Int128 least = std::accumulate(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(have), Int128{0},
                                         [](Int128 sum, const Candidate& c) { return sum + c.cost; }) +
                         static_cast<Int128>(machines - have) * from;
    return least > best.cost || (least == best.cost && best.left == 0);  // what is not listed is younger
  };
  return cannot_win({}) &&
         std::all_of(groups.begin(), groups.end(), [&](const auto& group) { return cannot_win(group.second); });
}

Groups group(const std::vector<Match>& listed, const Wanted& wanted, const Records& records) {
  Groups groups;
  const auto& demand = wanted.demand;
  for (std::size_t i = 0; i < listed.size(); ++i) {
    if (demand.max_cost.micros != 0 && listed[i].lock > demand.max_cost) continue;
    const auto& offer = records.offer(listed[i].offer);
    if (demand.placement == model::Placement::same_country && offer.machine.country.empty()) continue;
    groups[group_of(demand.placement, listed[i], offer)].push_back(
        {cost_of(listed[i], records), left_on(offer, listed[i]), i});
  }
  return groups;
}

/// The cheapest choice, whatever it comes to. Empty if there is none.
Matches cheapest(const Book& book, const Wanted& wanted, const Records& records) {
  const std::size_t machines = wanted.demand.machines;
  const Wanted payable = without_max_cost(wanted);
  for (std::size_t limit = machines;; limit *= 4) {
    const auto listed = book.list(payable, limit);
    auto groups = group(listed, wanted, records);
    const auto best = best_of(groups, machines);
    const bool is_all = listed.size() < limit;
    const bool is_enough =
        best && (limit >= kMostCompared || is_proven(*best, groups, machines, cost_of(listed.back(), records)));
    if (!is_all && !is_enough) continue;
    Matches out;
    if (!best) return out;
    for (auto index = best->members.rbegin(); index != best->members.rend(); ++index) out.push_back(listed[*index]);
    return out;
  }
}

bool is_payable(const Matches& matches, Money max_cost) {
  const Money lock = lock_of(matches);
  return is_valid(lock) && (max_cost.micros == 0 || lock <= max_cost);
}

Matches place_prepaid(const Book& book, const Wanted& wanted, const Records& records) {
  auto out = cheapest(book, wanted, records);
  return is_payable(out, wanted.demand.max_cost) ? out : Matches{};
}

/// How many machines would do for a gang of the same kind.
std::size_t most_together(const Book& book, const Wanted& wanted, const Records& records) {
  std::size_t most = 0;
  for (const auto& [key, candidates] : group(book.list(wanted, book.size()), wanted, records)) {
    most = std::max(most, candidates.size());
  }
  return most;
}

std::string where_together(model::Placement placement) {
  switch (placement) {
    case model::Placement::same_provider:
      return " at one provider";
    case model::Placement::same_country:
      return " in one country";
    case model::Placement::anywhere:
      break;
  }
  return "";
}

}  // namespace

Money lock_of(const Matches& matches) {
  return std::accumulate(matches.begin(), matches.end(), Money{},
                         [](Money sum, const Match& match) { return Money{sum.micros + match.lock.micros}; });
}

Matches place(const Book& book, const Wanted& wanted, const Records& records) {
  if (is_prepaid(wanted.demand)) return place_prepaid(book, wanted, records);
  Matches out;
  if (auto match = book.find(wanted)) out.push_back(*match);
  return out;
}

std::string why_not(const Book& book, const Wanted& wanted, const Records& records) {
  const auto& demand = wanted.demand;
  if (demand.offer && book.explain(wanted).offers == 0) {
    return model::format_id(demand.offer) + " is not for rent now: ask without it, or for another.";
  }
  if (!is_prepaid(demand)) return book.explain(wanted).text();
  Wanted any_cost = wanted;
  any_cost.demand.max_cost = Money{};
  if (const auto dearer = cheapest(book, any_cost, records); !is_payable(dearer, demand.max_cost)) {
    const std::string what = demand.machines > 1 ? std::to_string(demand.machines) + " machines for " : "a term of ";
    return what + model::format_duration(demand.duration_s) +
           (demand.keep_s > 0 ? " and keeping the files for " + model::format_duration(demand.keep_s) : "") + " cost " +
           model::format_money(lock_of(dearer)) + " credits, paid in advance, and " +
           (demand.max_cost.micros == 0
                ? "no account can hold that: ask"
                : "max_cost is " + model::format_money(demand.max_cost) + ": raise it, or ask") +
           " for less time";
  }
  const std::size_t most = demand.machines > 1 ? most_together(book, any_cost, records) : 0;
  if (most == 0 && demand.placement == model::Placement::same_country && !book.list(any_cost, 1).empty()) {
    return "No machine that fits says which country it stands in: leave the placement open.";
  }
  if (most == 0) return book.explain(any_cost).text();
  return std::to_string(demand.machines) + " machines are wanted" + where_together(demand.placement) + ", and " +
         std::to_string(most) + (most == 1 ? " fits" : " fit") + ": ask for " + std::to_string(most) +
         " at most, for fewer GPUs on each, or for less in `where`" +
         (demand.placement == model::Placement::anywhere ? "" : ", or leave the placement open") + ".";
}

}  // namespace hanse::market
