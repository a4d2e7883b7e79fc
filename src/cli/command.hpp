#pragma once

// How the commands hang in the tree: each file under commands/ adds one with add_NAME(). A command's work runs after
// the whole line has parsed.

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/context.hpp"

namespace hanse::cli {

struct Program {
  CLI::App app;
  Context context;
  std::function<Outcome()> action;  ///< Of the command that was given.
  bool own_exit_range = false;      ///< It passes a job's exit code through: its own failures are 120 to 125.

  Program();

  /// Adds a command. `examples`: lines that stand in its help.
  CLI::App* add(CLI::App& parent, const std::string& name, const std::string& what, const std::string& examples);
  /// `run` is what it does.
  void on(CLI::App* command, std::function<Outcome()> run);
};

/// Options of the small languages; a bad value is a usage error that says what was expected.
CLI::Option* duration_option(CLI::App* command, const std::string& name, std::uint64_t& seconds,
                             const std::string& what);
CLI::Option* size_option(CLI::App* command, const std::string& name, std::uint64_t& bytes, const std::string& what);
CLI::Option* money_option(CLI::App* command, const std::string& name, Money& amount, const std::string& what);
CLI::Option* money_option(CLI::App* command, const std::string& name, std::optional<Money>& amount,
                          const std::string& what);
/// An amount or a rule (model/price_rule.hpp).
CLI::Option* price_option(CLI::App* command, const std::string& name, std::optional<model::PriceList>& price,
                          const std::string& what);
/// --cors-origin, once for each.
CLI::Option* cors_option(CLI::App* command, std::vector<std::string>& origins);
CLI::Option* lease_option(CLI::App* command, const std::string& name, model::LeaseId& lease, const std::string& what);

/// --spot, --bid, --sealed.
struct SpotOptions {
  bool spot = false, sealed = false;
  Money bid;
};
void spot_options(CLI::App* command, SpotOptions& options);
/// A bid where one is needed, above 0 and no higher than the price ceiling (0: none).
Result<> check_bid(const SpotOptions& options, Money max_price_per_gpu_hour);

/// Where the line did not parse.
struct Slip {
  std::string message;  ///< "there is no command 'ofers'", or "": as the parser says.
  std::string hint;     ///< "did you mean 'offers'?", or "".
};
Slip find_slip(const CLI::App& root, const std::vector<std::string>& arguments);

// Parts of `provider`, each in a file of its own.
void add_provider_offers(Program& program, CLI::App& provider);
void add_provider_status(Program& program, CLI::App& provider);

// One for each other file under commands/.
void add_auctions(Program& program);
void add_bill(Program& program);
void add_cancel(Program& program);
void add_completion(Program& program);
void add_attach(Program& program);
void add_cp(Program& program);
void add_down(Program& program);
void add_extend(Program& program);
void add_forward(Program& program);
void add_logs(Program& program);
void add_node(Program& program);
void add_offers(Program& program);
void add_provider(Program& program);
void add_prices(Program& program);
void add_ps(Program& program);
void add_rent(Program& program);
void add_reveal(Program& program);
void add_run(Program& program);
void add_ssh(Program& program);
void add_status(Program& program);
void add_stop(Program& program);
void add_top(Program& program);
void add_topup(Program& program);
void add_tx(Program& program);
void add_up(Program& program);
void add_version(Program& program);
void add_wallet(Program& program);

/// The whole tree. Completion scripts and help are made from it, so they cannot drift from what parses.
void add_all(Program& program);

}  // namespace hanse::cli
