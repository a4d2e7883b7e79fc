// Kills a loaded node with SIGKILL at random moments, again and again, and holds the store to what was acknowledged
// and to a replay of every block from the genesis. HANSE_LONG=1 runs many more rounds; HANSE_SEED=n repeats a run.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <set>

#include "base/clock.hpp"
#include "store/store.hpp"
#include "store/testing/history.hpp"

namespace hanse {
namespace {

using Kinds = std::map<model::EventKind, std::size_t>;  ///< How often each kind of event happened.
using Acks = std::map<Hash, Bytes>;                     ///< The encoded receipt of each acknowledged transaction.

constexpr int kShortRounds = 10;
constexpr int kLongRounds = 200;
constexpr int kRoundsPerFolder = 20;  ///< Replays from genesis grow with the folder's age.
constexpr std::int64_t kLongestWaitMs = 60'000;

std::uint64_t seed_of_run() {
  if (const char* given = std::getenv("HANSE_SEED")) return std::strtoull(given, nullptr, 10);
  return static_cast<std::uint64_t>(system_clock().monotonic_ms());
}

/// A crash_node under this test, and all it has said.
class Victim {
 public:
  Victim(const std::filesystem::path& folder, std::uint64_t seed) {
    int ends[2];
    HANSE_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
    const std::string folder_text = folder.string(), seed_text = std::to_string(seed);
    process_ = ::fork();
    HANSE_CHECK(process_ >= 0);
    if (process_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::execl(HANSE_CRASH_NODE, HANSE_CRASH_NODE, folder_text.c_str(), seed_text.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    output_ = ends[0];
  }
  ~Victim() {
    if (process_ > 0) kill();
    ::close(output_);
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;

  /// Reads what it says until `until_ms` of the clock, or until its first word; false if it said nothing and ended.
  bool listen(std::int64_t until_ms, bool only_first = false) {
    while (true) {
      const std::int64_t left = until_ms - system_clock().monotonic_ms();
      if (left <= 0 || (only_first && !said_.empty())) return true;
      pollfd waiting{output_, POLLIN, 0};
      if (::poll(&waiting, 1, static_cast<int>(left)) == 1 && !read_some()) return false;
    }
  }
  /// SIGKILL, then the rest of what it said before. True if it was alive until then.
  bool kill() {
    ::kill(process_, SIGKILL);
    int status = 0;
    HANSE_CHECK(::waitpid(process_, &status, 0) == process_);
    process_ = -1;
    while (read_some()) {
    }
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }
  /// Whole lines only: the last one may be cut off.
  void add_acks(Acks& acks) const {
    std::size_t from = 0;
    for (auto end = said_.find('\n'); end != std::string::npos; from = end + 1, end = said_.find('\n', from)) {
      const auto line = std::string_view(said_).substr(from, end - from);
      ASSERT_TRUE(line.starts_with("ack ") && line.size() > 69) << line;
      const auto hash = fixed_from_hex<32>(line.substr(4, 64));
      const auto receipt = from_hex(line.substr(69));
      ASSERT_TRUE(hash && receipt) << line;
      acks.emplace(*hash, *receipt);
    }
  }

 private:
  bool read_some() {
    char buffer[65536];
    const auto got = ::read(output_, buffer, sizeof buffer);
    if (got > 0) said_.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  }

  pid_t process_ = -1;
  int output_ = -1;
  std::string said_;
};

/// Applies every stored block to the genesis and compares all that the store says of it.
void expect_replay_equals(const store::Store& store, const ledger::Ledger& live, Kinds& kinds) {
  auto replayed = store.load_genesis();
  ASSERT_TRUE(replayed) << replayed.error().message;
  std::set<Hash> applied;
  std::uint64_t last_event = 0;
  for (std::uint64_t height = 1; height <= store.height(); ++height) {
    const auto block = store.block(height);
    ASSERT_TRUE(block) << "no block " << height;
    std::vector<ledger::Envelope> opened;
    for (const auto& tx : block->transactions) {
      opened.push_back(ledger::open(tx, live.state().network(), live.state().params(), false));
    }
    const auto result = replayed->apply({block->height, block->time, block->beacon}, opened);
    ASSERT_EQ(result.app_hash, store.app_hash(height)) << "block " << height;
    for (const auto& receipt : result.receipts) {
      ASSERT_TRUE(applied.insert(receipt.tx_hash).second) << "applied twice, in block " << height;
      ASSERT_EQ(store.receipt(receipt.tx_hash), receipt) << "block " << height;
    }
    ASSERT_EQ(store.events(last_event, result.events.size()), result.events) << "block " << height;
    for (const auto& event : result.events) ++kinds[event.kind];
    if (!result.events.empty()) last_event = result.events.back().sequence;
    for (const auto& archived : result.archived) {
      if (archived.lease) {
        ASSERT_EQ(store.archived_lease(archived.lease->id), archived.lease);
      }
      if (archived.request) {
        ASSERT_EQ(store.archived_request(archived.request->id), archived.request);
      }
    }
  }
  EXPECT_TRUE(store.events(last_event, 1).empty());
  EXPECT_FALSE(store.block(store.height() + 1));
  const auto left = replayed->dump(), right = live.dump();
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    ASSERT_EQ(left[i].key, right[i].key) << "record " << i;
    ASSERT_EQ(left[i].value, right[i].value) << "record " << i;
  }
}

void expect_sound(const std::filesystem::path& folder, const Acks& acks, Kinds& kinds) {
  const auto store = store::Store::open(folder);
  ASSERT_TRUE(store) << store.error().message;
  if ((*store)->is_empty()) {
    EXPECT_TRUE(acks.empty()) << "the whole store is lost";
    return;
  }
  const auto ledger = (*store)->load();
  ASSERT_TRUE(ledger) << ledger.error().message;
  const auto sound = ledger->check_invariants();
  ASSERT_TRUE(sound) << sound.error().message;
  for (const auto& [hash, receipt] : acks) {
    const auto stored = (*store)->receipt(hash);
    ASSERT_TRUE(stored) << "an acknowledged transaction is lost: " << to_hex(hash.view());
    ASSERT_EQ(wire::encode(*stored), receipt) << "an acknowledged receipt changed: " << to_hex(hash.view());
  }
  kinds.clear();
  expect_replay_equals(**store, *ledger, kinds);
}

/// One life and death of a node: killed while it starts, or some time after it began to acknowledge.
void run_round(const std::filesystem::path& folder, Rng& rng, Acks& acks) {
  Victim victim(folder, rng.next());
  if (rng.one_in(4)) {
    victim.listen(system_clock().monotonic_ms() + rng.between(0, 60));
  } else {
    ASSERT_TRUE(victim.listen(system_clock().monotonic_ms() + kLongestWaitMs, true)) << "the node ended by itself";
    victim.listen(system_clock().monotonic_ms() + rng.between(0, 400));
  }
  ASSERT_TRUE(victim.kill()) << "the node ended by itself";
  victim.add_acks(acks);
}

TEST(Crash, NothingAcknowledgedIsLostAndNothingIsHalfDone) {
  const std::uint64_t seed = seed_of_run();
  SCOPED_TRACE("HANSE_SEED=" + std::to_string(seed));
  Rng rng(seed);
  const int rounds = std::getenv("HANSE_LONG") != nullptr ? kLongRounds : kShortRounds;
  std::size_t acknowledged = 0;
  for (int done = 0; done < rounds;) {
    const store::testing::Folder folder;
    Acks acks;
    Kinds kinds;
    for (int i = 0; i < kRoundsPerFolder && done < rounds; ++i, ++done) {
      SCOPED_TRACE("round " + std::to_string(done));
      run_round(folder.path, rng, acks);
      if (!HasFatalFailure()) expect_sound(folder.path, acks, kinds);
      if (HasFatalFailure() || HasNonfatalFailure()) return;
    }
    acknowledged += acks.size();
    for (const auto kind : {model::EventKind::transferred, model::EventKind::lease_running,
                            model::EventKind::lease_ended, model::EventKind::lease_closed}) {
      EXPECT_GT(kinds[kind], 0U) << "the load was meant to make " << name_of(kind);
    }
  }
  EXPECT_GT(acknowledged, 0U);
  std::printf("%d kills, %zu acknowledged transactions all found, seed %llu\n", rounds, acknowledged,
              static_cast<unsigned long long>(seed));
}

}  // namespace
}  // namespace hanse
