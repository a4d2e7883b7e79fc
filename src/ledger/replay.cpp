#include "ledger/replay.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace hanse::ledger {

bool Replay::contains(Time valid_until, const Hash& hash) const {
  const auto found = seconds_.find(second_of(valid_until));
  return found != seconds_.end() && found->second.places.contains(hash);
}

void Replay::insert(Time valid_until, const Hash& hash, std::uint64_t height) {
  const std::int64_t number = second_of(valid_until);
  Second& second = seconds_[number];
  auto& remembered = changed_[{number, height}];
  if (remembered.empty()) second.heights.push_back(height);
  const bool inserted = second.places.emplace(hash, height << kPositionBits | remembered.size()).second;
  HANSE_CHECK(inserted);
  remembered.push_back(hash);
}

void Replay::expire(Time now, std::size_t limit) {
  while (!seconds_.empty() && seconds_.begin()->first < second_of(now)) {
    auto& [number, second] = *seconds_.begin();
    for (; limit > 0 && second.forgotten < second.heights.size(); --limit) {
      changed_[{number, second.heights[second.forgotten++]}].clear();
    }
    if (second.forgotten < second.heights.size()) return;
    seconds_.erase(seconds_.begin());
  }
}

bool Replay::load(const Record& record) {
  Second& second = seconds_[record.key.second];
  second.heights.insert(std::upper_bound(second.heights.begin(), second.heights.end(), record.key.height),
                        record.key.height);
  for (std::size_t i = 0; i < record.hashes.size(); ++i) {
    if (!second.places.emplace(record.hashes[i], record.key.height << kPositionBits | i).second) return false;
  }
  return true;
}

std::vector<Replay::Record> Replay::sorted() const {
  std::vector<Record> all;
  for (const auto& [number, second] : seconds_) {
    if (second.forgotten == second.heights.size()) continue;
    const Place first = second.heights[second.forgotten] << kPositionBits;
    std::vector<std::pair<Place, Hash>> ordered;
    ordered.reserve(second.places.size());
    for (const auto& [hash, place] : second.places) {
      if (place >= first) ordered.emplace_back(place, hash);
    }
    std::sort(ordered.begin(), ordered.end());
    for (const auto& [place, hash] : ordered) {
      const Key key{number, place >> kPositionBits};
      if (all.empty() || all.back().key != key) all.push_back({key, {}});
      all.back().hashes.push_back(hash);
    }
  }
  return all;
}

std::vector<Replay::Record> Replay::take_changed() {
  std::vector<Record> out;
  out.reserve(changed_.size());
  for (auto& [key, hashes] : changed_) out.push_back({key, std::move(hashes)});
  changed_.clear();
  return out;
}

}  // namespace hanse::ledger
