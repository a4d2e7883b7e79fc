#include "cli/cli.hpp"

#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/caught.hpp"
#include "cli/command.hpp"
#include "provider/namespace_helper.hpp"

namespace hanse::cli {
namespace {

int report(const Program& program, const Failure& failure) {
  const auto& context = program.context;
  std::string hint = failure.hint.empty() ? general_hint(failure.error.code) : failure.hint;
  if (context.json()) {
    nlohmann::json body{{"code", name_of(failure.error.code)}, {"message", failure.error.message}};
    if (!hint.empty()) body["hint"] = hint;
    auto whole = nlohmann::json::parse(failure.report, nullptr, false);
    if (!whole.is_object()) whole = nlohmann::json::object();
    whole["error"] = std::move(body);
    context.print_json(whole);
  }
  print_err(context.style_err("error:", Style::red) + " " + printable(failure.error.message) + "\n");
  if (!hint.empty()) print_err(context.style_err("hint:", Style::cyan) + " " + printable(hint) + "\n");
  if (failure.exit_code >= 0) return failure.exit_code;
  const Exit exit = exit_of(failure.error.code);
  return program.own_exit_range ? run_exit_of(exit) : static_cast<int>(exit);
}

int report_usage(const Program& program, const CLI::ParseError& error, const std::vector<std::string>& arguments) {
  auto [message, hint] = find_slip(program.app, arguments);
  if (message.empty()) message = error.what();
  std::string command = "hanse";
  for (const CLI::App* at = &program.app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    command += " " + at->get_name();
  }
  hint += (hint.empty() ? "" : " ") + std::string("'") + command + " --help' shows what it takes";
  return report(program, Failure({ErrorCode::invalid_argument, message}, hint, static_cast<int>(Exit::usage)));
}

}  // namespace

int run(int argc, char** argv) {
  // Before anything else is initialised: the helper changes namespaces, and threads or open files would be in the way.
  if (argc >= 2 && std::strcmp(argv[1], "namespace-helper") == 0) {
    return provider::run_namespace_helper(argc - 2, argv + 2);
  }
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of write(), told where it happens
  Program program;
  add_all(program);
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (arguments.empty()) {
    print_out(program.app.help());
    return static_cast<int>(Exit::usage);
  }
  try {
    program.app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    print_out(program.app.help());  // of the command that was named, with its whole name
    return 0;
  } catch (const CLI::CallForAllHelp&) {
    print_out(program.app.help("", CLI::AppFormatMode::All));
    return 0;
  } catch (const CLI::CallForVersion& text) {
    print_out(std::string(text.what()) + "\n");
    return 0;
  } catch (const CLI::ParseError& error) {
    return report_usage(program, error, arguments);
  }
  Outcome outcome = 0;
  if (const auto ran = caught([&] { outcome = program.action(); }); !ran) {
    outcome = refuse(ran.error(), "what it did until then stands: 'hanse ps' and 'hanse status' show it");
  }
  const int code = outcome ? *outcome : report(program, outcome.error());
  return output_is_lost() ? kOutputLost : code;
}

}  // namespace hanse::cli
