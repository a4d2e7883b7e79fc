#include "client/job_lists.hpp"

#include <gmock/gmock.h>

namespace hanse::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::optional<std::string> here(const std::string& name) {
  return name == "HF_TOKEN" ? std::optional<std::string>("secret=1") : std::nullopt;
}

/// What one of the lists reads out of a line, or the message of its refusal.
template <class Parse>
auto read(const std::string& line, Parse parse) -> decltype(parse(std::declval<yaml::Map>())) {
  const auto document = yaml::parse(line);
  if (!document) return fail(document);
  const auto map = yaml::Map::from(*document, "a job", {"env", "ports", "outputs"});
  if (!map) return fail(map);
  return parse(*map);
}
auto env(const std::string& line) {
  return read("env: " + line, [](const yaml::Map& map) { return parse_env(map, here); });
}
auto ports(const std::string& line) {
  return read("ports: " + line, parse_ports);
}
auto outputs(const std::string& line) {
  return read("outputs: " + line, parse_outputs);
}
template <class T>
std::string refusal(const Result<T>& result) {
  return result ? "accepted" : result.error().message;
}

TEST(JobLists, VariablesAreTakenFromHereOrAsTheyAreWritten) {
  EXPECT_THAT(*env("[HF_TOKEN, EPOCHS=3, A=b=c, E=]"), ElementsAre("HF_TOKEN=secret=1", "EPOCHS=3", "A=b=c", "E="));
  EXPECT_THAT(*env("{A: b, MODE: 0755, LR: 1e-4, N: 1_000, ON: yes, T: true, Q: \"~\"}"),
              ElementsAre("A=b", "MODE=0755", "LR=1e-4", "N=1_000", "ON=yes", "T=true", "Q=~"));
  EXPECT_THAT(*env("{HF_TOKEN: , EMPTY: \"\"}"), ElementsAre("HF_TOKEN=secret=1", "EMPTY="));
  EXPECT_THAT(*env("{HF_TOKEN: ~}"), ElementsAre("HF_TOKEN=secret=1"));
  EXPECT_THAT(*env("\n  - A: b\n  - C=d\n  - HF_TOKEN:\n"), ElementsAre("A=b", "C=d", "HF_TOKEN=secret=1"));
  EXPECT_THAT(*env("A=b"), ElementsAre("A=b"));
  EXPECT_THAT(*env("{TEXT: \"two\\nlines\"}"), ElementsAre("TEXT=two\nlines"));
}

TEST(JobLists, AVariableThatIsNotSetIsNamed) {
  const auto missing = env("\n  - EPOCHS=1\n  - WANDB_KEY\n");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("line 3: WANDB_KEY is not set in your environment"));
  EXPECT_THAT(refusal(env("{WANDB_KEY: null}")), HasSubstr("WANDB_KEY is not set"));
}

TEST(JobLists, VariablesThatCannotBeAreRefused) {
  EXPECT_THAT(refusal(env("[1X=2]")), HasSubstr("no name of a variable"));
  EXPECT_THAT(refusal(env("[\"A: b\"]")), HasSubstr("no name of a variable"));
  EXPECT_THAT(refusal(env("{A-B: 1}")), HasSubstr("no name of a variable"));
  EXPECT_THAT(refusal(env("{A: [1, 2]}")), HasSubstr("the value of \"A\" must be text"));
  EXPECT_THAT(refusal(env("[{A: 1, B: 2}]")), HasSubstr("each item of env"));
  EXPECT_THAT(refusal(env("[~]")), HasSubstr("each item of env"));
  EXPECT_THAT(refusal(env("[A=1, A=2]")), HasSubstr("the variable A stands twice"));
  EXPECT_THAT(refusal(env("{A: 1, A: 2}")), HasSubstr("the variable A stands twice"));
  EXPECT_THAT(refusal(env("[A=1, A: 2]")), HasSubstr("the variable A stands twice"));
  EXPECT_EQ(refusal(env("[A=1, AB=2]")), "accepted");
  EXPECT_THAT(refusal(env("[HANSE_RANK=3]")), HasSubstr("is set by the machine"));
  EXPECT_THAT(refusal(env("[\"A=" + std::string(40'000, 'x') + "\"]")), HasSubstr("longer than 32 KiB"));
}

TEST(JobLists, PortsAreNumbersThatStandOnce) {
  EXPECT_THAT(*ports("[8888, 22]"), ElementsAre(8888, 22));
  EXPECT_THAT(*ports("\"8888\""), ElementsAre(8888));
  for (const auto* bad : {"[0]", "[65536]", "[8_888]", "[0x50]", "[010]", "8080:80", "[-1]", "[~]", "\"8888,8889\""}) {
    EXPECT_FALSE(ports(bad)) << bad;
  }
  EXPECT_THAT(refusal(ports("8080:80")), HasSubstr("'hanse forward'"));
  EXPECT_THAT(refusal(ports("[1, 1]")), HasSubstr("stands twice"));
  EXPECT_THAT(refusal(ports("{a: 1}")), HasSubstr("must be a list"));
}

TEST(JobLists, OutputsArePathsBelowTheWorkspace) {
  EXPECT_THAT(*outputs("[out.png, logs/, ./a//b, a/../c, .]"), ElementsAre("out.png", "logs/", "a/b", "c", "."));
  EXPECT_THAT(*outputs("[/workspace/out.png, /workspace/logs/, /workspace/../workspace/x]"),
              ElementsAre("out.png", "logs/", "x"));
  EXPECT_THAT(*outputs("/workspace"), ElementsAre("."));
  EXPECT_THAT(*outputs("\"a\\\\*b\""), ElementsAre("a\\*b")) << "an escape stays as it is written";
  for (const auto* bad : {"[../etc]", "[a/../../b]", "[/etc/passwd]", "[/]", "[/workspace2/x]", "[/workspace/../x]",
                          "['\\../x']", "[\"\"]"}) {
    EXPECT_THAT(refusal(outputs(bad)), HasSubstr("inside /workspace")) << bad;
  }
  EXPECT_THAT(refusal(outputs("[~/out.png]")), HasSubstr("a shell's ~"));
  EXPECT_THAT(refusal(outputs("[$NAME.png]")), HasSubstr("names a variable"));
  EXPECT_EQ(refusal(outputs("['\\$NAME.png']")), "accepted");
  EXPECT_THAT(refusal(outputs("{a: b}")), HasSubstr("must be a list"));
}

TEST(JobLists, OutputsMayBePatternsThatCanMatch) {
  EXPECT_THAT(*outputs("[\"res/*.txt\", \"*.log\", \"**/x?[a-c]\", \"/workspace/r*/\"]"),
              ElementsAre("res/*.txt", "*.log", "**/x?[a-c]", "r*"));
  EXPECT_THAT(refusal(outputs("['a[b']")),
              HasSubstr("line 1: outputs: \"a[b\" matches nothing: \"[b\" is a set that no"));
  EXPECT_THAT(refusal(outputs("['*/../../x']")), HasSubstr("inside /workspace"));
  EXPECT_THAT(refusal(outputs("['*/\\../x']")), HasSubstr("no path holds a name"));
}

}  // namespace
}  // namespace hanse::client
