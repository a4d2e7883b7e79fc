// Copies to and from an SFTP server in a process of its own, over a socket.

#include "cli/copy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "provider/sftp_server.hpp"

namespace hanse::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::uint64_t kMb = 1'000'000, kHuge = 1ULL << 42;  ///< More than any disk of these machines has free.

/// The end of a server that is gone at the latest with this.
class ServedChannel final : public ByteChannel {
 public:
  explicit ServedChannel(std::uint64_t most_file_bytes) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    server_ = ::fork();
    if (server_ == 0) {
      ::close(ends[0]);
      limit_files(most_file_bytes);
      ::_exit(provider::serve_sftp(ends[1], ends[1]));
    }
    ::close(ends[1]);
    socket_ = provider::Descriptor(ends[0]);
  }
  ~ServedChannel() override { kill(); }
  void kill() {
    if (server_ <= 0) return;
    ::kill(server_, SIGKILL);
    ::waitpid(server_, nullptr, 0);
    server_ = 0;
  }
  /// As a full disk would: an error at a write.
  static void limit_files(std::uint64_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = std::min<rlim_t>(bytes, limit.rlim_max);
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }

  Result<> write(ByteView bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return fail(ErrorCode::unavailable, "gone");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
  }
  Result<std::size_t> read(std::uint8_t* out, std::size_t size, int) override {
    const ssize_t n = ::read(socket_.get(), out, size);
    if (n < 0) return fail(ErrorCode::unavailable, "gone");
    return static_cast<std::size_t>(n);
  }
  [[nodiscard]] std::string complaint() const override { return ""; }

 private:
  provider::Descriptor socket_;
  pid_t server_ = 0;
};

class CopyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hanse-copy-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::create_directories(folder_ / "here");
    fs::create_directories(folder_ / "there");
    serve(UINT64_MAX);
  }
  void TearDown() override {
    sftp_.reset();
    fs::remove_all(folder_);
  }
  void serve(std::uint64_t most_file_bytes) {
    auto channel = std::make_unique<ServedChannel>(most_file_bytes);
    channel_ = channel.get();
    sftp_ = Sftp::open(std::move(channel)).value();
  }
  /// A file of so many zeros, which take no room.
  LocalFile file(const std::string& name, std::uint64_t size) const {
    std::ofstream(folder_ / name).put('x');
    fs::resize_file(folder_ / name, size);
    return {folder_ / name, fs::path(name).filename(), size, 0644, 1000, false};
  }
  std::vector<std::string> names(const std::string& folder) const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_ / folder)) out.push_back(entry.path().filename());
    return out;
  }
  [[nodiscard]] std::string there(const std::string& name) const { return folder_ / "there" / name; }

  fs::path folder_;
  ServedChannel* channel_ = nullptr;
  std::unique_ptr<Sftp> sftp_;
};

TEST_F(CopyTest, WhatDoesNotFitThereIsRefusedBeforeItIsSent) {
  LocalTree tree;
  tree.folders = {"d"};
  tree.files = {{folder_ / "none", "d/big", kHuge, 0644, 1000, false}};
  tree.bytes = kHuge;
  for (const std::string target : {"", "not/yet/there"}) {
    const auto refused = upload(*sftp_, tree, there(target), {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::io);
    EXPECT_THAT(refused.error().message, HasSubstr("4.4 TB are to come and "));
    EXPECT_THAT(refused.error().message, HasSubstr("there"));
    EXPECT_THAT(refused.error().message, HasSubstr(" of the lease: make room, or copy less of it"));
  }
  EXPECT_FALSE(upload_file(*sftp_, tree.files[0], there("big"), {}));
  EXPECT_THAT(names("there"), ::testing::IsEmpty());
  CopyOptions unchecked;
  unchecked.checks_room = false;
  EXPECT_TRUE(upload(*sftp_, tree, there(""), unchecked)) << "the local file is missing: left out";
}

TEST_F(CopyTest, WhatIsThereNeedsNoRoom) {
  const LocalFile big = file("here/big", kHuge + 5);
  fs::remove(big.path);
  (void)file("there/" + part_name("big", big.size, big.modified_s), kHuge);
  const auto report = upload_file(*sftp_, big, there("big"), {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->skipped.size(), 1U) << "it came as far as opening the file here";
  CopyOptions anew;
  anew.resume = false;
  EXPECT_FALSE(upload_file(*sftp_, big, there("big"), anew));
}

TEST_F(CopyTest, ACopyUpThatFailsForGoodLeavesNoPart) {
  serve(12 * kMb);
  const auto failed = upload_file(*sftp_, file("here/big", 20 * kMb), there("big"), {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::io);
  EXPECT_THAT(names("there"), ::testing::IsEmpty());
  // Its own name is taken by a folder that is not empty.
  fs::create_directories(there("big/x"));
  EXPECT_FALSE(upload_file(*sftp_, file("here/big", 10 * kMb), there("big"), {}));
  EXPECT_THAT(names("there"), ::testing::ElementsAre("big"));
}

TEST_F(CopyTest, ACopyUpThatBrokeOffGoesOn) {
  const LocalFile big = file("here/big", 40 * kMb);
  CopyOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t) {
    if (done > 12 * kMb) channel_->kill();
  };
  const auto broken = upload_file(*sftp_, big, there("big"), options);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::unavailable);
  EXPECT_THAT(names("there"), ::testing::ElementsAre(part_name("big", big.size, big.modified_s)));
  serve(UINT64_MAX);
  const auto report = upload_file(*sftp_, big, there("big"), {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GT(report->resumed_bytes, 5 * kMb);
  EXPECT_THAT(names("there"), ::testing::ElementsAre("big"));
}

TEST_F(CopyTest, ACopyDownThatFailsForGoodLeavesNoPart) {
  (void)file("there/big", 20 * kMb);
  ServedChannel::limit_files(12 * kMb);
  const auto failed = download(*sftp_, there("big"), folder_ / "here" / "big", {});
  ServedChannel::limit_files(UINT64_MAX);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("cannot write"));
  EXPECT_THAT(names("here"), ::testing::IsEmpty());
}

TEST_F(CopyTest, ACopyDownThatWasStoppedGoesOn) {
  (void)file("there/big", 40 * kMb);
  std::uint64_t come = 0;
  CopyOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t) { come = done; };
  options.stopped = [&] { return come > 12 * kMb; };
  ASSERT_FALSE(download(*sftp_, there("big"), folder_ / "here" / "big", options));
  EXPECT_EQ(names("here").size(), 1U);
  serve(UINT64_MAX);
  const auto report = download(*sftp_, there("big"), folder_ / "here" / "big", {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GT(report->resumed_bytes, 5 * kMb);
  EXPECT_THAT(names("here"), ::testing::ElementsAre("big"));
}

TEST_F(CopyTest, WhatGoesAwayWhileAFolderIsCopiedIsSaidAndCostsNoOtherFile) {
  for (const std::string name : {"a", "b", "c"}) (void)file("there/" + name, kMb);
  CopyOptions options;
  options.progress = [&](std::uint64_t, std::uint64_t) {
    const auto here = names("here");  // by the order that the server lists them in, one is copied and one is not
    for (const std::string name : {"a", "b", "c"}) {
      const bool begun = std::any_of(here.begin(), here.end(), [&](const auto& n) { return n.contains(name + "."); });
      if (here.size() == 1 && !begun && names("there").size() == 3) fs::remove(there(name));
    }
  };
  const auto report = download(*sftp_, there(""), folder_ / "here", options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->files, 2U);
  ASSERT_EQ(report->skipped.size(), 1U);
  EXPECT_THAT(report->skipped[0], HasSubstr("went away"));
}

TEST_F(CopyTest, AFileThatCannotComeCostsNoOther) {
  for (const std::string name : {"a", "b", "c"}) (void)file("there/" + name, 100);
  fs::create_directories(folder_ / "here" / "b" / "x");  // in the way
  const auto report = download(*sftp_, there(""), folder_ / "here", {});
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message, HasSubstr("/b: "));
  EXPECT_THAT(names("here"), ::testing::UnorderedElementsAre("a", "b", "c"));
}

TEST_F(CopyTest, WhatLayHereBeforeIsNotTakenForWhatIsToCome) {
  const auto write = [&](const fs::path& to, const std::string& text) {
    std::ofstream(to) << text;
    fs::last_write_time(to, fs::file_time_type::clock::time_point(std::chrono::seconds(-1000)));
  };
  write(there("result"), "new");
  write(folder_ / "here" / "result", "old");
  std::set<fs::path> brought;
  CopyOptions options;
  options.brought = &brought;
  options.part_of = "lease-7";
  const auto target = folder_ / "here" / "result";
  const auto read = [&] {
    std::string text;
    std::ifstream(target) >> text;
    return text;
  };
  ASSERT_TRUE(download(*sftp_, there("result"), target, options));
  EXPECT_EQ(read(), "new");
  write(there("result"), "why");
  ASSERT_TRUE(download(*sftp_, there("result"), target, options));
  EXPECT_EQ(read(), "new") << "this very copy has brought it";
  brought.clear();
  ASSERT_TRUE(download(*sftp_, there("result"), target, options));
  EXPECT_EQ(read(), "why");
  EXPECT_NE(part_name("a", 1, 2, "lease-7"), part_name("a", 1, 2));
}

/// A server that knows no extension, and finds at each close that the file could not be kept.
class ScriptedChannel final : public ByteChannel {
 public:
  explicit ScriptedChannel(int& requests) : requests_(requests) {}
  /// One request.
  Result<> write(ByteView bytes) override {
    constexpr std::uint8_t kInit = 1, kOpen = 3, kClose = 4, kStat = 17;
    ++requests_;
    const std::uint8_t type = bytes[4];
    if (type == kInit) {
      reply_.insert(reply_.end(), {0, 0, 0, 5, 2, 0, 0, 0, 3});
      return {};
    }
    const std::uint8_t status = type == kClose ? 4 : type == kStat ? 2 : 0;
    const Bytes handle{102, bytes[5], bytes[6], bytes[7], bytes[8], 0, 0, 0, 1, 'h'};
    const Bytes told{101, bytes[5], bytes[6], bytes[7], bytes[8], 0, 0, 0, status, 0, 0, 0, 0, 0, 0, 0, 0};
    const Bytes& body = type == kOpen ? handle : told;
    reply_.insert(reply_.end(), {0, 0, 0, static_cast<std::uint8_t>(body.size())});
    reply_.insert(reply_.end(), body.begin(), body.end());
    return {};
  }
  Result<std::size_t> read(std::uint8_t* out, std::size_t size, int) override {
    const std::size_t n = std::min(size, reply_.size());
    std::copy_n(reply_.begin(), n, out);
    reply_.erase(reply_.begin(), reply_.begin() + static_cast<std::ptrdiff_t>(n));
    return n;
  }
  [[nodiscard]] std::string complaint() const override { return ""; }

 private:
  int& requests_;
  Bytes reply_;
};

TEST_F(CopyTest, AServerThatCannotTellItsSpaceIsNotAsked) {
  int requests = 0;
  const auto sftp = Sftp::open(std::make_unique<ScriptedChannel>(requests)).value();
  const auto space = sftp->space("/");
  ASSERT_TRUE(space);
  EXPECT_FALSE(*space);
  EXPECT_EQ(requests, 1) << "the greeting";
}

TEST_F(CopyTest, AFileThatIsNotKeptAtItsCloseIsAnError) {
  int requests = 0;
  const auto sftp = Sftp::open(std::make_unique<ScriptedChannel>(requests)).value();
  const auto failed = upload_file(*sftp, file("here/small", 10), "/small", {});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("/small: "));
}

}  // namespace
}  // namespace hanse::cli
