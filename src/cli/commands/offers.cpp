// hanse offers [WHERE]: what is for rent, the best first.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/plan.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

struct Options {
  OfferQuery query;
  bool explain = false;
};

nlohmann::json to_json(const OfferView& view) {
  return {{"offer", wire::to_json(view.offer)},
          {"rate_micros_per_hour", view.price.rate_per_hour.micros},
          {"micros_per_gpu_hour", view.price.per_gpu_hour.micros},
          {"provider_name", view.provider_name},
          {"reliability_millionths", view.reliability_millionths},
          {"free_devices", view.free_devices},
          {"reachable", view.reachable}};
}

std::string table_of(const std::vector<OfferView>& offers, std::uint32_t gpus, bool color) {
  Table table({{"OFFER"},
               {"PRICE/GPU·H", Align::right},
               {gpus > 1 ? "PRICE/H" : "", Align::right},
               {"DEVICE"},
               {"FREE", Align::right},
               {"VRAM", Align::right},
               {"CPU", Align::right},
               {"MEMORY", Align::right},
               {"DISK", Align::right},
               {"NET", Align::right},
               {"COUNTRY"},
               {"RELIABLE", Align::right},
               {"PROVIDER"}});
  for (const auto& view : offers) {
    const auto& machine = view.offer.machine;
    const auto free_disk = machine.disk_bytes - std::min(machine.disk_bytes, view.offer.leased_disk_bytes);
    table.add({model::format_id(view.offer.id), model::format_money(view.price.per_gpu_hour),
               gpus > 1 ? model::format_money(view.price.rate_per_hour) : "", device_text(machine),
               std::to_string(view.free_devices) + "/" + std::to_string(machine.gpu_count),
               machine.device_kind == model::DeviceKind::cpu ? "" : size_text(machine.vram_bytes),  // MEMORY has it
               std::to_string(machine.cpu_threads), size_text(machine.memory_bytes), size_text(free_disk),
               machine.inet_down_mbps == 0 ? "" : std::to_string(machine.inet_down_mbps) + "M", machine.country,
               share_text(view.reliability_millionths), view.provider_name});
  }
  return table.text(color);
}

Outcome offers(Context& context, const Options& options) {
  const auto api = context.api();
  if (!api) return refuse(api.error());
  const auto found = (*api)->offers(options.query);
  if (!found) return refuse(found.error());
  model::Demand demand;
  demand.where = options.query.where;
  demand.gpu_count = options.query.gpus;
  demand.duration_s = options.query.duration_s;
  demand.disk_bytes = options.query.disk_bytes;
  QuoteView quote;
  if (options.explain || found->empty()) {
    auto asked = (*api)->quote(demand);
    if (!asked) return refuse(asked.error());
    quote = std::move(*asked);
  }
  if (context.json()) {
    nlohmann::json items = nlohmann::json::array();
    for (const auto& view : *found) items.push_back(to_json(view));
    nlohmann::json answer{{"items", items}};
    if (!quote.explanation.empty()) answer["explanation"] = quote.explanation;
    context.print_json(answer);
    return static_cast<int>(found->empty() ? Exit::no_match : Exit::ok);
  }
  if (found->empty()) {
    const Error none{ErrorCode::no_match, quote.explanation.empty() ? "no offer fits" : quote.explanation};
    return refuse(none, no_match_hint(none.message));
  }
  context.print(table_of(*found, options.query.gpus, context.terminal.out_color));
  if (options.explain && quote.matched) {
    context.say(model::format_id(quote.offer.offer.id) +
                " would be taken: it has the lowest price for the time it is up");
  }
  return 0;
}

}  // namespace

void add_offers(Program& program) {
  auto options = std::make_shared<Options>();
  options->query.duration_s = 3600;
  options->query.limit = 50;
  auto* command = program.add(program.app, "offers", "Show what is for rent, the best first",
                              "  hanse offers\n"
                              "  hanse offers 'gpu in [H100,A100] vram>=80GB country in [EU]' --gpus 2 --duration 8h\n"
                              "  hanse offers 'price<=0.50' --explain        why offers do not fit\n");
  command->add_option("where", options->query.where, "Constraints, e.g. 'vram>=24GB reliability>0.99'")
      ->type_name("WHERE");
  command->add_option("--gpus,-g", options->query.gpus, "Devices wanted on one machine")->check(CLI::Range(1, 64));
  duration_option(command, "--duration,-d", options->query.duration_s, "How long it must be for rent (1h)");
  size_option(command, "--disk", options->query.disk_bytes, "Size of /workspace");
  command->add_option("--sort", options->query.sort, "Order; '-' in front turns it round")
      ->check(CLI::IsMember({"value", "price",     "vram",    "reliability", "gpus",       "cpu",      "memory",
                             "disk",  "inet_down", "inet_up", "id",          "-price",     "-vram",    "-reliability",
                             "-gpus", "-cpu",      "-memory", "-disk",       "-inet_down", "-inet_up", "-id"}));
  command->add_option("--limit", options->query.limit, "At most so many (50)")->check(CLI::Range(1, 100000));
  command->add_flag("--explain", options->explain, "Say what keeps offers from fitting, or which would be taken");
  program.on(command, [options, &program] { return offers(program.context, *options); });
}

}  // namespace hanse::cli
