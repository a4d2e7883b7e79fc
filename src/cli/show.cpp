#include "cli/show.hpp"

#include <algorithm>

#include "cli/progress.hpp"
#include "model/price_rule.hpp"
#include "model/text.hpp"

namespace hanse::cli {

std::string rate_text(Money per_hour) {
  return model::format_money(per_hour) + "/h";
}

std::string price_text(const model::PriceList& prices, bool begins) {
  const std::string now = rate_text(prices.on_demand_per_gpu_hour);
  if (prices.rule == model::PriceRule::fixed) return now;
  return model::format_price(prices) + (begins ? ", at first " + now : ", " + now + " now");
}

std::string device_text(const model::Machine& machine) {
  if (machine.device_kind != model::DeviceKind::cpu) return machine.gpu_model;
  return machine.gpu_model == "CPU" ? "CPU (no GPU)" : machine.gpu_model + " (CPU, no GPU)";
}

std::string device_text(const model::Machine& machine, std::uint32_t count) {
  return std::to_string(count) + " × " + device_text(machine);
}

std::string country_text(const model::Machine& machine) {
  return machine.country.empty() ? "-" : machine.country;
}

std::string share_text(std::int64_t millionths) {
  std::string digits = std::to_string(millionths % 1'000'000 / 1000);
  digits.insert(0, 3 - digits.size(), '0');
  return std::to_string(millionths / 1'000'000) + "." + digits;
}

std::string size_text(std::uint64_t bytes) {
  return bytes == 0 ? "" : rough_size(bytes);
}

std::string age_text(Time since, Time now) {
  if (since.ms == 0) return "";
  const auto seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(0, (now.ms - since.ms) / 1000));
  if (seconds >= 2 * 86400) return std::to_string(seconds / 86400) + "d";
  if (seconds >= 2 * 3600) return std::to_string(seconds / 3600) + "h";
  if (seconds >= 120) return std::to_string(seconds / 60) + "m";
  return std::to_string(seconds) + "s";
}

std::int64_t change_micros(const model::Event& event, const model::AccountId& me) {
  const std::int64_t amount = event.amount.micros;
  const bool is_mine = event.account == me, is_theirs = event.counterparty == me;
  switch (event.kind) {
    case model::EventKind::transferred:
      return (is_theirs ? amount : 0) - (is_mine ? amount : 0);
    case model::EventKind::lease_matched:
    case model::EventKind::lease_topped_up:
    case model::EventKind::lease_extended:
      return is_mine ? -amount : 0;
    case model::EventKind::lease_kept:
    case model::EventKind::lease_ended:
      return is_mine ? amount : 0;
    case model::EventKind::lease_released:
      return is_theirs ? amount : 0;
    default:
      return 0;
  }
}

std::string signed_money(std::int64_t micros) {
  if (micros == 0) return "";
  return (micros > 0 ? "+" : "-") + model::format_money(Money{micros > 0 ? micros : -micros});
}

std::string state_text(const model::Lease& lease) {
  switch (lease.state) {
    case model::LeaseState::matched:
      return "starting";
    case model::LeaseState::running:
      return "running";
    case model::LeaseState::kept:
      return "kept until " + model::format_time(lease.kept_until);
    case model::LeaseState::ended:
      break;
  }
  return end_text(lease) + (lease.keep_end == model::EndReason::provider_failed ? ", its files lost" : "");
}

std::string exit_text(int code) {
  constexpr int kSignals = 128, kKill = 9, kMostSignal = 64;
  std::string out = "ended with exit code " + std::to_string(code);
  if (code == kSignals + kKill) {
    out += " (killed: its time or money was over, its memory was used up, or it was stopped)";
  } else if (code > kSignals && code <= kSignals + kMostSignal) {
    out += " (as by signal " + std::to_string(code - kSignals) + ")";
  }
  return out;
}

std::string end_text(const model::Lease& lease) {
  return "ended: " + std::string(model::name_of(lease.end_reason));
}

std::string left_text(const model::Lease& lease, Time now) {
  if (lease.state == model::LeaseState::running) return age_text(now, lease.ends_at);
  return lease.state == model::LeaseState::kept ? age_text(now, lease.kept_until) : "";
}

std::string short_address(const model::AccountId& account) {
  const std::string text = model::format_address(account);
  return text.substr(0, 11) + "…" + text.substr(text.size() - 4);
}

}  // namespace hanse::cli
