#pragma once

// For tests of a running node: a clock that a test moves, answers and block notices that it can wait for.

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>

#include "consensus/solo.hpp"
#include "store/testing/history.hpp"

namespace hanse::consensus::testing {

using store::testing::Folder;
using store::testing::genesis;
using store::testing::key;
using store::testing::kNetwork;
using store::testing::kStart;
using store::testing::sign;
using store::testing::transaction;
using store::testing::transfer;

/// Far beyond anything that a working node needs: a test that waits this long has failed.
inline constexpr std::chrono::seconds kLongest{60};

class VirtualClock final : public Clock {
 public:
  Time now() override { return after_ms(kStart, ms_.load() - turned_back_ms_.load()); }
  std::int64_t monotonic_ms() override { return ms_.load(); }
  void advance_ms(std::int64_t ms) { ms_ += ms; }
  void turn_back_ms(std::int64_t ms) { turned_back_ms_ += ms; }  ///< The wall clock alone, as an administrator might.

 private:
  std::atomic<std::int64_t> ms_ = 1000;
  std::atomic<std::int64_t> turned_back_ms_ = 0;
};

inline std::future<Result<model::Receipt>> submit(Node& node, Bytes bytes) {
  auto promise = std::make_shared<std::promise<Result<model::Receipt>>>();
  node.submit(std::move(bytes), [promise](Result<model::Receipt> answer) { promise->set_value(std::move(answer)); });
  return promise->get_future();
}

inline Result<model::Receipt> answer_of(std::future<Result<model::Receipt>> future) {
  if (future.wait_for(kLongest) != std::future_status::ready) return fail(ErrorCode::timeout, "no answer came");
  return future.get();
}

inline Result<model::Receipt> send(Node& node, Bytes bytes) {
  return answer_of(submit(node, std::move(bytes)));
}

inline Money balance(const Node& node, const model::AccountId& account) {
  Money out;
  node.read([&](const ledger::Ledger& ledger) {
    if (const auto* found = ledger.state().account(account)) out = found->balance;
  });
  return out;
}

/// Collects block notices.
class Watcher {
 public:
  explicit Watcher(Node& node) {
    handle_ = node.subscribe([this](const Node::BlockNotice& notice) {
      const std::lock_guard guard(mutex_);
      notices_.push_back(notice);
      changed_.notify_all();
    });
  }
  ~Watcher() { handle_.reset(); }

  /// True once `is_enough(notices)` holds; false if it does not within `longest`.
  template <class Enough>
  bool wait(Enough&& is_enough, std::chrono::milliseconds longest = kLongest) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, longest, [&] { return is_enough(notices_); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Node::BlockNotice> notices_;
  std::shared_ptr<void> handle_;
};

}  // namespace hanse::consensus::testing
