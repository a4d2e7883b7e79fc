#include "cli/command.hpp"

#include "api/origins.hpp"
#include "model/price_rule.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

/// An option whose text is read by `parse`.
template <class T, class Parse>
CLI::Option* parsed_option(CLI::App* command, const std::string& name, T& target, const std::string& what,
                           const std::string& type, Parse parse) {
  CLI::callback_t read = [&target, parse, name](const CLI::results_t& values) {
    auto value = parse(values.at(0));
    if (!value) throw CLI::ValidationError(name, value.error().message);
    target = *value;
    return true;
  };
  return command->add_option(name, read, what)->type_name(type)->type_size(1)->expected(1);
}

void collect_names(const CLI::App& app, std::vector<std::string>& commands, std::vector<std::string>& options) {
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!sub->get_group().empty()) commands.push_back(sub->get_name());
  }
  for (const auto* level = &app; level != nullptr; level = level->get_parent()) {
    for (const auto* option : level->get_options()) {
      for (const auto& name : option->get_lnames()) options.push_back("--" + name);
    }
  }
}

}  // namespace

Program::Program() : app("Rent GPUs from whoever owns them, by the second.", "hanse") {
  app.fallthrough();
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.add_option("--node", context.globals.node, "Node to talk to [HANSE_NODE; config; http://127.0.0.1:7070]")
      ->type_name("URL");
  app.add_option("--home", context.globals.home, "Folder of wallet and config [HANSE_HOME; ~/.hanse]")
      ->type_name("DIR");
  app.add_option("--ca-file", context.globals.ca_file, "Certificates to trust besides the system's [HANSE_CA_FILE]")
      ->type_name("PEM");
  app.add_option("--passphrase-fd", context.globals.passphrase_fd,
                 "Read the wallet's passphrase from this file descriptor [or HANSE_PASSPHRASE]")
      ->type_name("N")
      ->check(CLI::Range(0, 1023));
  app.add_flag("--json", context.globals.json, "Print JSON on stdout and nothing else");
  app.footer(
      "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 no match, 4 not authorised, 5 unreachable,\n"
      "6 insufficient funds, 7 job not started; `run` and `ssh -- CMD` pass the job's own through and use\n"
      "120-125 for theirs. Start here: hanse up");
}

CLI::App* Program::add(CLI::App& parent, const std::string& name, const std::string& what,
                       const std::string& examples) {
  auto* command = parent.add_subcommand(name, what);
  if (!examples.empty()) command->footer("Examples:\n" + examples);
  return command;
}

void Program::on(CLI::App* command, std::function<Outcome()> run) {
  command->callback([this, run = std::move(run)] { action = run; });
}

CLI::Option* duration_option(CLI::App* command, const std::string& name, std::uint64_t& seconds,
                             const std::string& what) {
  return parsed_option(command, name, seconds, what, "DURATION",
                       [](const std::string& text) { return model::parse_duration_s(text); });
}

CLI::Option* size_option(CLI::App* command, const std::string& name, std::uint64_t& bytes, const std::string& what) {
  return parsed_option(command, name, bytes, what, "SIZE",
                       [](const std::string& text) { return model::parse_size(text); });
}

CLI::Option* money_option(CLI::App* command, const std::string& name, Money& amount, const std::string& what) {
  return parsed_option(command, name, amount, what, "CREDITS",
                       [](const std::string& text) { return model::parse_money(text); });
}

CLI::Option* money_option(CLI::App* command, const std::string& name, std::optional<Money>& amount,
                          const std::string& what) {
  return parsed_option(command, name, amount, what, "CREDITS",
                       [](const std::string& text) { return model::parse_money(text); });
}

CLI::Option* price_option(CLI::App* command, const std::string& name, std::optional<model::PriceList>& price,
                          const std::string& what) {
  return parsed_option(command, name, price, what, "PRICE", [](const std::string& text) -> Result<model::PriceList> {
    model::PriceList out;
    if (auto set = model::set_price(out, text); !set) return fail(set);
    return out;
  });
}

CLI::Option* cors_option(CLI::App* command, std::vector<std::string>& origins) {
  return command
      ->add_option("--cors-origin", origins,
                   "Pages of this origin may also send transactions and ask for quotes; *: any")
      ->type_name("ORIGIN")
      ->allow_extra_args(false)
      ->check([](const std::string& text) {
        const auto origin = api::Origins::parse({text});
        return origin ? std::string() : origin.error().message;
      });
}

CLI::Option* lease_option(CLI::App* command, const std::string& name, model::LeaseId& lease, const std::string& what) {
  return parsed_option(command, name, lease, what, "LEASE",
                       [](const std::string& text) { return model::parse_id<model::LeaseTag>(text); });
}

void spot_options(CLI::App* command, SpotOptions& options) {
  auto* spot = command->add_flag("--spot", options.spot, "Bid for what is left over; others may outbid it later");
  auto* bid = money_option(command, "--bid", options.bid, "On spot: credits per GPU-hour, all-in, at most");
  auto* sealed = command->add_flag("--sealed", options.sealed, "Nobody sees the bid before bidding is over");
  bid->needs(spot);
  sealed->needs(bid);
}

Result<> check_bid(const SpotOptions& options, Money most) {
  if (!options.spot) return {};
  if (options.bid.micros == 0) {
    return fail(ErrorCode::invalid_argument,
                "spot is for those who bid, above 0: --bid 1.20, the most you pay for a GPU-hour. 'hanse auctions' "
                "shows what others paid");
  }
  if (most.micros == 0 || options.bid <= most) return {};
  return fail(ErrorCode::invalid_argument,
              "the bid of " + model::format_money(options.bid) + " is above max_price, " + model::format_money(most));
}

Slip find_slip(const CLI::App& root, const std::vector<std::string>& arguments) {
  const CLI::App* at = &root;
  for (const auto& argument : arguments) {
    if (argument == "--") break;
    std::vector<std::string> commands, options;
    collect_names(*at, commands, options);
    const bool is_option = argument.starts_with("-");
    const std::string word = argument.substr(0, argument.find('='));
    const auto& names = is_option ? options : commands;
    if (std::find(names.begin(), names.end(), word) != names.end()) {
      if (!is_option) at = at->get_subcommand(word);
      continue;
    }
    if (names.empty() || (is_option && !word.starts_with("--"))) continue;
    Slip slip;
    if (!is_option && at->get_require_subcommand_min() > 0) slip.message = "there is no command '" + word + "'";
    const auto near = model::nearest(word, {names.begin(), names.end()});
    if (!near.empty()) slip.hint = "did you mean '" + std::string(near) + "'?";
    if (!near.empty() || !slip.message.empty()) return slip;
  }
  return {};
}

void add_all(Program& program) {
  program.app.get_formatter()->label("REQUIRED", "(required)");
  for (const auto add :
       {add_offers, add_prices, add_run, add_rent, add_ps, add_attach, add_logs, add_ssh, add_cp, add_forward, add_top,
        add_extend, add_topup, add_stop, add_bill, add_cancel, add_auctions, add_reveal, add_wallet}) {
    add(program);
  }
  for (auto* command : program.app.get_subcommands([](CLI::App*) { return true; })) command->group("Rent");
  add_provider(program);
  program.app.get_subcommand("provider")->group("Rent out");
  for (const auto add : {add_up, add_down, add_node, add_status, add_tx, add_completion, add_version}) add(program);
  for (auto* command : program.app.get_subcommands([](CLI::App*) { return true; })) {
    if (command->get_group() == "Subcommands") command->group("Network and more");
  }
}

}  // namespace hanse::cli
