#include "cli/plan.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/quotes.hpp"
#include "cli/show.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {

namespace {

bool is_prepaid(const model::Demand& demand) {
  return demand.mode == model::Mode::reserved || demand.machines > 1;
}

std::string offer_text(const OfferView& view) {
  return model::format_id(view.offer.id) + " of " + view.provider_name + " (" + short_address(view.offer.provider) +
         ")";
}

/// "after 6h 3.00 instead of 2.40, after 12h ..."
std::string exits_text(const std::vector<market::EarlyExit>& exits) {
  std::string out;
  for (const auto& exit : exits) {
    if (exit.cost <= exit.at_term_rate) continue;  // then it costs no more than what was used
    out += (out.empty() ? "after " : ", after ") + model::format_duration(exit.after_s) + " " +
           model::format_money(exit.cost) + " instead of " + model::format_money(exit.at_term_rate);
  }
  return out;
}

/// How long so much money lasts.
std::uint64_t seconds_for(Money money, Money rate_per_hour) {
  return static_cast<std::uint64_t>(scale(money, 3600, rate_per_hour.micros).value_or(kMaxMoney).micros);
}

/// The price that the last listing showed, where it is lower than the one now and still holds.
void apply_listing(Context& context, Plan& plan) {
  const auto seen = recall_quote(context, plan.demand, plan.offer.offer.id);
  if (!seen || seen->quote.rate_per_hour >= plan.price.rate_per_hour) return;
  const Time now = plan.quote.seen_at;
  const std::string ago = model::format_duration(
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, now.ms - seen->quote.seen_at.ms) / 1000));
  if (now >= seen->until) {
    plan.price_note = "; it was " + rate_text(seen->quote.rate_per_hour) + " when you listed it " + ago + " ago";
    return;
  }
  const auto keep = market::keep_at(seen->quote.keep_rate_per_hour, plan.demand.keep_s);
  const auto lock =
      keep ? market::lock_for(seen->quote.rate_per_hour, plan.demand.duration_s, plan.demand.max_cost, keep->reserve)
           : std::nullopt;
  if (!lock) return;
  plan.price_note = " as you saw it " + ago + " ago; by now it is " + rate_text(plan.price.rate_per_hour);
  plan.quote = seen->quote;
  plan.most = *lock;
  plan.keep_most = keep->reserve;
  plan.price.rate_per_hour = seen->quote.rate_per_hour;
  const std::int64_t gpus = std::max(plan.demand.gpu_count, 1U);
  plan.price.per_gpu_hour = Money{(plan.price.rate_per_hour.micros + gpus - 1) / gpus};
  plan.members.front().price = plan.price;
}

}  // namespace

Result<Plan> make_plan(Context& context, const model::Demand& demand, const std::string& what) {
  const auto me = context.address();
  if (!me) return fail(me);
  auto api = context.api();
  if (!api) return fail(api);
  auto quote = (*api)->quote(demand);
  if (!quote) return fail(quote);
  if (!quote->matched)
    return fail(ErrorCode::no_match, quote->explanation.empty() ? "no offer fits" : quote->explanation);
  const auto account = (*api)->account(*me);
  if (!account) return fail(account);
  Plan plan;
  plan.offer = std::move(quote->offer);
  plan.endpoint = std::move(quote->provider.provider.endpoint);
  plan.host_key = quote->provider.provider.host_key;
  plan.what = what;
  plan.demand = demand;
  plan.price = quote->price;
  plan.members = std::move(quote->members);
  plan.early_exits = std::move(quote->early_exits);
  plan.most = quote->lock;
  plan.keep_most = quote->keep_reserve;
  plan.balance = account->account.balance;
  if (plan.members.size() == 1) {
    plan.quote = plan.offer.seen.quote;
    apply_listing(context, plan);
  }
  return plan;
}

Result<model::Receipt> submit(Context& context, const Plan& plan, model::SubmitRequest request) {
  request.quote = plan.quote;
  auto receipt = context.send({request});
  if (receipt || receipt.error().code != ErrorCode::no_match || !plan.quote.offer || request.demand.offer) {
    return receipt;
  }
  request.quote = {};
  return context.send({request});
}

std::string no_match_hint(std::string_view explanation, bool is_job) {
  const std::string wait = "a job waits for one with retry: {on: [no_capacity], for: 4h}";
  const bool can_relax = explanation.find("(offer-") != std::string_view::npos;
  const bool may_pass = explanation.find(" now") != std::string_view::npos;
  if (can_relax) return is_job ? "relax one of these, or wait: " + wait : "relax one of these";
  return is_job && may_pass ? wait : "";
}

void hold_to(const Plan& plan, model::Demand& demand) {
  if (demand.max_price_per_gpu_hour.micros == 0) {
    for (const auto& member : plan.members) {
      demand.max_price_per_gpu_hour = std::max(demand.max_price_per_gpu_hour, member.price.per_gpu_hour);
    }
  }
  if (demand.machines > 1 && demand.max_cost.micros == 0) demand.max_cost = plan.most;
}

std::string keep_text(const model::Demand& demand, const std::string& cost) {
  if (demand.keep_s == 0) return "";
  return "stay for up to " + model::format_duration(demand.keep_s) + " once it is over, " + cost;
}

std::string plan_text(const Plan& plan, bool color) {
  using model::format_money;
  const auto& machine = plan.offer.offer.machine;
  const bool is_gang = plan.members.size() > 1;
  const bool is_reserved = plan.demand.mode == model::Mode::reserved;
  const auto after = subtract(plan.balance, plan.most);
  Facts lines;
  Money rate = plan.price.rate_per_hour;
  if (is_gang) {
    rate = Money{};
    for (const auto& member : plan.members) {
      lines.emplace_back("machine " + std::to_string(lines.size() + 1),
                         offer_text(member) + ", " + country_text(member.offer.machine) + ", " +
                             device_text(member.offer.machine, plan.demand.gpu_count) + ", " +
                             rate_text(member.price.rate_per_hour));
      rate.micros += member.price.rate_per_hour.micros;
    }
  } else {
    lines = {{"offer", offer_text(plan.offer)},
             {"reliability", share_text(plan.offer.reliability_millionths)},
             {"country", country_text(machine)},
             {"device", device_text(machine, plan.demand.gpu_count)}};
  }
  std::string price = rate_text(rate) + " all-in";
  if (!is_gang && plan.demand.gpu_count > 1) price += " (" + rate_text(plan.price.per_gpu_hour) + " per GPU)";
  if (const auto bps = plan.price.term_discount_bps + plan.price.volume_discount_bps; bps > 0) {
    price += ", discounts included";
  }
  lines.emplace_back("price", price + plan.price_note);
  const auto affordable =
      rate.micros == 0 ? plan.demand.duration_s : seconds_for(Money{plan.most.micros - plan.keep_most.micros}, rate);
  lines.emplace_back(is_reserved ? "reserved for" : "longest",
                     affordable < plan.demand.duration_s
                         ? model::format_duration(affordable) + ", when max_cost is used up (`hanse topup` adds to it)"
                         : model::format_duration(plan.demand.duration_s));
  lines.emplace_back(is_reserved ? "costs" : "costs at most",
                     format_money(plan.most) + (is_reserved ? " credits, paid in advance for the whole term"
                                                            : " credits; the rest comes back, paid is what is used"));
  lines.emplace_back("files", keep_text(plan.demand, "for at most " + format_money(plan.keep_most) + " of that"));
  lines.emplace_back("leaving early", exits_text(plan.early_exits));
  lines.insert(lines.end(), plan.sent.begin(), plan.sent.end());
  lines.emplace_back("balance", format_money(plan.balance) + " now, " +
                                    (after ? format_money(*after) + " while this is locked" : "too little for this"));
  return paint("Plan: " + printable(plan.what), Style::bold, color) + "\n" + facts(lines, color);
}

nlohmann::json plan_json(const Plan& plan) {
  nlohmann::json out{{"offer", model::format_id(plan.offer.offer.id)},
                     {"provider", model::format_address(plan.offer.offer.provider)},
                     {"provider_name", plan.offer.provider_name},
                     {"country", plan.offer.offer.machine.country},
                     {"gpu_model", plan.offer.offer.machine.gpu_model},
                     {"gpu_count", plan.demand.gpu_count},
                     {"rate_micros_per_hour", plan.price.rate_per_hour.micros},
                     {"duration_s", plan.demand.duration_s},
                     {"mode", std::string(model::name_of(plan.demand.mode))},
                     {"offers", nlohmann::json::array()},
                     {"early_exits", nlohmann::json::array()},
                     {"most_micros", plan.most.micros},
                     {"keep_s", plan.demand.keep_s},
                     {"keep_most_micros", plan.keep_most.micros},
                     {"balance_micros", plan.balance.micros}};
  for (const auto& member : plan.members) out["offers"].push_back(model::format_id(member.offer.id));
  for (const auto& exit : plan.early_exits) {
    out["early_exits"].push_back({{"after_s", exit.after_s},
                                  {"cost_micros", exit.cost.micros},
                                  {"at_term_rate_micros", exit.at_term_rate.micros}});
  }
  return out;
}

Result<> agree(Context& context, Money most, Money balance, const std::string& smaller, bool yes) {
  if (most > balance) {
    return fail(ErrorCode::insufficient_funds,
                fmt::format("this can cost {} credits and the balance is {}: {} locks less", model::format_money(most),
                            model::format_money(balance), smaller));
  }
  if (yes) return {};
  if (!context.terminal.in_tty || !context.terminal.err_tty || context.json()) {
    return fail(ErrorCode::wrong_state,
                "nothing was rented: there is no terminal to ask on. Read the plan and give --yes "
                "to agree to it");
  }
  if (!ask_yes_no(context.terminal, "Go on?")) return fail(ErrorCode::wrong_state, "nothing was rented");
  return {};
}

Result<> confirm(Context& context, const Plan& plan, bool yes) {
  if (!context.json()) print_err(plan_text(plan, context.terminal.err_color));
  const std::string smaller = is_prepaid(plan.demand) ? "a shorter duration" : "a shorter duration or a max_cost";
  return agree(context, plan.most, plan.balance, smaller, yes);
}

}  // namespace hanse::cli
