#include "replay/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "replay/plot.hpp"

namespace hanse::replay {
namespace {

constexpr std::string_view kBegin = "<!-- figures: written by market_replay -->\n", kEnd = "<!-- end of figures -->\n";

double credits_of(Money money) {
  return static_cast<double>(money.micros) / 1e6;
}

Line line_of(const Outcome& outcome) {
  return {outcome.scenario.name(), outcome.scenario.steering ? 0 : 1, !outcome.scenario.spot, {}};
}

/// Every third hour, so that a month stays a small file.
Panel price_panel(const Trace& trace, const Outcome& outcome, std::size_t model, bool use) {
  Panel panel;
  panel.title = trace.models[model].name;
  panel.x_title = "day";
  panel.y_title = use ? "GPUs leased, %" : "credits per GPU-hour";
  panel.x_high = static_cast<double>(outcome.hours[model].size()) / 24;
  if (use) panel.y_high = 100;
  panel.lines = {{"base price", 0, false, {}},
                 {"index", 1, false, {}},
                 {"spot", 2, false, {}},
                 {"list price, median", 3, true, {}}};
  if (use) panel.lines = {{"use", 0, false, {}}};
  for (std::size_t h = 2; h < outcome.hours[model].size(); h += 3) {
    const auto& hour = outcome.hours[model][h];
    const double day = static_cast<double>(h + 1) / 24;
    if (use) {
      panel.lines[0].points.emplace_back(
          day, 100 * (outcome.hours[model][h - 2].use + outcome.hours[model][h - 1].use + hour.use) / 3);
      continue;
    }
    const Money values[] = {hour.base, hour.index, hour.spot, hour.list};
    for (std::size_t i = 0; i < 4; ++i) {
      if (values[i].micros > 0) panel.lines[i].points.emplace_back(day, credits_of(values[i]));
    }
  }
  std::erase_if(panel.lines, [&](const Line& line) { return line.name == "spot" && !outcome.scenario.spot; });
  return panel;
}

std::string draw_prices(const Trace& trace, const Outcome& outcome) {
  std::vector<Panel> panels;
  for (std::size_t first = 0; first < trace.models.size(); first += 2) {
    for (const bool use : {false, true}) {
      for (std::size_t m = first; m < std::min(first + 2, trace.models.size()); ++m) {
        panels.push_back(price_panel(trace, outcome, m, use));
      }
    }
  }
  return draw("Prices and use of each class: " + outcome.scenario.name(), panels, 2);
}

std::string draw_waiting(const std::vector<Order>& orders, const std::vector<Outcome>& outcomes) {
  std::vector<Panel> panels;
  for (const bool large : {false, true}) {
    Panel panel;
    panel.title = large ? "Jobs of 8 GPUs and more" : "Jobs of 1 to 7 GPUs";
    panel.x_title = "waited at most (minutes, logarithmic)";
    panel.y_title = "% of jobs that got GPUs";
    panel.x_high = std::log10(1500.0);
    panel.y_high = 100;
    for (const int minutes : {1, 5, 15, 60, 240, 1440})
      panel.x_ticks.emplace_back(std::log10(minutes), fmt::format("{}", minutes));
    for (const auto& outcome : outcomes) {
      std::vector<std::int64_t> waits;
      std::size_t all = 0;
      for (std::size_t i = 0; i < orders.size(); ++i) {
        if ((orders[i].gpus == kGpusPerNode) != large) continue;
        ++all;
        if (outcome.fates[i].filled) waits.push_back(outcome.fates[i].wait_s);
      }
      std::sort(waits.begin(), waits.end());
      auto line = line_of(outcome);
      for (double x = 0; x <= panel.x_high; x += panel.x_high / 60) {
        const auto until = std::upper_bound(waits.begin(), waits.end(), std::llround(std::pow(10, x) * 60));
        line.points.emplace_back(
            x, 100.0 * static_cast<double>(until - waits.begin()) / static_cast<double>(std::max<std::size_t>(all, 1)));
      }
      panel.lines.push_back(std::move(line));
    }
    panels.push_back(std::move(panel));
  }
  return draw("Who gets GPUs, and how soon", panels, 2);
}

/// One figure of a day, over all classes.
template <class Value>
Panel daily_panel(std::string title, std::string y_title, const std::vector<Outcome>& outcomes, Value value) {
  Panel panel;
  panel.title = std::move(title);
  panel.x_title = "day";
  panel.y_title = std::move(y_title);
  const std::size_t days = outcomes.front().hours.front().size() / 24;
  panel.x_low = 1;
  panel.x_high = static_cast<double>(std::max<std::size_t>(days, 2));
  for (const auto& outcome : outcomes) {
    auto line = line_of(outcome);
    for (std::size_t day = 0; day < days; ++day) {
      std::vector<Hour> hours;
      for (const auto& model : outcome.hours) {
        hours.insert(hours.end(), model.begin() + static_cast<std::ptrdiff_t>(day * 24),
                     model.begin() + static_cast<std::ptrdiff_t>(day * 24 + 24));
      }
      line.points.emplace_back(static_cast<double>(day + 1), value(hours));
    }
    panel.lines.push_back(std::move(line));
  }
  return panel;
}

double mean_use(const std::vector<Hour>& hours) {
  double sum = 0;
  for (const auto& hour : hours) sum += hour.use;
  return sum / static_cast<double>(hours.size());
}
double stranded_share(const std::vector<Hour>& hours) {
  double free = 0, stranded = 0;
  for (const auto& hour : hours) {
    free += hour.free;
    stranded += hour.stranded;
  }
  return free == 0 ? 0 : stranded / free;
}
double revenue_of(const std::vector<Hour>& hours) {
  double sum = 0;
  for (const auto& hour : hours) sum += static_cast<double>(hour.revenue_micros) / 1e6;
  return sum;
}

std::string draw_days(const std::vector<Outcome>& outcomes) {
  auto use = daily_panel("Use", "GPUs leased, %", outcomes, [](const auto& hours) { return 100 * mean_use(hours); });
  auto stranded = daily_panel("Fragmentation", "% of free GPUs beside leased ones", outcomes,
                              [](const auto& hours) { return 100 * stranded_share(hours); });
  use.y_high = stranded.y_high = 100;
  return draw("Day by day, all classes",
              {daily_panel("Revenue", "thousand credits a day", outcomes,
                           [](const auto& hours) { return revenue_of(hours) / 1000; }),
               use, stranded,
               daily_panel("Waiting", "jobs, on average", outcomes,
                           [](const auto& hours) {
                             double sum = 0;
                             for (const auto& hour : hours) sum += hour.waiting;
                             return sum / 24;
                           })},
              2);
}

std::string table(const std::vector<Order>& orders, const std::vector<Outcome>& outcomes) {
  std::string out =
      "| | jobs | filled | lapsed | cut short | still waiting | waited p50 / p90 | use | stranded | revenue | paid per "
      "GPU-hour | "
      "pre-emptions |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const auto& outcome : outcomes) {
    const auto t = totals_of(orders, outcome);
    const auto all = static_cast<double>(std::max<std::size_t>(t.orders, 1));
    out += fmt::format(
        "| {} | {} | {:.1f} % | {} | {} | {} | {:.0f} / {:.0f} min | {:.1f} % | {:.0f} % | {:.0f} | {:.3f} | {} |\n",
        outcome.scenario.name(), t.orders, 100 * static_cast<double>(t.filled) / all, t.lapsed, t.cut_short, t.waiting,
        t.wait_p50_min, t.wait_p90_min, 100 * t.use, 100 * t.stranded, t.revenue,
        t.revenue / std::max(t.gpu_hours, 1.0), t.preempted);
  }
  return out;
}

/// How often and how far each class's base price turned round: what oscillation would show as.
std::string class_table(const Trace& trace, const Outcome& outcome) {
  std::string out = "| with " + outcome.scenario.name() +
                    " | use, mean | hours at 95 % or more | base price, low–high | below the list price's median "
                    "|\n|---|---|---|---|---|\n";
  for (std::size_t m = 0; m < outcome.hours.size(); ++m) {
    const auto& hours = outcome.hours[m];
    double full = 0, below = 0, low = 1e9, high = 0;
    for (const auto& hour : hours) {
      full += hour.use >= 0.95;
      below += hour.base < hour.list;
      if (hour.base.micros > 0) low = std::min(low, credits_of(hour.base));
      high = std::max(high, credits_of(hour.base));
    }
    const auto all = static_cast<double>(hours.size());
    out += fmt::format("| {} | {:.0f} % | {:.0f} % | {:.2f}–{:.2f} | {:.0f} % of hours |\n", trace.models[m].name,
                       100 * mean_use(hours), 100 * full / all, low, high, 100 * below / all);
  }
  return out;
}

}  // namespace

Totals totals_of(const std::vector<Order>& orders, const Outcome& outcome) {
  Totals out;
  out.orders = orders.size();
  std::vector<std::int64_t> waits;
  for (const auto& fate : outcome.fates) {
    out.filled += fate.filled;
    out.done += fate.done;
    out.lapsed += fate.ended && !fate.filled;
    out.cut_short += fate.ended && fate.filled && !fate.done;
    out.waiting += !fate.ended && !fate.filled;
    out.preempted += fate.preempted;
    if (fate.filled) waits.push_back(fate.wait_s);
  }
  std::sort(waits.begin(), waits.end());
  const auto at = [&](std::size_t percent) {
    return waits.empty() ? 0.0 : static_cast<double>(waits[(waits.size() - 1) * percent / 100]) / kMinuteS;
  };
  out.wait_p50_min = at(50);
  out.wait_p90_min = at(90);
  std::vector<Hour> hours;
  for (const auto& model : outcome.hours) hours.insert(hours.end(), model.begin(), model.end());
  out.use = mean_use(hours);
  out.stranded = stranded_share(hours);
  out.revenue = static_cast<double>(outcome.revenue_micros) / 1e6;
  out.gpu_hours = static_cast<double>(outcome.gpu_s) / kHourS;
  return out;
}

std::map<std::string, std::string> report_of(const Trace& trace, const std::vector<Order>& orders,
                                             const std::vector<Outcome>& outcomes) {
  std::map<std::string, std::string> out;
  out["prices.svg"] = draw_prices(trace, outcomes[0]);
  out["prices_no_spot.svg"] = draw_prices(trace, outcomes[1]);
  out["waiting.svg"] = draw_waiting(orders, outcomes);
  out["days.svg"] = draw_days(outcomes);
  std::uint64_t checks = 0, blocks = 0, transactions = 0;
  for (const auto& outcome : outcomes) {
    checks += outcome.whole_checks;
    blocks += outcome.blocks;
    transactions += outcome.transactions;
  }
  out["figures.md"] = fmt::format(
      "{} {} days, {} blocks and {} transactions in all; no invariant broke, {} whole checks among them.\n\n{}\n{}",
      trace.source, outcomes.front().hours.front().size() / 24, blocks, transactions, checks, table(orders, outcomes),
      class_table(trace, outcomes[0]));
  return out;
}

std::string with_figures(const std::string& page, const std::string& figures) {
  const std::string block = std::string(kBegin) + figures + std::string(kEnd);
  const auto begin = page.find(kBegin), end = page.find(kEnd);
  if (begin == page.npos || end == page.npos || end < begin) return page + (page.empty() ? "" : "\n") + block;
  return page.substr(0, begin) + block + page.substr(end + kEnd.size());
}

}  // namespace hanse::replay
