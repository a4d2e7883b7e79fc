// hanse rent [WHERE|OFFER]: an empty machine to log in to.

#include <nlohmann/json.hpp>

#include "cli/bill.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/lease_link.hpp"
#include "cli/plan.hpp"
#include "cli/progress.hpp"
#include "cli/show.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

struct Options {
  std::string what;
  model::Demand demand;
  bool yes = false;
};

/// Until it runs. An interrupt or a provider that does not start it ends it: nothing is left that costs.
Result<LeaseView> await_start(Context& context, model::LeaseId& lease) {
  const auto api = context.api();
  if (!api) return fail(api);
  Interrupt interrupt;
  Progress progress(context.terminal, "waiting for the machine to start", Unit::items, context.json());
  while (interrupt.count() == 0) {
    auto view = (*api)->lease(lease);
    if (!view) return view;
    if (view->lease.state == model::LeaseState::running) return view;
    if (view->lease.state == model::LeaseState::ended) {
      const auto request = (*api)->request(view->lease.request);
      if (!request || !request->request.lease || request->request.lease == lease) {
        return fail(ErrorCode::io, model::format_id(lease) + " has " + state_text(view->lease) + "; nothing was paid");
      }
      lease = request->request.lease;  // the ledger moved the request to another provider
      continue;
    }
    progress.update(0, 0);
    interrupt.wait(100);
  }
  const auto receipt = context.send({model::EndLease{lease, model::EndReason::cancelled, "interrupted"}});
  if (!receipt) {
    return fail(receipt.error().code, "interrupted, and " + model::format_id(lease) +
                                          " could not be ended: " + receipt.error().message + ". Try 'hanse stop " +
                                          model::format_id(lease) + "'");
  }
  return fail(ErrorCode::wrong_state, "interrupted; " + model::format_id(lease) + " is cancelled and nothing was paid");
}

Outcome rent(Context& context, Options options) {
  context.unlock_ahead();
  if (const auto offer = model::parse_id<model::OfferTag>(options.what); offer && *offer) {
    options.demand.offer = *offer;
  } else {
    options.demand.where = options.what;
  }
  const auto access = context.access_key();
  if (!access) return refuse(access.error());
  const auto plan = make_plan(context, options.demand, "an empty machine to log in to");
  if (!plan && options.demand.offer) {  // why it does not fit, but for one that is not there at all
    if (const auto offer = (*context.api())->offer(options.demand.offer);
        !offer && offer.error().code == ErrorCode::not_found) {
      return refuse(ErrorCode::no_match, offer.error().message, "'hanse offers' shows what is for rent");
    }
  }
  if (!plan) {
    const bool none = plan.error().code == ErrorCode::no_match;
    return refuse(plan.error(), none ? no_match_hint(plan.error().message) : "");
  }
  if (auto agreed = confirm(context, *plan, options.yes); !agreed) return refuse(agreed.error());
  if (options.demand.max_price_per_gpu_hour.micros == 0)
    options.demand.max_price_per_gpu_hour = plan->price.per_gpu_hour;
  const auto receipt = context.send({model::SubmitRequest{options.demand, {}, access->public_key(), {}}});
  if (!receipt) return refuse(receipt.error());
  if (receipt->outcomes.empty() || !receipt->outcomes.front().lease) {
    return refuse(ErrorCode::no_match,
                  receipt->outcomes.empty() ? "nothing matched" : receipt->outcomes.front().explanation);
  }
  model::LeaseId lease = receipt->outcomes.front().lease;
  const auto view = await_start(context, lease);
  if (!view) return refuse(view.error());
  if (auto known = publish_to_ssh(context, view->lease); !known)
    context.say("warning: plain ssh does not know it: " + printable(known.error().message));
  if (context.json()) {
    context.print_json({{"lease", wire::to_json(view->lease)}});
    return 0;
  }
  const std::string id = model::format_id(lease);
  context.print(id + "\n");
  context.say("Yours until " + model::format_time(view->lease.ends_at) + " at " + rate_text(view->lease.rate_per_hour) +
              ".\n  hanse ssh " + id + "        log in\n  hanse cp data " + id + ":   copy files in\n  hanse stop " +
              id + "       end it; what is not used comes back");
  return 0;
}

}  // namespace

void add_rent(Program& program) {
  auto options = std::make_shared<Options>();
  options->demand.duration_s = 3600;
  auto* command = program.add(program.app, "rent", "Rent a machine to log in to",
                              "  hanse rent 'gpu=RTX4090 vram>=24GB' --duration 2h\n"
                              "  hanse rent offer-7 --duration 8h --disk 200GB --yes\n");
  command->add_option("what", options->what, "Constraints, or one offer")->type_name("WHERE|OFFER");
  duration_option(command, "--duration,-d", options->demand.duration_s, "The longest it may run (1h)");
  command->add_option("--gpus,-g", options->demand.gpu_count, "Devices on one machine")->check(CLI::Range(1, 64));
  size_option(command, "--disk", options->demand.disk_bytes, "Size of /workspace");
  money_option(command, "--max-price", options->demand.max_price_per_gpu_hour, "Credits per GPU-hour, all-in, at most");
  money_option(command, "--max-cost", options->demand.max_cost, "Credits for all of it, at most");
  command->add_flag("-y,--yes", options->yes, "Agree to the plan without being asked");
  program.on(command, [options, &program] { return rent(program.context, *options); });
}

}  // namespace hanse::cli
