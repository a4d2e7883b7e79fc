#include "ledger/replay.hpp"

#include <algorithm>
#include <utility>

namespace hanse::ledger {

bool Replay::contains(Time valid_until, const Hash& hash) const {
  const auto found = seconds_.find(second_of(valid_until));
  return found != seconds_.end() && found->second.contains(hash);
}

void Replay::insert(Time valid_until, const Hash& hash) {
  const std::int64_t second = second_of(valid_until);
  if (!seconds_[second].insert(hash).second) return;
  ++size_;
  changed_.push_back({{second, hash}, true});
}

void Replay::expire(Time now, std::size_t limit) {
  while (limit > 0 && !seconds_.empty() && seconds_.begin()->first < second_of(now)) {
    auto first = seconds_.begin();
    if (expiring_.empty()) {
      expiring_.assign(first->second.begin(), first->second.end());
      std::sort(expiring_.rbegin(), expiring_.rend(), KeyLess{});
    }
    for (; limit > 0 && !expiring_.empty(); --limit, --size_) {
      changed_.push_back({{first->first, expiring_.back()}, false});
      first->second.erase(expiring_.back());
      expiring_.pop_back();
    }
    if (expiring_.empty()) seconds_.erase(first);
  }
}

bool Replay::load(const Entry& entry) {
  const bool inserted = seconds_[entry.second].insert(entry.hash).second;
  if (inserted) ++size_;
  return inserted;
}

std::vector<Replay::Entry> Replay::sorted() const {
  std::vector<Entry> all;
  all.reserve(size_);
  for (const auto& [second, hashes] : seconds_) {
    for (const Hash& hash : hashes) all.push_back({second, hash});
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<Replay::Change> Replay::take_changed() {
  std::sort(changed_.begin(), changed_.end(), [](const Change& a, const Change& b) {
    return a.entry.second != b.entry.second ? a.entry.second < b.entry.second : KeyLess{}(a.entry.hash, b.entry.hash);
  });
  return std::exchange(changed_, {});
}

}  // namespace hanse::ledger
