// hanse prices: what a GPU-hour costs, class by class, and how that moved.

#include <nlohmann/json.hpp>

#include "cli/chart.hpp"
#include "cli/command.hpp"
#include "cli/price_api.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"
#include "model/prices.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

constexpr std::size_t kMostCharts = 6;
constexpr std::size_t kDepthLines = 8;
constexpr double kMicros = 1e6;

struct PricesOptions {
  std::string gpu;
  std::uint64_t back_s = 7 * 86400;
};

std::string price_cell(Money price) {
  return price.micros == 0 ? "-" : model::format_money(price);
}

std::string use_text(std::uint64_t leased, std::uint64_t gpus) {
  if (gpus == 0) return "none at the last count";
  return std::to_string(leased) + " of " + std::to_string(gpus) + " (" + std::to_string(leased * 100 / gpus) + " %)";
}

void print_table(Context& context, const std::vector<model::ClassPrices>& classes) {
  Table table({{"CLASS"},
               {"INDEX", Align::right},
               {"BASE", Align::right},
               {"SPOT", Align::right},
               {"TRADES", Align::right},
               {"IN USE", Align::right}});
  for (const auto& prices : classes) {
    table.add({prices.price_class, price_cell(prices.index), price_cell(prices.base), price_cell(prices.spot),
               std::to_string(prices.trades), use_text(prices.leased, prices.gpus)});
  }
  context.print(table.text(context.terminal.out_color));
}

std::string depth_text(const std::vector<PriceHistory::Depth>& depth) {
  if (depth.empty()) return "nothing is free\n";
  Table table({{"GPU-HOUR AT", Align::right}, {"FREE", Align::right}, {"UP TO HERE", Align::right}});
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < std::min(depth.size(), kDepthLines); ++i) {
    sum += depth[i].gpus;
    table.add({model::format_money(depth[i].price), std::to_string(depth[i].gpus), std::to_string(sum)});
  }
  std::string out = table.text();
  if (depth.size() > kDepthLines) out += "and " + std::to_string(depth.size() - kDepthLines) + " dearer prices\n";
  return out;
}

/// A value for each hour of the span; hours without a point have none.
std::vector<double> by_hour(const PriceHistory& history, std::uint64_t first_hour, std::uint64_t hours,
                            Money model::PricePoint::* what) {
  std::vector<double> out(hours, -1);
  for (const auto& point : history.points) {
    if (point.hour < first_hour || point.hour >= first_hour + hours || (point.*what).micros == 0) continue;
    out[point.hour - first_hour] = static_cast<double>((point.*what).micros) / kMicros;
  }
  return out;
}

void print_one(Context& context, const PriceHistory& history) {
  const auto& prices = history.prices;
  const bool color = context.terminal.out_color;
  context.print("\n" + paint(prices.price_class, Style::bold, color) + "\n");
  context.print(
      facts({{"index", price_cell(prices.index) + " (median of " + std::to_string(prices.trades) + " renters' leases)"},
             {"base", price_cell(prices.base)},
             {"spot", price_cell(prices.spot)},
             {"in use", use_text(prices.leased, prices.gpus)}},
            color));
  if (!history.points.empty()) {
    const std::uint64_t first = history.points.front().hour, last = history.points.back().hour;
    const std::uint64_t hours = last - first + 1;
    const auto time_of = [](std::uint64_t hour) {
      return model::format_time(Time{static_cast<std::int64_t>(hour * 3'600'000)}).substr(0, 13) + "h";
    };
    const std::vector<Series> lines{{"index", Style::cyan, by_hour(history, first, hours, &model::PricePoint::index)},
                                    {"base", Style::yellow, by_hour(history, first, hours, &model::PricePoint::base)},
                                    {"spot", Style::green, by_hour(history, first, hours, &model::PricePoint::spot)}};
    context.print("\n" + line_chart(lines,
                                    {std::min<std::size_t>(context.terminal.columns, 100), 8, time_of(first),
                                     hours > 1 ? time_of(last) : "", color},
                                    [](double value) {
                                      return model::format_money(Money{static_cast<std::int64_t>(value * kMicros)});
                                    }));
  }
  context.print("\n" + depth_text(history.depth));
}

Outcome prices(Context& context, const PricesOptions& options) {
  if (options.back_s > model::kPriceHistoryHours * 3600) {
    return refuse(ErrorCode::invalid_argument, "the history goes back 30d: --back 30d is the most");
  }
  const auto api = context.api();
  if (!api) return refuse(api.error());
  const auto classes = list_prices(**api, options.gpu);
  if (!classes) return refuse(classes.error());
  std::vector<PriceHistory> histories;
  auto json = nlohmann::json::array();
  const bool in_detail = !options.gpu.empty();
  for (std::size_t i = 0; in_detail && i < std::min(classes->size(), kMostCharts); ++i) {
    const auto hours = std::clamp<std::uint64_t>(options.back_s / 3600, 1, model::kPriceHistoryHours);
    auto history = price_history(**api, (*classes)[i].price_class, hours);
    if (!history) return refuse(history.error());
    json.push_back(history->raw);
    histories.push_back(std::move(*history));
  }
  if (context.json()) {
    for (std::size_t i = 0; !in_detail && i < classes->size(); ++i) json.push_back(wire::to_json((*classes)[i]));
    context.print_json(json);
    return 0;
  }
  if (classes->empty()) {
    const std::string what = in_detail ? "nobody offers a " + printable(options.gpu) : "nobody offers anything yet";
    return refuse(ErrorCode::not_found, what + "; `hanse prices` lists the classes there are");
  }
  print_table(context, *classes);
  for (const auto& history : histories) print_one(context, history);
  if (in_detail && classes->size() > kMostCharts) {
    context.say("Charts of the first " + std::to_string(kMostCharts) + "; name the GPU in full for another.");
  }
  return 0;
}

}  // namespace

void add_prices(Program& program) {
  auto options = std::make_shared<PricesOptions>();
  auto* command = program.add(program.app, "prices", "Show what a GPU-hour costs, class by class",
                              "  hanse prices\n  hanse prices h100\n  hanse prices rtx4090 --back 30d\n");
  command->add_option("gpu", options->gpu, "A GPU model, or how it begins: with history and depth")->type_name("GPU");
  duration_option(command, "--back", options->back_s, "How far back the chart goes, up to 30d; 7d if not given");
  program.on(command, [options, &program] { return prices(program.context, *options); });
}

}  // namespace hanse::cli
