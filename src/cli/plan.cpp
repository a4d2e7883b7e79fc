#include "cli/plan.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/show.hpp"
#include "cli/table.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {

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
  plan.most = quote->lock;
  plan.balance = account->account.balance;
  return plan;
}

std::string no_match_hint(std::string_view explanation) {
  const std::string wait = "a job waits for one with retry: {on: [no_capacity], for: 4h}";
  return explanation.find(" would: ") == std::string_view::npos ? wait : "relax one of these, or wait: " + wait;
}

std::string plan_text(const Plan& plan, bool color) {
  using model::format_money;
  const auto& machine = plan.offer.offer.machine;
  const auto after = subtract(plan.balance, plan.most);
  std::string price = rate_text(plan.price.rate_per_hour) + " all-in";
  if (plan.demand.gpu_count > 1) price += " (" + rate_text(plan.price.per_gpu_hour) + " per GPU)";
  if (const auto bps = plan.price.term_discount_bps + plan.price.volume_discount_bps; bps > 0) {
    price += ", discounts included";
  }
  const std::string head = "Plan: " + printable(plan.what);
  return paint(head, Style::bold, color) + "\n" +
         facts({{"offer", model::format_id(plan.offer.offer.id) + " of " + plan.offer.provider_name + " (" +
                              short_address(plan.offer.offer.provider) + ")"},
                {"reliability", share_text(plan.offer.reliability_millionths)},
                {"country", machine.country},
                {"device", device_text(machine, plan.demand.gpu_count)},
                {"price", price},
                {"longest", model::format_duration(plan.demand.duration_s)},
                {"costs at most", format_money(plan.most) + " credits; the rest comes back, paid is what is used"},
                {"balance", format_money(plan.balance) + " now, " +
                                (after ? format_money(*after) + " while this is locked" : "too little for this")}},
               color);
}

nlohmann::json plan_json(const Plan& plan) {
  return {{"offer", model::format_id(plan.offer.offer.id)},
          {"provider", model::format_address(plan.offer.offer.provider)},
          {"provider_name", plan.offer.provider_name},
          {"country", plan.offer.offer.machine.country},
          {"gpu_model", plan.offer.offer.machine.gpu_model},
          {"gpu_count", plan.demand.gpu_count},
          {"rate_micros_per_hour", plan.price.rate_per_hour.micros},
          {"duration_s", plan.demand.duration_s},
          {"most_micros", plan.most.micros},
          {"balance_micros", plan.balance.micros}};
}

Result<> confirm(Context& context, const Plan& plan, bool yes) {
  if (!context.json()) print_err(plan_text(plan, context.terminal.err_color));
  if (plan.most > plan.balance) {
    return fail(
        ErrorCode::insufficient_funds,
        fmt::format("this can cost {} credits and the balance is {}: a shorter duration or a max_cost locks less",
                    model::format_money(plan.most), model::format_money(plan.balance)));
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

}  // namespace hanse::cli
