#include "cli/completion.hpp"

#include <algorithm>
#include <functional>

namespace hanse::cli {
namespace {

using Command = const CLI::App*;

std::vector<Command> children(Command command) {
  auto all = command->get_subcommands([](const CLI::App*) { return true; });
  std::erase_if(all, [](Command c) { return c->get_group().empty(); });  // hidden
  return {all.begin(), all.end()};
}

/// Its own named options and those of the commands above it, which it takes as well.
std::vector<const CLI::Option*> options(Command command) {
  std::vector<const CLI::Option*> out;
  for (; command != nullptr; command = command->get_parent()) {
    for (const auto* option : command->get_options()) {
      if (option->get_positional() || option->get_group().empty()) continue;
      const auto same = [&](const CLI::Option* o) { return o->get_name() == option->get_name(); };
      if (std::none_of(out.begin(), out.end(), same)) out.push_back(option);
    }
  }
  return out;
}

std::vector<std::string> spellings(const CLI::Option* option) {
  std::vector<std::string> out;
  for (const auto& name : option->get_snames()) out.push_back("-" + name);
  for (const auto& name : option->get_lnames()) out.push_back("--" + name);
  return out;
}

bool takes_value(const CLI::Option* option) {
  return option->get_items_expected_max() > 0;
}

bool takes_file(const std::string& type) {
  return type == "FILE" || type == "DIR" || type == "PEM" || type == "SRC" || type == "DST";
}

bool has_file_argument(Command command) {
  const auto all = command->get_options();
  return std::any_of(all.begin(), all.end(),
                     [](const CLI::Option* o) { return o->get_positional() && takes_file(o->get_type_name()); });
}

/// Quoted for a single-quoted string of a shell.
std::string quoted(std::string text, const std::string& quote) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::string out;
  for (const char c : text) out += c == '\'' ? quote : std::string(1, c);
  return "'" + out + "'";
}

/// Calls `visit(command, "wallet send")` for the root ("") and everything below it.
void walk(Command command, const std::string& path, const std::function<void(Command, const std::string&)>& visit) {
  visit(command, path);
  for (const auto* child : children(command))
    walk(child, path.empty() ? child->get_name() : path + " " + child->get_name(), visit);
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::vector<std::string> words_of(Command command) {
  std::vector<std::string> words;
  for (const auto* child : children(command)) words.push_back(child->get_name());
  for (const auto* option : options(command)) {
    for (auto& spelling : spellings(option)) words.push_back(std::move(spelling));
  }
  return words;
}

/// The options that swallow the next word, so that it is not taken for a command.
std::string value_options(Command root) {
  std::vector<std::string> out;
  walk(root, "", [&](Command command, const std::string&) {
    for (const auto* option : command->get_options()) {
      if (option->get_positional() || !takes_value(option)) continue;
      for (auto& spelling : spellings(option)) {
        if (std::find(out.begin(), out.end(), spelling) == out.end()) out.push_back(std::move(spelling));
      }
    }
  });
  std::string pattern;
  for (const auto& spelling : out) pattern += (pattern.empty() ? "" : "|") + spelling;
  return pattern;
}

}  // namespace

std::string bash_completion(const CLI::App& root) {
  std::string paths;
  std::string cases;
  walk(&root, "", [&](Command command, const std::string& path) {
    paths += "|'" + path + "'";
    cases += "    '" + path + "') words=" + quoted(joined(words_of(command)), "'\\''") +
             (has_file_argument(command) ? "; files=1" : "") + " ;;\n";
  });
  return "# bash completion for hanse: source <(hanse completion bash)\n"
         "_hanse() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} path= word next words= files= skip= i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    word=${COMP_WORDS[i]}\n"
         "    if [ -n \"$skip\" ]; then skip=; continue; fi\n"
         "    case $word in\n"
         "      " +
         value_options(&root) +
         ") skip=1; continue ;;\n"
         "      -*) continue ;;\n"
         "    esac\n"
         "    next=${path:+$path }$word\n"
         "    case $next in " +
         paths.substr(1) +
         ") path=$next ;; esac\n"
         "  done\n"
         "  case $path in\n" +
         cases +
         "  esac\n"
         "  if [ -n \"$skip\" ]; then files=1; words=; fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  if [ -n \"$files\" ]; then COMPREPLY+=($(compgen -f -- \"$current\")); fi\n"
         "}\n"
         "complete -o filenames -F _hanse hanse\n";
}

std::string zsh_completion(const CLI::App& root) {
  std::string paths;
  std::string cases;
  walk(&root, "", [&](Command command, const std::string& path) {
    paths += "|'" + path + "'";
    cases += "    '" + path + "')\n      words_here=(\n";
    const auto entry = [&](std::string name, const std::string& what) {
      // _describe splits at the first colon.
      cases += "        " + quoted(std::move(name) + ":" + what, "'\\''") + "\n";
    };
    for (const auto* child : children(command)) entry(child->get_name(), child->get_description());
    for (const auto* option : options(command)) {
      for (const auto& spelling : spellings(option)) entry(spelling, option->get_description());
    }
    cases += "      )\n" + std::string(has_file_argument(command) ? "      files=1\n" : "") + "      ;;\n";
  });
  return "#compdef hanse\n"
         "# zsh completion for hanse: put it into a folder of $fpath as _hanse\n"
         "_hanse() {\n"
         "  local here='' word next skip='' files='' i\n"
         "  local -a words_here\n"
         "  for ((i = 2; i < CURRENT; i++)); do\n"
         "    word=${words[i]}\n"
         "    if [[ -n $skip ]]; then skip=''; continue; fi\n"
         "    case $word in\n"
         "      (" +
         value_options(&root) +
         ") skip=1; continue ;;\n"
         "      (-*) continue ;;\n"
         "    esac\n"
         "    next=${here:+$here }$word\n"
         "    case $next in (" +
         paths.substr(1) +
         ") here=$next ;; esac\n"
         "  done\n"
         "  case $here in\n" +
         cases +
         "  esac\n"
         "  if [[ -n $skip ]]; then _files; return; fi\n"
         "  _describe -t commands 'hanse' words_here\n"
         "  if [[ -n $files ]]; then _files; fi\n"
         "}\n"
         "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _hanse \"$@\"; else compdef _hanse hanse; fi\n";
}

std::string fish_completion(const CLI::App& root) {
  std::string swallowing = value_options(&root);
  std::replace(swallowing.begin(), swallowing.end(), '|', ' ');
  std::string out =
      "# fish completion for hanse: hanse completion fish > ~/.config/fish/completions/hanse.fish\n"
      "function __hanse_path\n"
      "  set -l path\n"
      "  set -l skip\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    if test -n \"$skip\"\n"
      "      set skip\n"
      "      continue\n"
      "    end\n"
      "    switch $word\n"
      "      case " +
      swallowing +
      "\n"
      "        set skip 1\n"
      "      case '-*'\n"
      "      case '*'\n"
      "        set -a path $word\n"
      "    end\n"
      "  end\n"
      "  string join ' ' -- $path\n"
      "end\n"
      "function __hanse_at\n"
      "  set -l path (__hanse_path)\n"
      "  test \"$path\" = \"$argv\"\n"
      "end\n"
      "function __hanse_under\n"
      "  set -l path (__hanse_path)\n"
      "  test \"$path\" = \"$argv\"; or string match -q -- \"$argv *\" \"$path\"\n"
      "end\n"
      "complete -c hanse -f\n";
  walk(&root, "", [&](Command command, const std::string& path) {
    const std::string at = path.empty() ? "" : " " + path;
    for (const auto* child : children(command)) {
      out += "complete -c hanse -n " + quoted("__hanse_at" + at, "\\'") + " -a " + quoted(child->get_name(), "\\'") +
             " -d " + quoted(child->get_description(), "\\'") + "\n";
    }
    for (const auto* option : command->get_options()) {
      if (option->get_positional() || option->get_group().empty()) continue;
      out += "complete -c hanse";
      if (!path.empty()) out += " -n " + quoted("__hanse_under" + at, "\\'");
      for (const auto& name : option->get_snames()) out += " -s " + name;
      for (const auto& name : option->get_lnames()) out += " -l " + name;
      if (takes_value(option)) out += takes_file(option->get_type_name()) ? " -r -F" : " -r";
      out += " -d " + quoted(option->get_description(), "\\'") + "\n";
    }
    if (has_file_argument(command)) out += "complete -c hanse -n " + quoted("__hanse_under" + at, "\\'") + " -F\n";
  });
  return out;
}

}  // namespace hanse::cli
