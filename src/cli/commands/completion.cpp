// hanse completion SHELL.

#include "cli/completion.hpp"

#include <nlohmann/json.hpp>

#include "cli/command.hpp"

namespace hanse::cli {

void add_completion(Program& program) {
  auto shell = std::make_shared<std::string>();
  auto* command = program.add(program.app, "completion", "Print the completion script for a shell",
                              "  source <(hanse completion bash)\n"
                              "  hanse completion zsh > ~/.zfunc/_hanse\n"
                              "  hanse completion fish > ~/.config/fish/completions/hanse.fish\n");
  command->add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  program.on(command, [shell, &program]() -> Outcome {
    const std::string script = *shell == "bash"  ? bash_completion(program.app)
                               : *shell == "zsh" ? zsh_completion(program.app)
                                                 : fish_completion(program.app);
    if (program.context.json()) {
      program.context.print_json({{"shell", *shell}, {"script", script}});
    } else {
      program.context.print(script);
    }
    return 0;
  });
}

}  // namespace hanse::cli
