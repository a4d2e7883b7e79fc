// hanse wallet: the keys of this account, and what they may do.

#include <nlohmann/json.hpp>

#include <iostream>

#include "cli/command.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

struct WalletOptions {
  std::string address, key, memo;
  Money amount;
  std::vector<std::string> operations;
  std::uint64_t expires_s = 30 * 86400;
  std::size_t limit = 50;
  bool yes = false;
};

Outcome created(Context& context, const Home& home, const model::AccountId& account) {
  const auto access = context.access_key();
  if (!access) return refuse(access.error());
  // The config remembers which node this wallet talks to, where a node was named.
  if (!context.globals.node.empty()) {
    auto config = context.config();
    if (!config) return refuse(config.error());
    config->node = context.globals.node;
    if (auto written = write_config(home.config(), *config); !written) return refuse(written.error());
  }
  const std::string address = model::format_address(account);
  if (context.json()) {
    context.print_json({{"address", address}, {"file", home.wallet().string()}});
    return 0;
  }
  context.print(address + "\n");
  context.say("The wallet is in " + home.wallet().string() +
              ". Without that file and its passphrase the money is gone:\nback the file up, or write down what "
              "'hanse wallet export' prints.");
  return 0;
}

Outcome make(Context& context, bool restoring) {
  const auto home = context.home();
  if (!home) return refuse(home.error());
  if (std::filesystem::exists(home->wallet())) {
    return refuse(ErrorCode::already_exists, home->wallet().string() + " is there already; nothing was changed",
                  "another --home keeps a second wallet");
  }
  crypto::Seed seed;
  if (restoring) {
    if (context.terminal.in_tty) print_err("The 64 characters that 'hanse wallet export' printed: ");
    std::string text;
    std::getline(std::cin, text);
    while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.pop_back();
    const auto bytes = fixed_from_hex<32>(text);
    if (!bytes) return refuse(ErrorCode::invalid_argument, "that is not an exported secret: 64 hexadecimal characters");
    seed.data = bytes->data;
  }
  const auto phrase = context.passphrase(true);
  if (!phrase) return refuse(phrase.error());
  const auto wallet = restoring ? client::Wallet::restore(home->wallet(), seed, *phrase)
                                : client::Wallet::create(home->wallet(), *phrase);
  if (!wallet) return refuse(wallet.error());
  return created(context, *home, wallet->account());
}

/// "420.00 credits in 30 days: fees 10.00 % lower; 20.00 % from 1000.00 on"; "" where no tier is to be had.
std::string spending_text(const AccountView& view) {
  if (view.fee_discount_bps == 0 && !view.next) return "";
  const auto percent = [](std::uint32_t bps) { return model::format_money(Money{bps * 10'000L}) + " %"; };
  std::string out = model::format_money(view.spent) + " credits in 30 days: ";
  if (view.fee_discount_bps > 0) out += "fees " + percent(view.fee_discount_bps) + " lower";
  if (view.next) {
    out += (view.fee_discount_bps > 0 ? "; " : "fees would be lower by ") + percent(view.next->discount_bps) +
           " from " + model::format_money(view.next->from) + " on";
  }
  return out;
}

Outcome show(Context& context) {
  const auto me = context.address();
  if (!me) return refuse(me.error());
  const auto access = context.access_key();
  if (!access) return refuse(access.error());
  const std::string ssh_key = client::format_ssh_public_key(access->public_key());
  const auto api = context.api();
  if (!api) return refuse(api.error());
  const auto account = (*api)->account(*me);
  if (!account) return refuse(account.error());
  if (context.json()) {
    nlohmann::json grants = nlohmann::json::array();
    for (const auto& grant : account->grants) grants.push_back(wire::to_json(grant));
    context.print_json({{"address", model::format_address(*me)},
                        {"balance_micros", account->account.balance.micros},
                        {"access_key", ssh_key},
                        {"spent_micros", account->spent.micros},
                        {"fee_discount_bps", account->fee_discount_bps},
                        {"grants", grants}});
    return 0;
  }
  context.print(facts({{"address", model::format_address(*me)},
                       {"balance", model::format_money(account->account.balance) + " credits"},
                       {"spent", spending_text(*account)},
                       {"access key", ssh_key}},
                      context.terminal.out_color));
  Table table({{"AUTHORISED KEY"}, {"MAY SPEND", Align::right}, {"SPENT", Align::right}, {"UNTIL"}, {"FOR"}});
  for (const auto& grant : account->grants) {
    std::string operations;
    for (const auto& name : grant.operations) operations += (operations.empty() ? "" : " ") + name;
    table.add({to_hex(grant.key.view()), model::format_money(grant.spend_limit), model::format_money(grant.spent),
               model::format_time(grant.expires_at), operations});
  }
  if (!table.empty()) context.print(table.text(context.terminal.out_color));
  return 0;
}

Outcome export_secret(Context& context, bool yes) {
  if (!yes && !ask_yes_no(context.terminal, "Print the secret? Who sees it can take everything.")) {
    return refuse(ErrorCode::wrong_state, "nothing was printed", "--yes agrees where there is no terminal to ask on");
  }
  const auto wallet = context.unlock();
  if (!wallet) return refuse(wallet.error());
  const std::string secret = to_hex(wallet->key().seed().view());
  if (context.json()) {
    context.print_json({{"address", model::format_address(wallet->account())}, {"secret", secret}});
  } else {
    context.print(secret + "\n");
  }
  return 0;
}

Outcome done(Context& context, const Result<model::Receipt>& receipt, const std::string& what) {
  if (!receipt) return refuse(receipt.error());
  if (context.json()) {
    context.print_json(wire::to_json(*receipt));
  } else {
    context.print(what + " (tx " + to_hex(receipt->tx_hash.view()) + ")\n");
  }
  return 0;
}

Outcome send(Context& context, const WalletOptions& options) {
  const auto to = model::parse_address(options.address);
  if (!to) return refuse(to.error());
  if (!options.yes && !ask_yes_no(context.terminal, "Send " + model::format_money(options.amount) + " credits to " +
                                                        options.address + "?")) {
    return refuse(ErrorCode::wrong_state, "nothing was sent", "--yes agrees where there is no terminal to ask on");
  }
  return done(context, context.send({model::Transfer{*to, options.amount, options.memo}}),
              model::format_money(options.amount) + " credits sent to " + options.address);
}

Result<crypto::PublicKey> parse_key(const std::string& text) {
  if (text.starts_with("hanse1")) return model::parse_address(text);
  const auto bytes = fixed_from_hex<32>(text);
  if (!bytes) {
    return fail(ErrorCode::invalid_argument, "a key is a hanse1… address or 64 hexadecimal characters");
  }
  crypto::PublicKey key;
  key.data = bytes->data;
  return key;
}

Outcome authorize(Context& context, const WalletOptions& options) {
  const auto key = parse_key(options.key);
  if (!key) return refuse(key.error());
  const Time until = after_s(system_clock().now(), static_cast<std::int64_t>(options.expires_s));
  return done(context, context.send({model::AuthorizeKey{*key, options.operations, options.amount, until}}),
              "the key may sign for this account until " + model::format_time(until));
}

Outcome revoke(Context& context, const WalletOptions& options) {
  const auto key = parse_key(options.key);
  if (!key) return refuse(key.error());
  return done(context, context.send({model::RevokeKey{*key}}), "the key may sign for this account no more");
}

Outcome history(Context& context, const WalletOptions& options) {
  const auto me = context.address();
  if (!me) return refuse(me.error());
  const auto api = context.api();
  if (!api) return refuse(api.error());
  auto events = (*api)->events(*me, 0, 0);
  if (!events) return refuse(events.error());
  const std::size_t skip = events->size() > options.limit ? events->size() - options.limit : 0;
  if (context.json()) {
    nlohmann::json items = nlohmann::json::array();
    for (std::size_t i = skip; i < events->size(); ++i) {
      items.push_back(wire::to_json((*events)[i]));
      items.back()["change_micros"] = change_micros((*events)[i], *me);
    }
    context.print_json({{"events", items}});
    return 0;
  }
  Table table({{"TIME"}, {"WHAT"}, {"CHANGE", Align::right}, {"LEASE"}, {"WITH"}, {"NOTE"}});
  for (std::size_t i = skip; i < events->size(); ++i) {
    const auto& event = (*events)[i];
    const auto& other = event.account == *me ? event.counterparty : event.account;
    const bool is_transfer = event.kind == model::EventKind::transferred;
    const std::string direction = !is_transfer ? "" : event.account == *me ? "to " : "from ";
    table.add({model::format_time(event.time), std::string(model::name_of(event.kind)),
               signed_money(change_micros(event, *me)), event.lease ? model::format_id(event.lease) : "",
               other.is_zero() ? "" : direction + short_address(other), event.note});
  }
  context.print(table.empty() ? "" : table.text(context.terminal.out_color));
  if (table.empty()) context.say("nothing has happened on this account yet");
  return 0;
}

void add_changes(Program& program, CLI::App& wallet, const std::shared_ptr<WalletOptions>& options) {
  auto& context = program.context;
  auto* command = program.add(wallet, "send", "Send credits to another account", "  hanse wallet send hanse1… 12.50\n");
  command->add_option("address", options->address, "To whom")->required()->type_name("ADDRESS");
  money_option(command, "amount", options->amount, "Credits")->required();
  command->add_option("--memo", options->memo, "A note for both; everyone can read it")->type_name("TEXT");
  command->add_flag("-y,--yes", options->yes, "Do not ask");
  program.on(command, [options, &context] { return send(context, *options); });

  command = program.add(wallet, "authorize", "Let another key sign named operations for this account",
                        "  hanse wallet authorize 9f…e1 --operations confirm_lease,end_lease,heartbeat --limit 1.00\n");
  command->add_option("key", options->key, "Address or hexadecimal key")->required()->type_name("KEY");
  command->add_option("--operations", options->operations, "Which, with commas")
      ->required()
      ->delimiter(',')
      ->check(CLI::IsMember(std::vector<std::string>(model::Names<model::Operation>::names.begin(),
                                                     model::Names<model::Operation>::names.end())));
  money_option(command, "--limit", options->amount, "It may spend at most so much in all (0)");
  duration_option(command, "--expires", options->expires_s, "For how long (30d)");
  program.on(command, [options, &context] { return authorize(context, *options); });

  command = program.add(wallet, "revoke", "Take an authorised key's rights away", "  hanse wallet revoke 9f…e1\n");
  command->add_option("key", options->key, "Address or hexadecimal key")->required()->type_name("KEY");
  program.on(command, [options, &context] { return revoke(context, *options); });
}

}  // namespace

void add_wallet(Program& program) {
  auto options = std::make_shared<WalletOptions>();
  auto& context = program.context;
  auto* wallet =
      program.add(program.app, "wallet", "Keys, balance, payments", "  hanse wallet new\n  hanse wallet show\n");
  wallet->require_subcommand(1);
  program.on(program.add(*wallet, "new", "Make an account; its secret is encrypted with a passphrase",
                         "  hanse wallet new\n  HANSE_PASSPHRASE=… hanse wallet new --node https://node.example\n"),
             [&context] { return make(context, false); });
  program.on(
      program.add(*wallet, "show", "Show address, balance, access key, authorised keys", "  hanse wallet show\n"),
      [&context] { return show(context); });
  program.on(program.add(*wallet, "restore", "Make the wallet again from an exported secret (read from stdin)",
                         "  hanse wallet restore < secret.txt\n"),
             [&context] { return make(context, true); });
  auto* command = program.add(*wallet, "export", "Print the account's secret", "  hanse wallet export > secret.txt\n");
  command->add_flag("-y,--yes", options->yes, "Do not ask");
  program.on(command, [options, &context] { return export_secret(context, options->yes); });
  add_changes(program, *wallet, options);
  command = program.add(
      *wallet, "history", "List what happened on this account",
      "  hanse wallet history --limit 20\n"
      "+ came to the balance, - left it: for a lease all it can cost is locked when it is matched, and what\n"
      "it did not use comes back when it ends.\n");
  command->add_option("--limit", options->limit, "The last so many (50)")->check(CLI::Range(1, 100000));
  program.on(command, [options, &context] { return history(context, *options); });
}

}  // namespace hanse::cli
