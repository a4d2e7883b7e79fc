// hanse provider price, drain and resume: what this machine is offered for, and whether.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/provider_setup.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"
#include "client/private_file.hpp"
#include "model/price_rule.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

constexpr int kAgentWaitMs = 30'000;
constexpr int kPollMs = 250;

struct PricingOptions {
  std::optional<model::PriceList> price;
  std::optional<Money> spot, storage;
};

std::string offers_text(std::size_t count) {
  return count == 1 ? "1 offer" : std::to_string(count) + " offers";
}

/// The offers on the ledger that renters can match now.
Result<std::vector<model::Offer>> open_offers(const ProviderPlace& place) {
  const auto offers = place.api->offers_of(place.config.owner);
  if (!offers) return fail(offers);
  std::vector<model::Offer> out;
  for (const auto& view : *offers) {
    if (view.offer.state == model::OfferState::open) out.push_back(view.offer);
  }
  return out;
}

/// True if leases of an offer that was withdrawn still run: until they have ended the ledger takes no new one.
Result<bool> is_held_up(const ProviderPlace& place) {
  const auto offers = place.api->offers_of(place.config.owner);
  if (!offers) return fail(offers);
  return std::any_of(offers->begin(), offers->end(), [](const OfferView& view) {
    return view.offer.state == model::OfferState::withdrawn && view.offer.leased_devices != 0;
  });
}

/// Waits until the agent has put offers up, or taken them all back.
Result<> await_offers(const ProviderPlace& place, bool up) {
  Interrupt interrupt;
  for (int waited = 0; waited < kAgentWaitMs && interrupt.count() == 0; waited += kPollMs) {
    const auto open = open_offers(place);
    if (!open) return fail(open);
    if (open->empty() != up) return {};
    interrupt.wait(kPollMs);
  }
  return fail(ErrorCode::timeout, std::string("the agent has not ") +
                                      (up ? "offered this machine again" : "withdrawn its offers") +
                                      " yet: its log says why");
}

Result<> send_as_agent(Context& context, const ProviderPlace& place, std::vector<model::Operation> operations) {
  if (operations.empty()) return {};
  const auto key = agent_key(place.home);
  if (!key) return fail(key);
  const auto receipt = context.send_as(place.config.owner, *key, std::move(operations));
  if (!receipt) return fail(receipt);
  return {};
}

Result<std::size_t> change_prices(Context& context, const provider::AgentConfig& config) {
  if (auto ok = check_typed_prices(config.prices, "the price"); !ok)
    return fail(ok);  // before the node is asked for anything
  const auto place = open_provider(context);
  if (!place) return fail(place);
  const auto offers = open_offers(*place);
  if (!offers) return fail(offers);
  std::vector<model::Operation> operations;
  for (const auto& offer : *offers) {
    if (offer.machine.name == config.machine.name) {
      operations.push_back(model::UpdateOffer{offer.id, config.prices, {}});
    }
  }
  const auto count = operations.size();
  // The file first: an agent that starts in between must not bring the old price back.
  if (auto saved = save_agent_config(place->home, config); !saved) return fail(saved);
  if (auto sent = send_as_agent(context, *place, std::move(operations)); !sent) return fail(sent);
  return count;
}

Outcome price(Context& context, const PricingOptions& options) {
  const auto home = context.home();
  if (!home) return refuse(home.error());
  auto config = load_agent_config(*home);
  if (!config) return refuse(config.error());
  auto& prices = config->prices;
  if (options.price) model::copy_price(prices, *options.price);
  prices.spot_floor_per_gpu_hour = options.spot.value_or(prices.spot_floor_per_gpu_hour);
  prices.storage_per_gib_hour = options.storage.value_or(prices.storage_per_gib_hour);
  const bool changes = options.price || options.spot || options.storage;
  const auto changed = changes ? change_prices(context, *config) : Result<std::size_t>(0);
  if (!changed) return refuse(changed.error());
  if (context.json()) {
    context.print_json({{"prices", wire::to_json(prices)}, {"offers_changed", *changed}});
    return 0;
  }
  context.print(
      facts({{"on demand", price_text(prices, true) + " per device"},
             {"spot floor", prices.spot_floor_per_gpu_hour.micros == 0 ? "not for rent on spot"
                                                                       : rate_text(prices.spot_floor_per_gpu_hour)},
             {"storage", rate_text(prices.storage_per_gib_hour) + " per GiB"}},
            context.terminal.out_color));
  if (changes) context.say(offers_text(*changed) + " changed; leases that run keep their price.");
  return 0;
}

Outcome drain(Context& context) {
  const auto place = open_provider(context);
  if (!place) return refuse(place.error());
  const auto before = open_offers(*place);
  if (!before) return refuse(before.error());
  if (auto marked = client::replace_private_file(drained_mark(place->home), ""); !marked) return refuse(marked.error());
  if (place->agent > 0) {  // it does it, so that it does not offer again what was withdrawn
    if (auto down = await_offers(*place, false); !down) return refuse(down.error());
  } else {
    std::vector<model::Operation> withdrawals;
    for (const auto& offer : *before) withdrawals.push_back(model::WithdrawOffer{offer.id});
    if (auto sent = send_as_agent(context, *place, std::move(withdrawals)); !sent) return refuse(sent.error());
  }
  if (context.json()) {
    context.print_json({{"withdrawn", before->size()}, {"drained", true}});
  } else {
    context.print("Drained (" + offers_text(before->size()) +
                  " withdrawn): no new leases, those that run go on to their end, and 'hanse provider resume' "
                  "offers this machine again.\n");
  }
  return 0;
}

Outcome resume(Context& context) {
  const auto place = open_provider(context);
  if (!place) return refuse(place.error());
  std::error_code error;
  const bool was_drained = std::filesystem::remove(drained_mark(place->home), error);
  if (error) return refuse(ErrorCode::io, drained_mark(place->home).string() + ": " + error.message());
  const bool runs = place->agent > 0;
  const auto held_up = runs ? is_held_up(*place) : Result<bool>(false);
  if (!held_up) return refuse(held_up.error());
  if (runs && !*held_up) {
    if (auto up = await_offers(*place, true); !up) return refuse(up.error());
  }
  if (context.json()) {
    context.print_json({{"drained", false}, {"offered", runs && !*held_up}});
  } else {
    const std::string head = was_drained ? "No longer drained" : "Nothing changes, it was not drained";
    context.print(head + (*held_up ? ": this machine is offered again when the leases that run have ended.\n"
                          : runs   ? ": this machine is offered.\n"
                                   : ". The agent does not run: it offers this machine when it starts ('hanse provider "
                                     "start', or 'hanse up').\n"));
  }
  return 0;
}

}  // namespace

void add_provider_offers(Program& program, CLI::App& provider) {
  auto options = std::make_shared<PricingOptions>();
  auto& context = program.context;
  auto* command =
      program.add(provider, "price", "Show or change the prices",
                  "  hanse provider price\n  hanse provider price 0.35 --storage 0.0001\n"
                  "  hanse provider price \"auto floor 0.30\"          follows how much its class is used\n"
                  "  hanse provider price \"index*0.95 floor 0.30\"    5 % below what its class is rented at\n");
  price_option(command, "price", options->price, "Credits per device-hour, on demand, or a rule");
  money_option(command, "--spot", options->spot, "Spot floor, credits per device-hour; 0: not for rent on spot");
  money_option(command, "--storage", options->storage, "Credits per GiB and hour");
  program.on(command, [options, &context] { return price(context, *options); });
  program.on(program.add(provider, "drain", "Take no new leases, until 'provider resume'; those that run go on",
                         "  hanse provider drain\n"),
             [&context] { return drain(context); });
  program.on(
      program.add(provider, "resume", "Offer the machine again after 'provider drain'", "  hanse provider resume\n"),
      [&context] { return resume(context); });
}

}  // namespace hanse::cli
