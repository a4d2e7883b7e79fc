// The far side of scp against its protocol, in this process, on a temporary folder.

#include "provider/scp_server.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/bytes.hpp"
#include "provider/descriptor.hpp"

namespace hanse::provider {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::string_literals;

class ScpServerTest : public ::testing::Test {
 protected:
  ScpServerTest() {
    char name[] = "/tmp/hanse-scp-XXXXXX";
    EXPECT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
  }
  ~ScpServerTest() override { std::filesystem::remove_all(folder_); }

  struct Served {
    int code = 0;
    std::string said;
  };
  /// All that the client says is there at once: nothing that the server says changes it.
  Served serve(const std::string& options, const std::string& names, std::string_view input) {
    const auto command = parse_scp_command("scp " + options + " " + names);
    EXPECT_TRUE(command);
    const Descriptor in(::memfd_create("in", MFD_CLOEXEC)), out(::memfd_create("out", MFD_CLOEXEC));
    EXPECT_EQ(::pwrite(in.get(), input.data(), input.size(), 0), static_cast<ssize_t>(input.size()));
    Served served;
    served.code = serve_scp(*command, in.get(), out.get());
    served.said.resize(static_cast<std::size_t>(::lseek(out.get(), 0, SEEK_END)));
    EXPECT_EQ(::pread(out.get(), served.said.data(), served.said.size(), 0), static_cast<ssize_t>(served.said.size()));
    return served;
  }
  Served take(std::string_view input, const std::string& options = "-rt") { return serve(options, path(""), input); }
  Served give(const std::string& name, const std::string& options = "-rf") {
    return serve(options, path(name), std::string(1000, '\0'));
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] std::string text(const std::string& name) const {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::filesystem::path folder_;
};

const std::string kAgreed = "\0"s;

std::string agreed(std::size_t times) {
  return std::string(times, '\0');
}

TEST_F(ScpServerTest, TakesFilesAndFolders) {
  const auto took = take("C0640 5 one\nhello\0D0755 0 d\nC0600 0 two\n\0E\n"s);
  EXPECT_EQ(took.code, 0);
  EXPECT_EQ(took.said, agreed(7));
  EXPECT_EQ(text("one"), "hello");
  EXPECT_TRUE(std::filesystem::exists(path("d/two")));
}

TEST_F(ScpServerTest, KeepsTimesAndModesIfAsked) {
  const auto input = "T100 0 200 0\nC4777 2 x\nhi\0T300 500000 7 0\nD0711 0 d\nE\n"s;
  ASSERT_EQ(take(input, "-rpt").code, 0);
  struct stat status{};
  ASSERT_EQ(::stat(path("x").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 04777U);
  EXPECT_EQ(status.st_mtim.tv_sec, 100);
  EXPECT_EQ(status.st_atim.tv_sec, 200);
  ASSERT_EQ(::stat(path("d").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0711U);
  EXPECT_EQ(status.st_mtim.tv_sec, 300);
  EXPECT_EQ(status.st_mtim.tv_nsec, 500'000'000);
}

TEST_F(ScpServerTest, WithoutTheMaskDecides) {
  ASSERT_EQ(take("C0466 1 x\nh\0D0777 0 d\nE\n"s).code, 0);
  struct stat status{};
  ASSERT_EQ(::stat(path("x").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0444U);
  ASSERT_EQ(::stat(path("d").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0755U);
}

TEST_F(ScpServerTest, ALongerFileIsCutAndKeepsItsMode) {
  std::ofstream(path("x")) << "something longer";
  std::filesystem::permissions(path("x"), std::filesystem::perms(0601));
  ASSERT_EQ(take("C0777 2 x\nhi\0"s).code, 0);
  EXPECT_EQ(text("x"), "hi");
  EXPECT_EQ(std::filesystem::status(path("x")).permissions(), std::filesystem::perms(0601));
}

TEST_F(ScpServerTest, HostileRecordsEndIt) {
  using namespace std::string_view_literals;
  for (const auto record : {"C0644 18446744073709551615 x\n"sv,
                            "C0644 9223372036854775808 x\n"sv,
                            "C0644 -1 x\n"sv,
                            "C0644  x\n"sv,
                            "C064 1 x\n"sv,
                            "C0648 1 x\n"sv,
                            "C06444 1 x\n"sv,
                            "C0644 1\n"sv,
                            "C0644 1 \n"sv,
                            "C0644 1 ..\n"sv,
                            "C0644 1 .\n"sv,
                            "C0644 1 a/b\n"sv,
                            "C0644 1 ../b\n"sv,
                            "C0644 1 a\0b\n"sv,
                            "D0755 0 ..\n"sv,
                            "D0755 0 /tmp\n"sv,
                            "E\n"sv,
                            "\n"sv,
                            "X\n"sv,
                            "T1 0 1\n"sv,
                            "T1 1000000 1 0\n"sv,
                            "T99999999999999999999 0 1 0\n"sv,
                            "T-1 0 1 0\n"sv}) {
    const auto took = take(std::string(record) + "yy");
    EXPECT_EQ(took.code, 1) << record;
    EXPECT_THAT(took.said.substr(1), StartsWith("\1scp: ")) << record;
    EXPECT_EQ(took.said.find('\n'), took.said.size() - 1) << record;
    EXPECT_TRUE(std::filesystem::is_empty(folder_)) << record;
  }
  EXPECT_THAT(take("C0644 18446744073709551615 x\n").said, HasSubstr("size out of range"));
  EXPECT_THAT(take(std::string(9000, 'C')).said, HasSubstr("a line is too long"));
  EXPECT_THAT(take("D0755 0 d\n", "-t").said, HasSubstr("received directory without -r"));
}

TEST_F(ScpServerTest, WhatBreaksOffIsAFailure) {
  EXPECT_EQ(take("C0644 9223372036854775807 x\nhello").code, 1);
  EXPECT_LE(std::filesystem::file_size(path("x")), 5U);
  EXPECT_EQ(take("C0644 1").code, 1);
  EXPECT_EQ(take("").code, 0) << "nothing was to come";
  EXPECT_EQ(take("\1scp: no such file\n").code, 1);
}

TEST_F(ScpServerTest, OneFileThatCannotBeWrittenLeavesTheOthers) {
  std::filesystem::create_directory(path("x"));
  // After a refusal the client goes on with its next record.
  const auto took = take("C0644 1 x\nC0644 1 y\nz\0"s);
  EXPECT_EQ(took.code, 1);
  EXPECT_EQ(took.said, kAgreed + "\1scp: " + path("") + "/x: Is a directory\n" + agreed(2));
  EXPECT_EQ(text("y"), "z");
}

TEST_F(ScpServerTest, FoldersGoDeepAndNotForEver) {
  std::string input;
  for (std::size_t i = 0; i <= kMaxScpDepth; ++i) input += "D0755 0 d\n";
  EXPECT_THAT(take(input).said, HasSubstr("more than 128 folders deep"));
}

TEST_F(ScpServerTest, TheTargetMustBeThere) {
  EXPECT_THAT(serve("-dt", path("none"), "").said, HasSubstr("Not a directory"));
  EXPECT_THAT(serve("-t", path("none/x"), "C0644 1 x\n").said, HasSubstr("No such file"));
  std::ofstream(path("a1")) << 1;
  std::ofstream(path("a2")) << 1;
  EXPECT_EQ(serve("-t", path("a*"), "").said, "\1scp: ambiguous target\n");
}

TEST_F(ScpServerTest, GivesFilesAndFolders) {
  std::filesystem::create_directory(path("d"));
  std::ofstream(path("d/x")) << "hello";
  std::filesystem::permissions(path("d/x"), std::filesystem::perms(0640));
  std::filesystem::permissions(path("d"), std::filesystem::perms(0750));
  const auto gave = give("d");
  EXPECT_EQ(gave.code, 0);
  EXPECT_EQ(gave.said, "D0750 0 d\nC0640 5 x\nhello" + kAgreed + "E\n");
  const timespec times[2] = {{200, 0}, {100, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path("d/x").c_str(), times, 0), 0);
  EXPECT_EQ(give("d/x", "-pf").said, "T100 0 200 0\nC0640 5 x\nhello" + kAgreed);
}

TEST_F(ScpServerTest, WhatCannotBeGivenIsSaidAndTheRestGoes) {
  std::ofstream(path("x")) << "1";
  std::filesystem::create_directory(path("d"));
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const auto gave = serve("-f", path("none") + " " + path("d") + " " + path("pipe") + " " + path("x"), agreed(9));
  EXPECT_EQ(gave.code, 1);
  EXPECT_THAT(gave.said, StartsWith("\1scp: " + path("none") + ": No such file or directory\n\1scp: " + path("d") +
                                    ": not a regular file\n\1scp: " + path("pipe") + ": not a regular file\nC"));
  EXPECT_THAT(gave.said, ::testing::EndsWith(" 1 x\n1" + kAgreed));
}

TEST_F(ScpServerTest, LinksAreFollowedButNotInACircle) {
  std::filesystem::create_directory(path("d"));
  std::ofstream(path("x")) << "1";
  std::filesystem::create_symlink("../x", path("d/link"));
  EXPECT_THAT(give("d").said, HasSubstr("1 link\n1"));
  std::filesystem::create_symlink("..", path("d/up"));
  const auto gave = give("");
  EXPECT_EQ(gave.code, 1);
  EXPECT_THAT(gave.said, HasSubstr("d/up: a link in a circle\n"));
}

TEST_F(ScpServerTest, ANameOfTwoLinesStaysOneRecord) {
  std::ofstream(path("a\nb")) << "1";
  EXPECT_THAT(give("*").said, HasSubstr(" 1 a\\^Jb\n1"));
}

TEST_F(ScpServerTest, AClientThatDeclinesOrGoesIsHeard) {
  std::ofstream(path("x")) << "hello";
  const auto declined = serve("-f", path("x"), "\0\1scp: no room\n"s);
  EXPECT_EQ(declined.code, 1);
  EXPECT_EQ(declined.said.find("hello"), std::string::npos);
  EXPECT_EQ(serve("-f", path("x"), "\0"s).code, 1);
  EXPECT_EQ(serve("-f", path("x"), "").said, "");
}

TEST_F(ScpServerTest, AFileThatCannotBeReadToItsEndIsToldAfterAsManyBytes) {
  const auto gave = serve("-f", "/proc/self/mem", agreed(9));
  EXPECT_EQ(gave.code, 0) << "a file of no bytes";
  std::ofstream(path("full")) << "x";
  const auto took = serve("-t", "/dev/full", "C0644 5 x\nhello\0C0644 0 y\n\0"s);
  EXPECT_EQ(took.code, 1);
  EXPECT_EQ(took.said, agreed(2) + "\1scp: /dev/full: No space left on device\n" + agreed(2));
}

}  // namespace
}  // namespace hanse::provider
