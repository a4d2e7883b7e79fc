#include "provider/login_shell.hpp"

namespace hanse::provider {
namespace {

/// After the login files. In a subshell, so that no variable of it stays.
constexpr const char* kMendPath =
    "PATH=$(IFS=:; set -f; all=$HANSE_PATH; for one in $PATH; do case \":$all:\" in *\":$one:\"*) ;; "
    "*) all=$all:$one ;; esac; done; printf %s \"$all\")\n"
    "unset HANSE_PATH\n";

/// A shell reads the file that `variable` names; here that is a text of ours on descriptor 3. Gives the image its own
/// setting back.
std::string head_of_text(const std::string& variable) {
  return "exec 3<&-\nunset " + variable + "\n[ -z \"$HANSE_ENV\" ] || export " + variable +
         "=\"$HANSE_ENV\"\nunset HANSE_ENV\n";
}

std::string with_text(const std::string& shell, const std::string& variable, const std::string& text) {
  return "export HANSE_ENV=\"$" + variable + "\" " + variable + "=/dev/fd/3\nexec " + shell + " 3<<'end'\n" +
         head_of_text(variable) + text + "end\n";
}

std::string its_own_text(const std::string& variable) {
  return "[ -z \"$" + variable + "\" ] || . \"$" + variable + "\"\n";
}

/// A login bash on a terminal reads nothing after its login files, but in POSIX mode it reads a text of ours instead of
/// them. That one leaves the mode, undoes what it left behind, and reads them as bash does.
std::string bash_on_terminal() {
  return with_text("/bin/bash --posix -l", "ENV",
                   std::string("set +o posix\n"
                               "shopt -u inherit_errexit 2>/dev/null\n"
                               "[ \"$HISTFILE\" != ~/.sh_history ] || HISTFILE=~/.bash_history\n"
                               "[ \"$MAILCHECK\" != 600 ] || MAILCHECK=60\n"
                               "if [ -r /etc/profile ]; then . /etc/profile; fi\n"
                               "if [ -r ~/.bash_profile ]; then . ~/.bash_profile\n"
                               "elif [ -r ~/.bash_login ]; then . ~/.bash_login\n"
                               "elif [ -r ~/.profile ]; then . ~/.profile\n"
                               "fi\n") +
                       kMendPath);
}

}  // namespace

std::string login_shell_script(bool has_terminal) {
  const std::string bash =
      has_terminal ? bash_on_terminal() : with_text("/bin/bash -l", "BASH_ENV", kMendPath + its_own_text("BASH_ENV"));
  // A sh without a terminal reads nothing of ours: one that has read the login files starts it.
  const std::string sh = has_terminal ? with_text("/bin/sh -l", "ENV", kMendPath + its_own_text("ENV"))
                                      : std::string("exec /bin/sh -l -c '") + kMendPath + "exec /bin/sh'\n";
  return "export HANSE_PATH=\"$PATH\"\nif [ -x /bin/bash ]; then\n" + bash + "fi\n" + sh;
}

}  // namespace hanse::provider
