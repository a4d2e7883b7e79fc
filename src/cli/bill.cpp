#include "cli/bill.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/show.hpp"
#include "cli/table.hpp"
#include "model/text.hpp"

namespace hanse::cli {

namespace {

/// What keeping its files costs if its provider was always there.
Money most_of_keeping(const model::Lease& lease) {
  const auto seconds = std::max<std::int64_t>(lease.kept_until.ms - lease.ends_at.ms, 0) / 1000;
  return lease.kept_until.ms == 0 ? Money{} : accrued(lease.keep_rate_per_hour, seconds).value_or(kMaxMoney);
}

/// "its files, 0.0036/h for 25m"
std::string keeping_text(const model::Lease& lease) {
  if (lease.keep_end == model::EndReason::provider_failed) return "its files were lost: that costs nothing";
  const auto seconds = static_cast<std::uint64_t>(lease.kept_until.ms - lease.ends_at.ms) / 1000;
  return "its files, " + rate_text(lease.keep_rate_per_hour) + " for " +
         (lease.state == model::LeaseState::kept ? "up to " : "") + model::format_duration(seconds);
}

}  // namespace

Bill make_bill(const LeaseView& view) {
  const auto& lease = view.lease;
  Bill bill;
  bill.lease = lease.id;
  bill.over = !holds_devices(lease);
  bill.ended = lease.state == model::LeaseState::ended;
  bill.seconds = view.billed_s;
  // A reserved lease that was left early is billed as if it had been rented for so long.
  bill.rate_per_hour = bill.over ? market::final_rate(lease, lease.end_reason, lease.ends_at) : lease.rate_per_hour;
  bill.amount = accrued(bill.rate_per_hour, view.billed_s).value_or(kMaxMoney);
  if (!lease.rates.empty()) bill.amount.micros = view.accrued.micros - view.keeping.micros;  // by its auctions
  // A lease that max_cost ends, or a term that is nearly over, has earned all that was locked for it and never more.
  const auto keep = market::keep_at(lease.keep_rate_per_hour, lease.keep_s).value_or(market::Keep{});
  if (bill.amount.micros > lease.locked.micros - keep.reserve.micros) {
    bill.amount.micros = lease.locked.micros - keep.reserve.micros;
  }
  bill.keeping = std::min(view.keeping, most_of_keeping(lease));
  bill.locked = lease.locked;
  bill.paid = lease.released;
  bill.pending = view.pending;
  bill.refunded = lease.refunded;
  bill.unspent = subtract(model::escrow(lease), view.pending).value_or(Money{});
  bill.rest_micros =
      bill.locked.micros - bill.paid.micros - bill.pending.micros - bill.refunded.micros - bill.unspent.micros;
  bill.amount_rest_micros = bill.amount.micros + bill.keeping.micros - bill.paid.micros - bill.pending.micros;
  return bill;
}

namespace {

std::string spot_text(const model::Lease& lease) {
  if (lease.mode != model::Mode::spot) return "";
  return "bid " + model::format_money(lease.bid_per_gpu_hour) + ", cleared at " +
         model::format_money(Money{lease.rate_per_hour.micros / std::max(1U, lease.gpu_count)}) + " per GPU-hour";
}

/// What is paid where a reserved term was left early is not what was signed for the whole of it.
std::string early_text(const Bill& bill, const model::Lease& lease) {
  if (lease.mode != model::Mode::reserved || !bill.over || bill.rate_per_hour == lease.rate_per_hour) return "";
  return "left early: " + rate_text(bill.rate_per_hour) + ", the price of so short a term, in place of " +
         rate_text(lease.rate_per_hour);
}

/// When it ends, or ended: at its pre-emption where that comes first.
Time end_of(const model::Lease& lease) {
  const bool leaves = lease.state == model::LeaseState::running && lease.preempt_at.ms != 0;
  return leaves ? std::min(lease.ends_at, lease.preempt_at) : lease.ends_at;
}

}  // namespace

std::string bill_text(const Bill& bill, const LeaseView& view, bool color) {
  using model::format_money;
  const auto& lease = view.lease;
  std::string out = paint(model::format_id(bill.lease), Style::bold, color) + "  " + state_text(lease) +
                    (lease.note.empty() ? "" : " (" + printable(lease.note) + ")") + "\n";
  out += facts({{"provider", model::format_address(lease.provider)},
                {"spot", spot_text(lease)},
                {"reserved", early_text(bill, lease)},
                {"started", lease.started_at.ms == 0 ? "" : model::format_time(lease.started_at)},
                {bill.over ? "ended" : "ends", lease.ends_at.ms == 0 ? "" : model::format_time(end_of(lease))}},
               color);
  Table table({{"item", Align::left}, {"credits", Align::right}, {"", Align::left}});
  table.add({"used", format_money(bill.amount),
             lease.rates.empty() ? fmt::format("{} s × {} ÷ 3600", bill.seconds, rate_text(bill.rate_per_hour))
                                 : fmt::format("{} s, at the prices of its auctions", bill.seconds)});
  for (std::size_t i = 0; i < lease.rates.size() && lease.mode == model::Mode::spot; ++i) {
    const auto& piece = lease.rates[i];
    const auto to = i + 1 < lease.rates.size() ? lease.rates[i + 1].from_s : bill.seconds;
    if (to <= piece.from_s) continue;
    table.add(
        {"", "", fmt::format("seconds {} to {}: cleared at {}", piece.from_s, to, rate_text(piece.rate_per_hour))});
  }
  if (lease.kept_until.ms != 0) table.add({"kept", format_money(bill.keeping), keeping_text(lease)});
  table.add({"  paid", format_money(bill.paid), "past the claim window, with the provider"});
  table.add({"  pending", format_money(bill.pending), "earned, held for the claim window"});
  table.add({"locked", format_money(bill.locked), "put in when it was matched, topped up or extended"});
  table.add({"refunded", format_money(bill.refunded), bill.over ? "came back when it ended" : ""});
  if (!bill.ended) table.add({"unspent", format_money(bill.unspent), "comes back when it ends"});
  out += table.text(color);
  const std::string sum = fmt::format("locked − paid − pending − refunded{} = {}", bill.ended ? "" : " − unspent",
                                      bill.rest_micros == 0 ? "0" : fmt::format("{} micro-credits", bill.rest_micros));
  const std::string verdict = bill.adds_up() ? "the bill adds up" : "THE BILL DOES NOT ADD UP; please report it";
  return out + "check  " + sum + ": " + paint(verdict, bill.adds_up() ? Style::green : Style::red, color) + "\n";
}

std::string bill_line(const Bill& bill) {
  const std::string keeping =
      bill.keeping.micros == 0 ? "" : fmt::format("; {} for keeping its files", model::format_money(bill.keeping));
  return fmt::format("{}: {} s × {} = {}{}; {} came back", model::format_id(bill.lease), bill.seconds,
                     rate_text(bill.rate_per_hour), model::format_money(bill.amount), keeping,
                     model::format_money(bill.refunded));
}

nlohmann::json bill_json(const Bill& bill) {
  return {{"lease", model::format_id(bill.lease)},
          {"ended", bill.ended},
          {"seconds", bill.seconds},
          {"rate_micros_per_hour", bill.rate_per_hour.micros},
          {"used_micros", bill.amount.micros},
          {"keep_micros", bill.keeping.micros},
          {"locked_micros", bill.locked.micros},
          {"paid_micros", bill.paid.micros},
          {"pending_micros", bill.pending.micros},
          {"refunded_micros", bill.refunded.micros},
          {"unspent_micros", bill.unspent.micros},
          {"rest_micros", bill.rest_micros},
          {"adds_up", bill.adds_up()}};
}

}  // namespace hanse::cli
