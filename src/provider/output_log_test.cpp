// A job's output on this machine's disk: nothing of what is kept is lost, and what is lost is said.

#include "provider/output_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/rng.hpp"
#include "provider/control.hpp"
#include "provider/output_pump.hpp"
#include "provider/testing/heard.hpp"
#include "provider/testing/leftovers.hpp"

namespace hanse::provider {
namespace {

namespace fs = std::filesystem;
using testing::hear;
using testing::Heard;
using wire::FrameKind;

constexpr std::uint64_t kLimit = 1 << 20;  // the least there is

class OutputLogTest : public ::testing::Test {
 protected:
  OutputLogTest() : folder_(testing::make_test_folder("output")) {}
  ~OutputLogTest() override { fs::remove_all(folder_); }

  [[nodiscard]] std::shared_ptr<OutputLog> open(std::uint64_t limit = kLimit) const {
    return OutputLog::open(folder_ / "log", limit).value();
  }
  [[nodiscard]] std::uint64_t on_disk() const {
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(folder_ / "log")) bytes += entry.file_size();
    return bytes;
  }
  fs::path folder_;
};

TEST_F(OutputLogTest, ReadersGetItFromAnyMarkTheyHaveComeTo) {
  const auto log = open();
  Rng rng(7);
  std::string all;
  std::vector<std::pair<std::uint64_t, std::size_t>> marks{{0, 0}};
  for (int i = 0; i < 200; ++i) {
    const std::string piece(rng.below(3000), static_cast<char>('a' + i % 26));
    log->append(i % 3 == 0 ? FrameKind::errors : FrameKind::output, piece);
    all += piece;
    marks.emplace_back(log->end(), all.size());
  }
  for (const auto& [mark, size] : marks) {
    const auto heard = hear(log, mark);
    EXPECT_EQ(heard.all, all.substr(size)) << mark;
    EXPECT_TRUE(heard.places.empty()) << "nothing was forgotten, so nothing is said";
  }
}

TEST_F(OutputLogTest, WhatIsForgottenIsSaidToTheByteAndTheDiskHoldsNoMoreThanTheLimit) {
  const auto log = open();
  std::string all;
  for (int i = 0; i < 5000; ++i) {
    const std::string piece = "line " + std::to_string(i) + std::string(1000, '.') + "\n";
    log->append(FrameKind::output, piece);
    all += piece;
    ASSERT_LE(on_disk(), kLimit);
  }
  const auto heard = hear(log);
  ASSERT_EQ(heard.places.size(), 1U);
  EXPECT_EQ(heard.all, all.substr(heard.places[0].bytes));
  EXPECT_GT(heard.all.size(), kLimit * 3 / 4) << "most of the room is used";
}

TEST_F(OutputLogTest, AReaderThatIsOvertakenIsToldHowMuchItMissedAndGoesOn) {
  const auto log = open();
  OutputReader reader(log, 0);
  Bytes scratch(OutputReader::kLeastScratch);
  log->append(FrameKind::output, "first\n");
  Heard heard;
  heard.take(reader.next(scratch, 0, {}));
  std::string all = "first\n";
  for (int i = 0; i < 3000; ++i) {
    const std::string piece = std::to_string(i) + std::string(1000, '.') + "\n";
    log->append(FrameKind::output, piece);
    all += piece;
  }
  for (auto frames = reader.next(scratch, 0, {}); !frames.empty(); frames = reader.next(scratch, 0, {})) {
    heard.take(frames);
  }
  ASSERT_EQ(heard.places.size(), 1U);
  EXPECT_EQ(heard.all, "first\n" + all.substr(heard.places[0].bytes));
}

TEST_F(OutputLogTest, AnotherAgentGoesOnWhereTheOneBeforeStopped) {
  std::string all;
  for (int agent = 0; agent < 4; ++agent) {
    const auto log = open();
    EXPECT_EQ(hear(log).all, all);
    for (int i = 0; i < 10; ++i) {
      log->append(FrameKind::output, std::to_string(agent) + "\n");
      all += std::to_string(agent) + "\n";
    }
  }
  open()->append(FrameKind::exit, to_text(wire::JobExit{255, false}));
  const auto log = open();
  EXPECT_EQ(log->exit(), (wire::JobExit{255, false}));
  EXPECT_EQ(hear(log).exit, (wire::JobExit{255, false}));
}

TEST_F(OutputLogTest, ACrashAnywhereInAFrameCostsNoneOfTheBytesThatCame) {
  fs::path file;
  std::string whole;
  {
    const auto log = open();
    log->append(FrameKind::output, "before\n");
    log->append(FrameKind::errors, "0123456789");
    file = fs::directory_iterator(folder_ / "log")->path();
    std::ifstream in(file, std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(in), {});
  }
  const std::size_t first = wire::kFrameHeaderBytes + 7;
  for (std::size_t size = first; size <= whole.size(); ++size) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    const std::size_t came = size > first + wire::kFrameHeaderBytes ? size - first - wire::kFrameHeaderBytes : 0;
    const auto log = open();
    EXPECT_EQ(hear(log).all, "before\n" + std::string("0123456789").substr(0, came)) << size;
    log->append(FrameKind::output, "after\n");
    EXPECT_EQ(hear(open()).all, "before\n" + std::string("0123456789").substr(0, came) + "after\n") << size;
  }
}

TEST_F(OutputLogTest, AMarkThatWasNeverGivenHarmsNobody) {
  const auto log = open();
  for (int i = 0; i < 2000; ++i) log->append(FrameKind::output, std::string(900, 'x'));
  for (std::uint64_t mark = log->end() - 5000; mark < log->end() + 50; mark += 7) static_cast<void>(hear(log, mark));
  EXPECT_EQ(hear(log, ~0ULL).mark, log->end());
}

TEST_F(OutputLogTest, AFullDiskLosesOldOutputFirstAndSaysSo) {
  const auto disk = folder_ / "disk";
  fs::create_directory(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=256k") != 0) GTEST_SKIP() << "mounting needs root";
  {
    const auto log = OutputLog::open(disk / "log", kLimit).value();
    int pipes[2];
    ASSERT_EQ(::pipe2(pipes, O_NONBLOCK), 0);
    std::string all;
    for (int i = 0; i < 2000; ++i) {
      const std::string piece = std::to_string(i) + std::string(1000, '.') + "\n";
      ASSERT_EQ(::write(pipes[1], piece.data(), piece.size()), static_cast<ssize_t>(piece.size()));
      EXPECT_EQ(log->take(FrameKind::output, pipes[0], piece.size()), piece.size());
      all += piece;
    }
    const auto heard = hear(log);
    ASSERT_FALSE(heard.places.empty());
    EXPECT_EQ(heard.all, all.substr(heard.places.back().bytes).substr(0, heard.all.size()));
    log->append(FrameKind::exit, to_text(wire::JobExit{3, false}));
    EXPECT_EQ(log->exit(), (wire::JobExit{3, false}));
    ::close(pipes[0]);
    ::close(pipes[1]);
  }
  ::umount2(disk.c_str(), MNT_DETACH);
}

TEST_F(OutputLogTest, AReaderThatWaitsIsWokenByOutputAndByAStop) {
  const auto log = open();
  OutputReader reader(log, 0);
  Bytes scratch(OutputReader::kLeastScratch);
  std::jthread writer([&] { log->append(FrameKind::output, "here"); });
  Heard heard;
  heard.take(reader.next(scratch, 60'000, {}));
  EXPECT_EQ(heard.all, "here");
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_TRUE(reader.next(scratch, 60'000, stop.get_token()).empty());
}

/// The pipes as a container's supervisor holds them, without a container.
struct PumpedJob {
  explicit PumpedJob(const fs::path& at) : control(at / "control"), log(OutputLog::open(at / "log", 64 << 20).value()) {
    fs::create_directories(control);
  }
  void start() {
    pump = OutputPump::start(control, log, [this](const wire::JobExit& exit) {
             const std::lock_guard lock(mutex);
             ended = exit;
             changed.notify_all();
           }).value();
  }
  wire::JobExit await_end() {
    std::unique_lock lock(mutex);
    HANSE_CHECK(changed.wait_for(lock, std::chrono::seconds(60), [&] { return ended.has_value(); }));
    return *ended;
  }
  fs::path control;
  std::shared_ptr<OutputLog> log;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<wire::JobExit> ended;
  std::unique_ptr<OutputPump> pump;
};

TEST_F(OutputLogTest, APumpThatIsReplacedAgainAndAgainLosesNoByteOfAJobThatPrintsMuch) {
  PumpedJob job(folder_);
  const auto pipes =
      open_job_pipes(job.control).value();  // as the supervisor does, so that the job's writing never fails
  std::atomic<bool> is_done = false;
  const std::size_t lines = 200'000;
  std::jthread writer([&] {
    const int fd = ::open((job.control / "output").c_str(), O_WRONLY);
    for (std::size_t i = 0; i < lines; ++i) {
      char line[32];
      const int n = std::snprintf(line, sizeof line, "%07zu %s\n", i, "0123456789abcdef");
      HANSE_CHECK(::write(fd, line, static_cast<std::size_t>(n)) == n);
    }
    ::close(fd);
    std::ofstream(job.control / "exit") << "255 run\n";
    is_done = true;
  });
  while (!is_done) {
    job.start();
    std::this_thread::yield();
    job.pump.reset();
  }
  job.start();
  EXPECT_EQ(job.await_end(), (wire::JobExit{255, false}));
  const auto heard = hear(job.log);
  EXPECT_EQ(heard.exit, (wire::JobExit{255, false}));
  ASSERT_EQ(heard.all.size(), lines * 25);
  for (std::size_t i = 0; i < lines; i += 997) {
    EXPECT_EQ(heard.all.substr(i * 25, 7), fmt::format("{:07}", i));
  }
}

}  // namespace
}  // namespace hanse::provider
