// hanse up and down: a whole network on this machine.

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/local_network.hpp"
#include "cli/progress.hpp"
#include "client/private_file.hpp"
#include "model/price_rule.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

constexpr std::int64_t kReadyWithinMs = 120'000;
constexpr std::int64_t kDownWithinMs = 30'000;

struct UpCommand {
  UpOptions up;
  std::string data;
  bool background = false;
  bool no_provider = false;
  int ready_fd = -1;
};

constexpr std::string_view kNext =
    "Try next:  hanse offers   ·   hanse run examples/hello/job.yaml   ·   hanse rent --duration 10m\n";

/// One line to whoever started this in the background: ready, or why not.
void tell(int fd, const nlohmann::json& what) {
  if (fd < 0) return;
  const std::string line = what.dump() + "\n";
  (void)!::write(fd, line.data(), line.size());
  ::close(fd);
}

std::string start_hint(const Error& error) {
  if (error.message.find("listen") != std::string::npos) return "--listen HOST:PORT and --ssh-port N take other ports";
  if (error.code == ErrorCode::conflict) return "'hanse down' stops it; --data DIR keeps another one apart";
  if (error.code == ErrorCode::unavailable) {
    return "--engine FILE or HANSE_ENGINE_SOCKET names podman's or Docker's socket; --no-provider starts the network "
           "without renting this machine out";
  }
  return "";
}

Outcome up_here(Context& context, const UpCommand& options) {
  Interrupt interrupt;
  auto network = LocalNetwork::start(context, options.up);
  if (!network) {
    const auto& error = network.error();
    tell(options.ready_fd, {{"error", error.message}, {"code", name_of(error.code)}});
    return refuse(error, start_hint(error));
  }
  tell(options.ready_fd, (*network)->summary_json());
  if (context.json()) {
    context.print_json((*network)->summary_json());
  } else {
    context.print((*network)->summary());
    for (const auto& note : (*network)->notes()) context.say("note: " + note);
    context.say(std::string(kNext) + "Ctrl-C stops it all; leases go on when it starts again.");
  }
  const auto ended = (*network)->watch(interrupt);
  if (!ended) return refuse(ended.error());
  return 0;
}

std::vector<std::string> child_arguments(Context& context, const Home& home, const UpCommand& options, int ready_fd) {
  std::vector<std::string> words{context.program, "up"};
  const auto add = [&](const std::string& name, const std::string& value) {
    words.push_back(name);
    words.push_back(value);
  };
  add("--home", home.root.string());
  add("--listen", options.up.listen);
  add("--ready-fd", std::to_string(ready_fd));
  if (options.up.ssh_port) add("--ssh-port", std::to_string(*options.up.ssh_port));
  if (!options.up.engine_socket.empty()) add("--engine", options.up.engine_socket);
  if (context.globals.passphrase_fd >= 0) add("--passphrase-fd", std::to_string(context.globals.passphrase_fd));
  for (const auto& origin : options.up.cors_origins) add("--cors-origin", origin);
  if (options.up.price) add("--price", model::format_price(*options.up.price, true));
  add("--credits", model::format_money(options.up.consumer_credits));
  if (options.no_provider) words.push_back("--no-provider");
  return words;
}

[[noreturn]] void become_background(const std::vector<std::string>& words, int log_fd) {
  ::setsid();
  const int null_fd = ::open("/dev/null", O_RDONLY);
  if (null_fd < 0) ::_exit(127);
  ::dup2(null_fd, STDIN_FILENO);
  ::dup2(log_fd, STDOUT_FILENO);
  ::dup2(log_fd, STDERR_FILENO);
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

/// The child's one line, or nothing if it died without a word or took too long.
std::string await_line(Context& context, int fd) {
  Progress progress(context.terminal, "starting", Unit::items, context.json());
  std::string text;
  std::array<char, 4096> buffer;
  const auto until = system_clock().monotonic_ms() + kReadyWithinMs;
  while (text.find('\n') == std::string::npos && system_clock().monotonic_ms() < until) {
    pollfd poll_fd{fd, POLLIN, 0};
    if (::poll(&poll_fd, 1, 200) > 0) {
      const ssize_t n = ::read(fd, buffer.data(), buffer.size());
      if (n <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(n));
    }
    progress.update(0, 0);
  }
  return text;
}

Outcome up_in_background(Context& context, const UpCommand& options) {
  const auto home = context.home();
  if (!home) return refuse(home.error());
  if (const auto pid = ProcessLock::holder(home->up_lock()); pid > 0) {
    return refuse(ErrorCode::conflict,
                  "a network runs in " + home->root.string() + " already (process " + std::to_string(pid) + ")",
                  "'hanse status' shows it, 'hanse down' stops it");
  }
  if (auto written = client::replace_private_file(home->up_log(), ""); !written) return refuse(written.error());
  const int log_fd = ::open(home->up_log().c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
  std::array<int, 2> ready{-1, -1};
  if (log_fd < 0 || ::pipe(ready.data()) != 0) return refuse(ErrorCode::io, std::strerror(errno));
  ::fcntl(ready[0], F_SETFD, FD_CLOEXEC);
  const auto words = child_arguments(context, *home, options, ready[1]);
  const pid_t child = ::fork();
  if (child == 0) become_background(words, log_fd);
  ::close(log_fd);
  ::close(ready[1]);
  if (child < 0) return refuse(ErrorCode::io, std::string("cannot start a process: ") + std::strerror(errno));
  const std::string line = await_line(context, ready[0]);
  ::close(ready[0]);
  const auto said = wire::parse_json(line);
  if (!said || !said->is_object()) {
    return refuse(ErrorCode::io, "the network did not start", "its log is " + home->up_log().string());
  }
  if (said->contains("error")) {
    ::waitpid(child, nullptr, 0);
    const Error error{error_code_of(said->value("code", "")), said->value("error", "")};
    const std::string hint = start_hint(error);
    return refuse(error, hint.empty() ? "its log is " + home->up_log().string() : hint);
  }
  if (context.json()) {
    context.print_json(*said);
    return 0;
  }
  context.print("The network " + said->value("network", "") + " is up at " + said->value("url", "") + " (process " +
                std::to_string(child) + ", log " + home->up_log().string() + ").\n");
  for (const auto& note : said->value("notes", std::vector<std::string>())) context.say("note: " + note);
  context.say(std::string(kNext) + "'hanse down' stops it.");
  return 0;
}

Outcome down(Context& context) {
  const auto home = context.home();
  if (!home) return refuse(home.error());
  const pid_t pid = ProcessLock::holder(home->up_lock());
  if (pid <= 0) {
    context.say("nothing runs in " + home->root.string());
    if (context.json()) context.print_json({{"stopped", false}});
    return 0;
  }
  // The file is its user's to write, and whoever asks may be root.
  std::error_code unreadable;
  const auto runs = std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", unreadable).filename();
  if (!unreadable && !runs.string().starts_with("hanse")) {
    return refuse(ErrorCode::conflict,
                  home->up_lock().string() + " names process " + std::to_string(pid) + ", which is " + runs.string(),
                  "find the network's own with 'pgrep -a hanse', and end that");
  }
  if (::kill(pid, SIGTERM) != 0 && errno != ESRCH) {
    return refuse(ErrorCode::denied, "process " + std::to_string(pid) + " is not yours to stop",
                  "root started it: 'sudo hanse down --data " + home->root.string() + "'");
  }
  const auto until = system_clock().monotonic_ms() + kDownWithinMs;
  Interrupt interrupt;
  while (ProcessLock::holder(home->up_lock()) == pid) {
    if (system_clock().monotonic_ms() > until || interrupt.wait(50)) {
      return refuse(ErrorCode::timeout, "process " + std::to_string(pid) + " is still stopping",
                    "look into " + home->up_log().string() + "; 'kill -9 " + std::to_string(pid) +
                        "' loses nothing "
                        "that was acknowledged");
    }
  }
  if (context.json()) {
    context.print_json({{"stopped", true}, {"pid", pid}});
  } else {
    context.print("stopped; 'hanse up' goes on where it was\n");
  }
  return 0;
}

void take_data_folder(Context& context, const UpCommand& options) {
  if (!options.data.empty()) context.globals.home = options.data;
}

}  // namespace

void add_up(Program& program) {
  auto options = std::make_shared<UpCommand>();
  options->up.engine_socket = environment("HANSE_ENGINE_SOCKET");
  auto* command = program.add(program.app, "up", "Start a whole network on this machine: node, provider, wallet",
                              "  hanse up\n  hanse up --background && hanse offers\n"
                              "  hanse up --data /tmp/net --listen 127.0.0.1:7171 --ssh-port 2322    a second one\n");
  command->add_option("--data", options->data, "Where everything is kept; the home folder of its commands (~/.hanse)")
      ->type_name("DIR");
  command->add_flag("-b,--background", options->background, "Return once it is up; 'hanse down' stops it");
  command->add_option("--listen", options->up.listen, "Address of the API (127.0.0.1:7070)")->type_name("HOST:PORT");
  command->add_option("--ssh-port", options->up.ssh_port, "TCP port of the SSH gateway (2222; 0: any)")
      ->check(CLI::Range(0, 65535));
  command->add_option("--engine", options->up.engine_socket, "podman's or Docker's socket [HANSE_ENGINE_SOCKET; found]")
      ->type_name("FILE");
  cors_option(command, options->up.cors_origins);
  price_option(command, "--price", options->up.price, "Credits per device-hour of this machine, or a rule");
  money_option(command, "--credits", options->up.consumer_credits, "What genesis gives your wallet (1000)");
  command->add_flag("--no-provider", options->no_provider, "Node and wallet only");
  command->add_option("--ready-fd", options->ready_fd)->group("");
  program.on(command, [options, &program] {
    take_data_folder(program.context, *options);
    options->up.provider = !options->no_provider;
    return options->background ? up_in_background(program.context, *options) : up_here(program.context, *options);
  });
}

void add_down(Program& program) {
  auto options = std::make_shared<UpCommand>();
  auto* command = program.add(program.app, "down", "Stop the network that 'hanse up' started", "  hanse down\n");
  command->add_option("--data", options->data, "Its folder (~/.hanse)")->type_name("DIR");
  program.on(command, [options, &program] {
    take_data_folder(program.context, *options);
    return down(program.context);
  });
}

}  // namespace hanse::cli
