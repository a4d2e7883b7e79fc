// market_replay: four scenarios of the same month, figures as JSON lines, a table, and the page with its plots.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "bench.hpp"
#include "cli/progress.hpp"
#include "replay/data.hpp"
#include "replay/generate.hpp"
#include "replay/report.hpp"
#include "replay/statistics.hpp"

using namespace hanse;
using namespace hanse::replay;

namespace {

int failed(const Error& error) {
  std::cerr << "error: " << error.message << "\n";
  return 1;
}

Result<> write_report(const std::string& folder, std::map<std::string, std::string> files) {
  std::filesystem::create_directories(folder);
  std::ostringstream page;
  page << std::ifstream(folder + "/README.md").rdbuf();
  files["README.md"] = with_figures(page.str(), files.extract("figures.md").mapped());
  for (const auto& [name, content] : files) {
    std::ofstream file(folder + "/" + name, std::ios::binary);
    file << content;
    if (!file.flush()) return fail(ErrorCode::io, "cannot write " + folder + "/" + name + ": give another --out");
  }
  return {};
}

void report_figures(const std::vector<Order>& orders, const std::vector<Outcome>& outcomes) {
  const auto plain = totals_of(orders, outcomes.back());
  for (const auto& outcome : outcomes) {
    const auto t = totals_of(orders, outcome);
    const std::string name = std::string("market_replay.") + (outcome.scenario.steering ? "steered" : "unsteered") +
                             (outcome.scenario.spot ? "_spot" : "");
    const auto figure = [&](const char* what, double value, const char* unit, double against) {
      bench::report({name + "." + what, value, unit, plain.orders ? "steering off, no spot" : "",
                     against > 0 ? value / against : 0});
    };
    const auto share = [](const Totals& of) {
      return static_cast<double>(of.filled) / static_cast<double>(std::max<std::size_t>(of.orders, 1));
    };
    figure("fill_rate", share(t), "of jobs", share(plain));
    figure("revenue", t.revenue, "credits", plain.revenue);
    figure("use", t.use, "of GPU-hours", plain.use);
    figure("wait_p90", t.wait_p90_min, "min", plain.wait_p90_min);
    figure("stranded", t.stranded, "of free GPUs", plain.stranded);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Replays a month of demand and prices on the ledger, with steering and spot on and off.");
  std::int64_t days = 30;
  std::uint64_t seed = 1;
  std::string data = "../shared/data", out = "docs/market";
  bool statistics = false;
  app.add_option("--days", days, "of block time")->check(CLI::Range(1, 365))->capture_default_str();
  app.add_option("--seed", seed, "of what the data does not have, and of a generated trace")->capture_default_str();
  app.add_option("--data", data, "the folder with demand/ and prices/; where it is not there, a trace is generated")
      ->capture_default_str();
  app.add_option("--out", out, "the folder that the report is written to")->capture_default_str();
  app.add_flag("--statistics", statistics,
               "print the statistics of the trace (benchmarks/replay/measured.hpp) and end");
  CLI11_PARSE(app, argc, argv);

  Trace trace;
  if (has_data(data)) {
    auto read = read_trace(data);
    if (!read) return failed(read.error());
    trace = std::move(*read);
  } else if (app.count("--data") > 0) {
    return failed({ErrorCode::not_found, data + " has no demand/ and prices/: leave --data out to generate a trace"});
  } else {
    trace = generate_trace(seed);
  }
  if (statistics) {
    std::cout << format_statistics(statistics_of(trace));
    return 0;
  }
  const auto orders = orders_of(trace, days, seed);
  const auto terminal = cli::Terminal::detect();
  cli::Progress progress(terminal, "replaying", cli::Unit::items, false);
  std::vector<Outcome> outcomes;
  for (const auto& scenario : kScenarios) {
    const auto before = static_cast<std::int64_t>(outcomes.size()) * days;
    auto outcome = hanse::replay::replay(trace, orders, scenario, days, [&](std::int64_t day) {
      progress.update(static_cast<std::uint64_t>(before + day), static_cast<std::uint64_t>(4 * days));
    });
    if (!outcome) return failed(outcome.error());
    outcomes.push_back(std::move(*outcome));
  }
  progress.finish();
  auto files = report_of(trace, orders, outcomes);
  const std::string figures = files.at("figures.md");
  if (auto written = write_report(out, std::move(files)); !written) return failed(written.error());
  report_figures(orders, outcomes);
  std::cerr << "\n" << figures << "\nwritten to " << out << "/\n";
  return 0;
}
