#pragma once

// What a rental will be, before it is: shown, then confirmed. Nothing is locked before the yes.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/context.hpp"
#include "cli/table.hpp"

namespace hanse::cli {

struct Plan {
  OfferView offer;
  std::string endpoint;  ///< Of the provider's gateway, on record.
  crypto::PublicKey host_key;
  std::string what;  ///< "job render (localhost/hanse-render)", "an empty machine"
  model::Demand demand;
  market::Price price;
  std::vector<OfferView> members;              ///< Of a gang: one a machine; `offer` is the first.
  std::vector<market::EarlyExit> early_exits;  ///< Of a reserved term.
  Money most;                                  ///< What is locked: the most that it can cost ...
  Money keep_most;                             ///< ... and of that, for keeping files.
  Money balance;
  model::Quote quote;      ///< Of a single machine: what the request names, so that this price is paid.
  std::string price_note;  ///< What else there is to say of the price.
  Facts sent;              ///< What goes to the machine: lines (workdir.hpp, registry_auth.hpp).
};

/// What was agreed to is the ceiling, should prices move before the request is in: of a GPU-hour, and of all machines
/// of a gang together. Leaves alone what the demand sets itself.
void hold_to(const Plan& plan, model::Demand& demand);

/// Asks the node which offer serves the demand and all that the plan shows of it. no_match carries the explanation.
Result<Plan> make_plan(Context& context, const model::Demand& demand, const std::string& what);

/// Sends the request, held to the plan's quote. If the offer is gone meanwhile it goes to the next best within the
/// request's ceilings. price_changed: make another plan, and ask again.
Result<model::Receipt> submit(Context& context, const Plan& plan, model::SubmitRequest request);

/// What to do about no_match: "relax" only where the explanation names what, and "wait" only where time may help a job,
/// which alone can wait; "" elsewhere.
std::string no_match_hint(std::string_view explanation, bool is_job);

/// "stay for up to 1h once it is over, " and what that costs; "" where none are kept.
std::string keep_text(const model::Demand& demand, const std::string& cost);
std::string plan_text(const Plan& plan, bool color);
nlohmann::json plan_json(const Plan& plan);

/// insufficient_funds where the balance does not hold `most`; `smaller` says what would lock less. Then asks, or goes
/// on by itself with `yes`. A refusal where nobody can be asked says what to do.
Result<> agree(Context& context, Money most, Money balance, const std::string& smaller, bool yes);

/// Shows the plan and asks; `yes` goes on by itself. A refusal where nobody can be asked says what to do.
/// insufficient_funds before anything else where the balance cannot hold it.
Result<> confirm(Context& context, const Plan& plan, bool yes);

}  // namespace hanse::cli
