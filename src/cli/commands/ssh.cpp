// hanse ssh LEASE [-- CMD]: OpenSSH's own client, told what the ledger knows.

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/lease_link.hpp"
#include "cli/show.hpp"
#include "cli/ssh_files.hpp"
#include "client/private_file.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

/// Once: how plain `ssh lease-7`, scp, rsync and editors find the leases. `can_ask` before a shell; before a command a
/// question could be in its way.
void offer_include(Context& context, const Home& home, bool can_ask) {
  const auto asked = home.ssh() / "asked", told = home.ssh() / "told";
  const std::string user_home = environment("HOME");
  if (user_home.empty() || std::filesystem::exists(asked)) return;
  const std::filesystem::path user_config = std::filesystem::path(user_home) / ".ssh" / "config";
  if (const auto text = read_text(user_config); text && text->find(include_line(home)) != std::string::npos) return;
  if (!can_ask || !context.terminal.in_tty || !context.terminal.err_tty) {
    if (std::filesystem::exists(told)) return;
    context.say("hint: plain ssh, scp, rsync and editors find leases too with this line at the head of " +
                user_config.string() + ":\n  " + include_line(home));
    (void)client::replace_private_file(told, "");
    return;
  }
  if (ask_yes_no(context.terminal, "Let plain ssh, scp, rsync and editors find leases too (adds one Include line to " +
                                       user_config.string() + ")?")) {
    if (auto added = add_include(home, user_config); !added) context.say(added.error().message);
  } else {
    context.say("Not added. The line, should you want it later: " + include_line(home));
  }
  (void)client::replace_private_file(asked, "");
}

Outcome ssh(Context& context, model::LeaseId id, const std::vector<std::string>& command) {
  const auto home = context.home();
  if (!home) return refuse(home.error());
  if (const auto key = context.access_key(); !key) return refuse(key.error());
  const std::string name = model::format_id(id);
  const auto lease = live_lease(context, id);
  if (!lease) return refuse(lease.error());
  if (lease->lease.state == model::LeaseState::matched) {
    return refuse(ErrorCode::wrong_state, name + " has not started yet; try again in a moment");
  }
  if (auto written = publish_to_ssh(context, lease->lease); !written) return refuse(written.error());
  const std::string config = (home->ssh() / "config").string();
  if (context.json()) {
    context.print_json({{"command", {"ssh", "-F", config, name}}, {"endpoint", lease->lease.endpoint}, {"user", name}});
    return 0;
  }
  offer_include(context, *home, command.empty());

  std::vector<std::string> words{"ssh", "-F", config, name};
  if (!command.empty()) words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execvp("ssh", arguments.data());
  return refuse(ErrorCode::unsupported, std::string("cannot start ssh: ") + std::strerror(errno),
                "install OpenSSH's client (apt install openssh-client)");
}

}  // namespace

void add_ssh(Program& program) {
  auto lease = std::make_shared<model::LeaseId>();
  auto words = std::make_shared<std::vector<std::string>>();
  auto* command = program.add(program.app, "ssh", "Log in to a lease, or run a command in it",
                              "  hanse ssh lease-7\n"
                              "  hanse ssh lease-7 -- nvidia-smi -L\n"
                              "  ssh -F ~/.hanse/ssh/config lease-7      the same with plain ssh; scp and rsync too\n");
  lease_option(command, "lease", *lease, "Which")->required();
  command->add_option("command", *words, "Runs it instead of a shell; its exit code is passed through")
      ->type_name("-- CMD");
  program.on(command, [=, &program] {
    program.own_exit_range = !words->empty();
    return ssh(program.context, *lease, *words);
  });
}

}  // namespace hanse::cli
