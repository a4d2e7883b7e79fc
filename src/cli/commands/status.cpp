// hanse status, tx, version: what the node says of itself and of one transaction.

#include <nlohmann/json.hpp>

#include "base/version.hpp"
#include "cli/command.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

std::string count(const nlohmann::json& body, const char* key) {
  const auto counts = body.find("counts");
  if (counts == body.end() || !counts->contains(key)) return "";
  return (*counts)[key].dump();
}

Outcome show_status(Context& context) {
  const auto api = context.api();
  if (!api) return refuse(api.error());
  const auto body = (*api)->raw("/v1/status");
  if (!body) return refuse(body.error());
  if (context.json()) {
    context.print_json(*body);
    return 0;
  }
  const auto known = (*api)->status();
  if (!known) return refuse(known.error());
  const auto options = context.node_options();
  std::string balance;
  if (const auto me = context.address()) {
    if (const auto account = (*api)->account(*me)) {
      balance = model::format_money(account->account.balance) + " credits (" + short_address(*me) + ")";
    }
  }
  context.print(facts({{"node", options ? options->url : ""},
                       {"network", known->network},
                       {"version", known->version},
                       {"height", std::to_string(known->height)},
                       {"time", model::format_time(known->time)},
                       {"providers", count(*body, "providers")},
                       {"offers", count(*body, "offers")},
                       {"leases", count(*body, "leases")},
                       {"accounts", count(*body, "accounts")},
                       {"your balance", balance}},
                      context.terminal.out_color));
  return 0;
}

Outcome tx(Context& context, const std::string& hash) {
  const auto bytes = fixed_from_hex<32>(hash);
  if (!bytes) return refuse(ErrorCode::invalid_argument, "a transaction's hash is 64 hexadecimal characters");
  const auto api = context.api();
  if (!api) return refuse(api.error());
  const auto found = (*api)->transaction(hash);
  if (!found) return refuse(found.error());
  if (context.json()) {
    context.print_json(*found);
  } else {
    context.print(found->dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
  return 0;
}

}  // namespace

void add_status(Program& program) {
  auto* command = program.add(program.app, "status", "Show the node and its network", "  hanse status\n");
  program.on(command, [&program] { return show_status(program.context); });
}

void add_tx(Program& program) {
  auto hash = std::make_shared<std::string>();
  auto* command = program.add(program.app, "tx", "Show a transaction and its receipt", "  hanse tx 5f3c…\n");
  command->add_option("hash", *hash, "64 hexadecimal characters")->required()->type_name("HASH");
  program.on(command, [hash, &program] { return tx(program.context, *hash); });
}

void add_version(Program& program) {
  program.app.set_version_flag("--version", "hanse " + std::string(version()), "Print the version of this program");
  auto* command = program.add(program.app, "version", "Print the version of this program", "");
  program.on(command, [&program]() -> Outcome {
    if (program.context.json()) {
      program.context.print_json({{"version", version()}});
    } else {
      program.context.print("hanse " + std::string(version()) + "\n");
    }
    return 0;
  });
}

}  // namespace hanse::cli
