// The command line itself: what parses, what is refused how, exit codes, completion.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/version.hpp"
#include "cli/command.hpp"
#include "cli/completion.hpp"
#include "cli/forwarder.hpp"
#include "cli/node_host.hpp"
#include "cli/testing.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

TEST_F(CommandTest, WhatIsNoOriginIsAUsageErrorAndSeveralMayBeNamed) {
  const std::vector<std::string> node{"node", "--genesis", folder_ / "none.yaml", "--data", folder_ / "data"};
  auto words = node;
  words.insert(words.end(), {"--cors-origin", "https://app.example.org", "--cors-origin", "app.example.org/"});
  const auto wrong = run_command(words);
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("\"app.example.org/\" is no origin"), std::string::npos) << wrong.err;
  words.back() = "*";
  const auto good = run_command(words);
  EXPECT_NE(good.code, 2) << "as far as the genesis that is not there: " << good.err;
  EXPECT_NE(good.err.find("none.yaml"), std::string::npos) << good.err;
  EXPECT_EQ(run_command({"up", "--cors-origin", "null"}).code, 2);
}

TEST_F(CommandTest, AnUnknownCommandNamesTheNearest) {
  const auto ran = run_command({"ofers"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("did you mean 'offers'?"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.out, "");
}

TEST_F(CommandTest, AnUnknownCommandNearNoneIsNamedItself) {
  const auto ran = run_command({"frobnicate", "--fast"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("there is no command 'frobnicate'"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("'hanse --help'"), std::string::npos) << ran.err;
}

TEST_F(CommandTest, UsageStandsAsItIsTyped) {
  EXPECT_NE(run_command({"run", "--help"}).out.find("Usage: hanse run "), std::string::npos);
  EXPECT_NE(run_command({"wallet", "send", "--help"}).out.find("Usage: hanse wallet send "), std::string::npos);
}

TEST_F(CommandTest, AnUnknownSubcommandNamesTheNearest) {
  const auto ran = run_command({"wallet", "shw"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("did you mean 'show'?"), std::string::npos) << ran.err;
}

TEST_F(CommandTest, AnUnknownOptionNamesTheNearest) {
  const auto ran = run_command({"offers", "--duraton", "1h"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("did you mean '--duration'?"), std::string::npos) << ran.err;
}

TEST_F(CommandTest, ABadDurationIsAUsageErrorThatSaysWhatIsExpected) {
  const auto ran = run_command({"extend", "lease-7", "10"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("error:"), std::string::npos);
  EXPECT_NE(ran.err.find("hint:"), std::string::npos);
}

TEST_F(CommandTest, SpotIsForThoseWhoBidWithinTheirOwnCeiling) {
  const auto refusal = [](std::vector<std::string> words) {
    words.insert(words.begin(), "rent");
    const auto ran = run_command(std::move(words));
    EXPECT_EQ(ran.code, 2) << ran.err;
    return ran.err;
  };
  EXPECT_NE(refusal({"--bid", "1"}).find("--spot"), std::string::npos);
  EXPECT_NE(refusal({"--spot", "--sealed"}).find("--bid"), std::string::npos);
  EXPECT_NE(refusal({"--spot", "--bid", "1", "--reserved"}).find("--reserved"), std::string::npos);
  EXPECT_NE(refusal({"--spot", "--bid=-1"}).find("--bid"), std::string::npos);
  EXPECT_NE(refusal({"--spot"}).find("above 0"), std::string::npos);
  EXPECT_NE(refusal({"--spot", "--bid", "0"}).find("above 0"), std::string::npos);
  EXPECT_NE(refusal({"--spot", "--bid", "2", "--max-price", "1"}).find("above max_price, 1.00"), std::string::npos);
}

TEST_F(CommandTest, TheVersionIsTheSameHoweverItIsAskedFor) {
  const auto flag = run_command({"--version"}), command = run_command({"version"});
  EXPECT_EQ(flag.code, 0) << flag.err;
  EXPECT_EQ(flag.out, "hanse " + std::string(version()) + "\n");
  EXPECT_EQ(command.out, flag.out);
  EXPECT_EQ(nlohmann::json::parse(run_command({"version", "--json"}).out)["version"], version());
}

TEST_F(CommandTest, NoCommandPrintsHelpAndIsAUsageError) {
  const auto ran = run_command({});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.out.find("offers"), std::string::npos);
}

TEST_F(CommandTest, EveryCommandHasHelpAndEveryLeafAnExample) {
  Program program;
  add_all(program);
  std::function<void(CLI::App*)> visit = [&](CLI::App* command) {
    EXPECT_FALSE(command->get_description().empty()) << command->get_name();
    const auto below = command->get_subcommands([](CLI::App*) { return true; });
    if (below.empty() && command->get_name() != "version") {
      EXPECT_NE(command->get_footer().find("hanse "), std::string::npos) << command->get_name();
    }
    for (auto* sub : below) visit(sub);
  };
  for (auto* command : program.app.get_subcommands([](CLI::App*) { return true; })) visit(command);
}

TEST_F(CommandTest, ANodeThatDoesNotAnswerIsExitCodeFive) {
  const auto ran = run_command({"status", "--node", "http://127.0.0.1:1"});
  EXPECT_EQ(ran.code, 5) << ran.err;
  EXPECT_NE(ran.err.find("hint:"), std::string::npos);
}

TEST_F(CommandTest, RunUsesItsOwnRangeOfExitCodes) {
  std::ofstream(folder_ / "job.yaml") << "name: x\nimage: debian\nrun: echo hi\nmax_price: 1\nmax_duration: 1m\n";
  std::ofstream(folder_ / "bad.yaml") << "name: x\nimagee: debian\n";
  ::setenv("HANSE_PASSPHRASE", "correct horse", 1);
  ASSERT_EQ(run_command({"wallet", "new"}).code, 0);
  EXPECT_EQ(run_command({"run", (folder_ / "job.yaml").string(), "--node", "http://127.0.0.1:1"}).code, 123);
  const auto bad = run_command({"run", (folder_ / "bad.yaml").string()});
  EXPECT_EQ(bad.code, 120);
  EXPECT_NE(bad.err.find("image"), std::string::npos) << bad.err;
}

TEST_F(CommandTest, JsonErrorsAreJsonOnStdout) {
  const auto ran = run_command({"status", "--json", "--node", "http://127.0.0.1:1"});
  EXPECT_EQ(ran.code, 5);
  const auto body = nlohmann::json::parse(ran.out, nullptr, false);
  ASSERT_TRUE(body.is_object()) << ran.out;
  EXPECT_EQ(body["error"]["code"], "unavailable");
}

TEST_F(CommandTest, AWalletIsMadeOnceAndOpensOnlyWithItsPassphrase) {
  ::setenv("HANSE_PASSPHRASE", "correct horse", 1);
  const auto made = run_command({"wallet", "new", "--json"});
  ASSERT_EQ(made.code, 0) << made.err;
  const auto address = nlohmann::json::parse(made.out)["address"].get<std::string>();
  EXPECT_TRUE(address.starts_with("hanse1"));
  EXPECT_EQ(run_command({"wallet", "new"}).code, 1) << "never overwritten";

  const auto secret = run_command({"wallet", "export", "--yes"});
  EXPECT_EQ(secret.code, 0) << secret.err;
  EXPECT_EQ(secret.out.size(), 65U);
  ::setenv("HANSE_PASSPHRASE", "wrong", 1);
  EXPECT_EQ(run_command({"wallet", "export", "--yes"}).code, 4);
}

TEST_F(CommandTest, WithoutAPassphraseOrATerminalItSaysHowToGiveOne) {
  const auto ran = run_command({"wallet", "new"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("HANSE_PASSPHRASE"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("--passphrase-fd"), std::string::npos) << ran.err;
}

TEST_F(CommandTest, NoWalletSaysHowToMakeOne) {
  const auto ran = run_command({"ps"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("hanse wallet new"), std::string::npos) << ran.err;
}

TEST_F(CommandTest, ConfigNamesTheNode) {
  std::ofstream(folder_ / "config.yaml") << "node: http://127.0.0.1:2\n";
  EXPECT_NE(run_command({"status"}).err.find("127.0.0.1:2"), std::string::npos);
  std::ofstream(folder_ / "config.yaml") << "nod: x\n";
  const auto ran = run_command({"status"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("did you mean node?"), std::string::npos) << ran.err;
}

TEST(ExitCode, IsStable) {
  EXPECT_EQ(static_cast<int>(exit_of(ErrorCode::no_match)), 3);
  EXPECT_EQ(static_cast<int>(exit_of(ErrorCode::denied)), 4);
  EXPECT_EQ(static_cast<int>(exit_of(ErrorCode::unavailable)), 5);
  EXPECT_EQ(static_cast<int>(exit_of(ErrorCode::insufficient_funds)), 6);
  EXPECT_EQ(run_exit_of(Exit::failed), 120);
  EXPECT_EQ(run_exit_of(Exit::no_match), 121);
  EXPECT_EQ(run_exit_of(Exit::not_authorized), 122);
  EXPECT_EQ(run_exit_of(Exit::unreachable), 123);
  EXPECT_EQ(run_exit_of(Exit::no_funds), 124);
  EXPECT_EQ(run_exit_of(Exit::job_not_started), 125);
}

TEST(Ports, AreOneOrTwoNumbers) {
  EXPECT_EQ(parse_ports("8888")->remote, 8888);
  EXPECT_EQ(parse_ports("8080:80")->local, 8080);
  EXPECT_EQ(parse_ports("8080:80")->remote, 80);
  for (const auto* bad : {"", "0", "65536", "80:", ":80", "a", "80:90:100", "-1"})
    EXPECT_FALSE(parse_ports(bad)) << bad;
}

TEST(Listen, IsHostAndPort) {
  EXPECT_EQ(parse_listen("[::1]:7070")->first, "::1");
  EXPECT_EQ(parse_listen(":0")->first, "0.0.0.0");
  for (const auto* bad : {"", "localhost", "x:", "x:99999", "x:-1"}) EXPECT_FALSE(parse_listen(bad)) << bad;
}

/// The shell's own opinion of a script. A shell that is missing fails: scripts/install-dependencies installs them all.
bool parses(const std::string& shell, const std::string& options, const std::string& script) {
  std::FILE* pipe = ::popen((shell + " " + options + " >/dev/null").c_str(), "w");
  std::fwrite(script.data(), 1, script.size(), pipe);
  return ::pclose(pipe) == 0;
}

TEST(Completion, ScriptsParseInTheirShells) {
  Program program;
  add_all(program);
  EXPECT_TRUE(parses("bash", "-n", bash_completion(program.app)));
  EXPECT_TRUE(parses("zsh", "-n", zsh_completion(program.app)));
  EXPECT_TRUE(parses("fish", "--no-execute", fish_completion(program.app)));
  EXPECT_FALSE(parses("bash", "-n", "if then")) << "the check itself must be able to fail";
}

/// What a shell prints for the script and the lines after it.
std::string output_of(const std::string& shell, const std::string& script, const std::string& lines) {
  const auto file = std::filesystem::temp_directory_path() / ("hanse-completion-" + std::to_string(::getpid()));
  std::ofstream(file) << script << lines;
  std::FILE* pipe = ::popen((shell + " " + file.string() + " 2>&1").c_str(), "r");
  std::string out(4096, '\0');
  out.resize(std::fread(out.data(), 1, out.size(), pipe));
  ::pclose(pipe);
  std::filesystem::remove(file);
  return out;
}

/// What bash would offer for the line, the last word being completed.
std::string bash_offers(const std::string& script, const std::string& words) {
  return output_of("bash", script,
                   "COMP_WORDS=(" + words + ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n" +
                       "_hanse\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
}

/// The words that fish would offer, without what it says of them.
std::string fish_offers(const std::string& script, const std::string& line) {
  return output_of("fish --no-config", script, "complete -C '" + line + "' | string replace -r '\\t.*' ''\n");
}

/// What zsh's completion is given to choose from (all words of that place: zsh itself picks those that fit).
std::string zsh_offers(const std::string& script, const std::string& words) {
  return output_of("zsh -f", "compdef() { }\n" + script,
                   "_describe() { print -l -- ${words_here%%:*} }\n_files() { print FILES }\nwords=(" + words +
                       ")\nCURRENT=${#words}\n_hanse\n");
}

TEST(Completion, BashOffersCommandsSubcommandsAndOptions) {
  Program program;
  add_all(program);
  const auto script = bash_completion(program.app);
  EXPECT_EQ(bash_offers(script, "hanse off"), "offers\n");
  EXPECT_EQ(bash_offers(script, "hanse wallet sh"), "show\n");
  EXPECT_EQ(bash_offers(script, "hanse --node URL offers --exp"), "--explain\n");
  EXPECT_EQ(bash_offers(script, "hanse offers --js"), "--json\n") << "global options hold everywhere";
}

TEST(Completion, FishOffersCommandsSubcommandsAndOptions) {
  Program program;
  add_all(program);
  const auto script = fish_completion(program.app);
  EXPECT_EQ(fish_offers(script, "hanse pro"), "provider\n");
  EXPECT_EQ(fish_offers(script, "hanse wallet sh"), "show\n");
  EXPECT_EQ(fish_offers(script, "hanse --node URL wallet sh"), "show\n");
  EXPECT_EQ(fish_offers(script, "hanse offers --exp"), "--explain\n");
  EXPECT_EQ(fish_offers(script, "hanse offers --js"), "--json\n") << "global options hold everywhere";
}

TEST(Completion, ZshOffersCommandsSubcommandsAndOptions) {
  Program program;
  add_all(program);
  const auto script = zsh_completion(program.app);
  EXPECT_THAT(zsh_offers(script, "hanse pro"), ::testing::HasSubstr("provider\n"));
  EXPECT_THAT(zsh_offers(script, "hanse --node URL wallet sh"), ::testing::HasSubstr("show\n"));
  EXPECT_THAT(zsh_offers(script, "hanse --node URL wallet sh"), ::testing::Not(::testing::HasSubstr("provider\n")));
  EXPECT_THAT(zsh_offers(script, "hanse run x"), ::testing::HasSubstr("FILES\n"));
}

TEST(Completion, NamesEveryCommandInEveryShell) {
  Program program;
  add_all(program);
  for (const auto* command : program.app.get_subcommands([](CLI::App*) { return true; })) {
    for (const auto& script :
         {bash_completion(program.app), zsh_completion(program.app), fish_completion(program.app)}) {
      EXPECT_NE(script.find(command->get_name()), std::string::npos) << command->get_name();
    }
  }
}

}  // namespace
}  // namespace hanse::cli
