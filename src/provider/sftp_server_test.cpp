// The SFTP server against its protocol, in this process, on a temporary folder.

#include "provider/sftp_server.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/rng.hpp"

namespace hanse::provider {
namespace {

constexpr std::uint32_t kOk = 0, kEof = 1, kNoSuchFile = 2, kFailure = 4, kBadMessage = 5, kUnsupported = 8;

/// Writes a request's fields.
class Writer {
 public:
  Writer& u8(std::uint8_t v) { return bytes.push_back(v), *this; }
  Writer& u32(std::uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) u8(static_cast<std::uint8_t>(v >> shift));
    return *this;
  }
  Writer& u64(std::uint64_t v) { return u32(static_cast<std::uint32_t>(v >> 32)).u32(static_cast<std::uint32_t>(v)); }
  Writer& text(std::string_view v) {
    u32(static_cast<std::uint32_t>(v.size()));
    bytes.insert(bytes.end(), v.begin(), v.end());
    return *this;
  }
  Bytes bytes;
};

class SftpServerTest : public ::testing::Test {
 protected:
  SftpServerTest() {
    char name[] = "/tmp/hanse-sftp-XXXXXX";
    EXPECT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    SftpReplies out;
    EXPECT_TRUE(server_.answer(Writer().u8(1).u32(3).bytes, out));
  }
  ~SftpServerTest() override { std::filesystem::remove_all(folder_); }

  /// The reply's body after its type and id; both are checked.
  Bytes ask(std::uint8_t type, const Writer& fields, std::uint8_t expected) {
    Writer packet;
    packet.u8(type).u32(++id_);
    packet.bytes.insert(packet.bytes.end(), fields.bytes.begin(), fields.bytes.end());
    SftpReplies out;
    EXPECT_TRUE(server_.answer(packet.bytes, out));
    SftpReader reader(out.bytes());
    EXPECT_EQ(reader.u32(), out.bytes().size() - 4);
    EXPECT_EQ(reader.u8(), expected);
    EXPECT_EQ(reader.u32(), id_);
    EXPECT_TRUE(reader.good());
    return {out.bytes().begin() + 9, out.bytes().end()};
  }
  std::uint32_t status(std::uint8_t type, const Writer& fields) { return SftpReader(ask(type, fields, 101)).u32(); }
  std::string path(const std::string& name) const { return folder_ / name; }
  std::string open(const std::string& name, std::uint32_t flags) {
    const Bytes reply = ask(3, Writer().text(path(name)).u32(flags).u32(0), 102);
    return std::string(as_text(SftpReader(reply).string()));
  }

  SftpServer server_;
  std::filesystem::path folder_;
  std::uint32_t id_ = 0;
};

TEST_F(SftpServerTest, WritesAndReadsAnywhereInAFile) {
  const std::string handle = open("f", 1 | 2 | 8);
  EXPECT_EQ(status(6, Writer().text(handle).u64(3).text("world")), kOk);
  EXPECT_EQ(status(6, Writer().text(handle).u64(0).text("abc")), kOk);
  const Bytes reply = ask(5, Writer().text(handle).u64(1).u32(100), 103);
  EXPECT_EQ(as_text(SftpReader(reply).string()), "bcworld");
  EXPECT_EQ(status(5, Writer().text(handle).u64(8).u32(100)), kEof);
  EXPECT_EQ(status(4, Writer().text(handle)), kOk);
}

TEST_F(SftpServerTest, AReadIsNeverLongerThanAPacket) {
  std::ofstream(path("big")) << std::string(1'000'000, 'x');
  const std::string handle = open("big", 1);
  EXPECT_EQ(SftpReader(ask(5, Writer().text(handle).u64(0).u32(0xffffffff), 103)).u32(), kMaxSftpData);
}

TEST_F(SftpServerTest, AClosedHandleIsDeadThoughItsPlaceIsTakenAgain) {
  const std::string first = open("f", 2 | 8);
  EXPECT_EQ(status(4, Writer().text(first)), kOk);
  const std::string second = open("f", 2 | 8);
  EXPECT_NE(first, second);
  EXPECT_EQ(status(6, Writer().text(first).u64(0).text("x")), kFailure);
  EXPECT_EQ(status(4, Writer().text(first)), kFailure);
  EXPECT_EQ(status(4, Writer().text("")), kFailure);
}

TEST_F(SftpServerTest, HandlesHaveABound) {
  std::vector<std::string> handles;
  for (int i = 0; i < 128; ++i) handles.push_back(open("f", 2 | 8));
  EXPECT_EQ(status(3, Writer().text(path("f")).u32(1).u32(0)), kFailure);
  EXPECT_EQ(status(4, Writer().text(handles[5])), kOk);
  EXPECT_FALSE(open("f", 1).empty());
}

TEST_F(SftpServerTest, StatusCodesAreThoseOfTheDraft) {
  EXPECT_EQ(status(17, Writer().text(path("none"))), kNoSuchFile);
  EXPECT_EQ(status(17, Writer().text("")), kNoSuchFile);
  EXPECT_EQ(status(17, Writer().text(std::string_view("a\0b", 3))), kBadMessage);
  EXPECT_EQ(status(17, Writer().text(std::string(5000, 'a'))), kBadMessage);
  EXPECT_EQ(status(17, Writer().u32(0xfffffff0)), kBadMessage);
  EXPECT_EQ(status(99, Writer()), kUnsupported);
  EXPECT_EQ(status(200, Writer().text("no-such@example.com")), kUnsupported);
  EXPECT_EQ(status(5, Writer().text(open("f", 2 | 8 | 1)).u64(std::uint64_t{1} << 63).u32(1)), kBadMessage);
}

TEST_F(SftpServerTest, PlainRenameNeverReplacesAndPosixRenameDoes) {
  std::ofstream(path("a")) << "a";
  std::ofstream(path("b")) << "b";
  EXPECT_EQ(status(18, Writer().text(path("a")).text(path("b"))), kFailure);
  EXPECT_EQ(status(200, Writer().text("posix-rename@openssh.com").text(path("a")).text(path("b"))), kOk);
  EXPECT_FALSE(std::filesystem::exists(path("a")));
}

TEST_F(SftpServerTest, RealPathResolvesAndAllowsAMissingEnd) {
  std::filesystem::create_directories(path("d/e"));
  std::filesystem::create_symlink("d/e", path("link"));
  const auto real = [&](const std::string& text) {
    const Bytes reply = ask(16, Writer().text(text), 104);
    SftpReader reader(reply);
    EXPECT_EQ(reader.u32(), 1U);
    return std::string(as_text(reader.string()));
  };
  EXPECT_EQ(real(path("link/../e/new")), path("d/e/new"));
  EXPECT_EQ(real("/../.."), "/");
  EXPECT_EQ(real(""), std::filesystem::current_path());
  EXPECT_EQ(status(16, Writer().text(path("none/none"))), kNoSuchFile);
}

TEST_F(SftpServerTest, AttributesAreSetAsAsked) {
  std::ofstream(path("f")) << "hello";
  EXPECT_EQ(status(9, Writer().text(path("f")).u32(1 | 4 | 8).u64(2).u32(0640).u32(100).u32(200)), kOk);
  struct stat status_now{};
  ASSERT_EQ(::stat(path("f").c_str(), &status_now), 0);
  EXPECT_EQ(status_now.st_size, 2);
  EXPECT_EQ(status_now.st_mode & 07777, 0640U);
  EXPECT_EQ(status_now.st_mtim.tv_sec, 200);
}

TEST_F(SftpServerTest, OpeningAPipeDoesNotWait) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(open("pipe", 1).empty());
}

TEST_F(SftpServerTest, FirstComesTheGreeting) {
  SftpServer server;
  SftpReplies out;
  EXPECT_FALSE(server.answer(Writer().u8(17).u32(1).text("/").bytes, out));
  EXPECT_FALSE(SftpServer().answer({}, out));
  EXPECT_TRUE(out.bytes().empty());
}

TEST(ServeSftp, PacketsMayComeInAnyPieces) {
  int input[2], output[2];
  ASSERT_EQ(::pipe(input), 0);
  ASSERT_EQ(::pipe(output), 0);
  int code = -1;
  std::thread thread([&] {
    code = serve_sftp(input[0], output[1]);
    ::close(output[1]);
  });
  Writer stream;
  stream.u32(5).u8(1).u32(3);
  for (std::uint32_t i = 0; i < 100; ++i) stream.u32(10).u8(17).u32(i).text("/");
  constexpr std::uint64_t seed = 7;
  Rng rng(seed);
  for (std::size_t at = 0; at < stream.bytes.size();) {
    const std::size_t size = std::min<std::size_t>(1 + rng.below(7), stream.bytes.size() - at);
    at += static_cast<std::size_t>(::write(input[1], stream.bytes.data() + at, size));
  }
  ::close(input[1]);
  Bytes replies(100'000);
  std::size_t size = 0;
  for (ssize_t n = 0; (n = ::read(output[0], replies.data() + size, replies.size() - size)) > 0;)
    size += static_cast<std::size_t>(n);
  thread.join();
  EXPECT_EQ(code, 0) << "seed " << seed;
  SftpReader reader(ByteView(replies).first(size));
  std::uint32_t packets = 0;
  for (; !reader.at_end() && reader.good(); ++packets) reader.string();
  EXPECT_TRUE(reader.good());
  EXPECT_EQ(packets, 101U);
  ::close(input[0]);
  ::close(output[0]);
}

TEST(ServeSftp, AnOversizedPacketEndsIt) {
  int input[2];
  ASSERT_EQ(::pipe(input), 0);
  const Bytes bytes = Writer().u32(kMaxSftpPacket + 1).u8(1).bytes;
  ASSERT_EQ(::write(input[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  EXPECT_EQ(serve_sftp(input[0], input[1]), 1);
  ::close(input[0]);
  ::close(input[1]);
}

}  // namespace
}  // namespace hanse::provider
