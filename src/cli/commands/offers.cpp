// hanse offers [WHERE]: what is for rent, the best first.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/plan.hpp"
#include "cli/quotes.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"
#include "market/figures.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

using model::WhereField;

struct OffersOptions {
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
          {"reachable", view.reachable},
          {"quote", wire::to_json(view.seen.quote)},
          {"quoted_until_ms", view.seen.until.ms}};
}

/// "80GB", "68.7GB": a table has no room for more.
std::string short_size(std::uint64_t bytes) {
  std::string text = size_text(bytes);
  std::erase(text, ' ');
  if (const auto at = text.find(".0"); at != std::string::npos && at + 2 < text.size() && text[at + 2] > '9') {
    text.erase(at, 2);
  }
  return text;
}

std::size_t decimals_of(const std::string& amount) {
  return amount.size() - std::min(amount.find('.'), amount.size());
}

/// Amounts of one column, with as many decimals each, so that their points stand under each other.
void align_points(std::vector<std::vector<std::string>>& rows, std::size_t column) {
  std::size_t most = 0;
  for (const auto& row : rows) most = std::max(most, decimals_of(row[column]));
  for (auto& row : rows) {
    if (!row[column].empty()) row[column].append(most - decimals_of(row[column]), '0');
  }
}

std::string speed_text(std::uint64_t mbps) {
  if (mbps == 0) return "";
  return mbps < 10'000 ? std::to_string(mbps) + "M" : std::to_string(mbps / 1000) + "G";
}

/// "all", "2 of 7", "" for none.
std::string measured_text(const model::Machine& machine) {
  constexpr std::size_t kFigures = 7;
  if (machine.measured.empty()) return "";
  return machine.measured.size() >= kFigures ? "all" : std::to_string(machine.measured.size()) + " of 7";
}

std::vector<std::string> cells_of(const OfferView& view, std::uint32_t gpus) {
  const auto& machine = view.offer.machine;
  const auto figure = [&](WhereField field) { return static_cast<std::uint64_t>(market::figure_of(machine, field)); };
  const auto disk = std::min(figure(WhereField::disk), machine.disk_bytes);
  const auto share = [&](std::uint64_t total) {  // of the machine, what so many of its devices get
    return gpus >= machine.gpu_count ? total : total / machine.gpu_count * gpus;
  };
  const auto& prices = view.offer.prices;
  return {model::format_id(view.offer.id),
          device_text(machine, machine.gpu_count),
          std::to_string(view.free_devices),
          gpus > 1 ? model::format_money(view.price.rate_per_hour) : "",
          model::format_money(view.price.per_gpu_hour),
          machine.device_kind == model::DeviceKind::cpu  // MEMORY has it
              ? ""
              : short_size(figure(WhereField::vram)),
          std::to_string(std::max<std::uint64_t>(1, share(figure(WhereField::cpu)))),
          short_size(share(figure(WhereField::memory))),
          short_size(disk - std::min(disk, view.offer.leased_disk_bytes)),
          speed_text(figure(WhereField::inet_down)),
          speed_text(figure(WhereField::inet_up)),
          machine.interconnect == model::Interconnect::none ? "" : std::string(model::name_of(machine.interconnect)),
          share_text(view.reliability_millionths),
          measured_text(machine),
          country_text(machine),
          prices.max_duration_s == 0 ? "" : model::format_duration(prices.max_duration_s),
          view.provider_name};
}

std::string table_of(const std::vector<OfferView>& offers, std::uint32_t gpus, bool color, std::size_t columns) {
  Table table({{"OFFER"},
               {"DEVICES"},
               {"FREE", Align::right, 2},
               {"PRICE/H", Align::right, 1},
               {"PRICE/GPU·H", Align::right},
               {"VRAM", Align::right},
               {"CPU", Align::right, 4},
               {"MEMORY", Align::right, 3},
               {"DISK", Align::right, 6},
               {"DOWN", Align::right, 7},
               {"UP", Align::right, 10},
               {"LINK", Align::left, 8},
               {"RELIABLE", Align::right},
               {"MEASURED", Align::left, 9},
               {"COUNTRY"},
               {"LONGEST", Align::right, 11},
               {"PROVIDER", Align::left, 5}});
  std::vector<std::vector<std::string>> rows;
  for (const auto& view : offers) rows.push_back(cells_of(view, gpus));
  align_points(rows, 3);
  align_points(rows, 4);
  for (auto& row : rows) table.add(std::move(row));
  return table.text(color, columns);
}

/// `price-` as `-price`: both turn the order round.
std::string sort_key(std::string text) {
  if (!text.ends_with('-')) return text;
  text.pop_back();
  return '-' + text;
}

Outcome offers(Context& context, const OffersOptions& options) {
  const auto api = context.api();
  if (!api) return refuse(api.error());
  const auto found = (*api)->offers(options.query);
  if (!found) return refuse(found.error());
  model::Demand demand;
  demand.where = options.query.where;
  demand.gpu_count = options.query.gpus;
  demand.duration_s = options.query.duration_s;
  demand.disk_bytes = options.query.disk_bytes;
  if (options.query.reserved) demand.mode = model::Mode::reserved;
  remember_quotes(context, demand, *found);
  QuoteView quote;
  if (options.explain || found->empty()) {
    auto asked = (*api)->quote(demand, options.explain);
    if (!asked) return refuse(asked.error());
    quote = std::move(*asked);
  }
  if (context.json()) {
    nlohmann::json items = nlohmann::json::array();
    for (const auto& view : *found) items.push_back(to_json(view));
    nlohmann::json answer{{"items", items}};
    if (!quote.explanation_json.is_null()) answer["explanation"] = std::move(quote.explanation_json);
    context.print_json(answer);
    return static_cast<int>(found->empty() ? Exit::no_match : Exit::ok);
  }
  if (found->empty()) {
    const Error none{ErrorCode::no_match, quote.explanation.empty() ? "no offer fits" : quote.explanation};
    return refuse(none, no_match_hint(none.message, false));
  }
  context.print(table_of(*found, options.query.gpus, context.terminal.out_color,
                         context.terminal.out_tty ? context.terminal.columns : 0));
  if (options.explain) {
    context.say(printable(quote.explanation));
    if (quote.matched) {
      context.say(model::format_id(quote.offer.offer.id) +
                  " would be taken: it has the lowest price for the time it is up.");
    }
  }
  return 0;
}

}  // namespace

void add_offers(Program& program) {
  auto options = std::make_shared<OffersOptions>();
  options->query.duration_s = 3600;
  options->query.limit = 50;
  auto* command = program.add(program.app, "offers", "Show what is for rent, the best first",
                              "  hanse offers\n"
                              "  hanse offers 'gpu in [H100,A100] vram>=80GB country in [EU]' --gpus 2 --duration 8h\n"
                              "  hanse offers --sort vram- --limit 10        the largest cards\n"
                              "  hanse offers 'price<=0.50' --explain        why offers do not fit\n");
  command->add_option("where", options->query.where, "Constraints, e.g. 'vram>=24GB reliability>0.99'")
      ->type_name("WHERE");
  command->add_option("--gpus,-g", options->query.gpus, "Devices wanted on one machine")->check(CLI::Range(1, 64));
  duration_option(command, "--duration,-d", options->query.duration_s, "How long it must be for rent (1h)");
  size_option(command, "--disk", options->query.disk_bytes, "Size of /workspace");
  command
      ->add_option_function<std::string>(
          "--sort", [options](const std::string& text) { options->query.sort = sort_key(text); },
          "value (the default: price ÷ reliability), price, vram, reliability, gpus, cpu, memory, disk, inet_down,\n"
          "inet_up or id; with '-' behind it, the other way round")
      ->type_name("FIELD[-]");
  command->add_flag("--reserved", options->query.reserved, "At the price of a term of --duration, paid in advance");
  command->add_option("--limit", options->query.limit, "At most so many (50)")->check(CLI::Range(1, 100000));
  command->add_flag("--explain", options->explain, "Say what keeps offers from fitting, or which would be taken");
  program.on(command, [options, &program] { return offers(program.context, *options); });
}

}  // namespace hanse::cli
