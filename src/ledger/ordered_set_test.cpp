#include "ledger/ordered_set.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/rng.hpp"

namespace hanse::ledger {
namespace {

TEST(OrderedSet, agrees_with_std_set_over_random_inserts_and_erases) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    OrderedSet<int, 8> ours;
    std::set<int> theirs;
    const auto range = static_cast<std::uint64_t>(rng.between(5, 2000));
    for (int i = 0; i < 4000; ++i) {
      const int key = static_cast<int>(rng.below(range));
      if (rng.one_in(2)) {
        ASSERT_EQ(ours.insert(key), theirs.insert(key).second);
      } else {
        ASSERT_EQ(ours.erase(key), theirs.erase(key) == 1);
      }
      ASSERT_EQ(ours.size(), theirs.size());
      ASSERT_EQ(ours.contains(key), theirs.contains(key));
      ASSERT_EQ(ours.first() == nullptr, theirs.empty());
      if (!theirs.empty()) {
        ASSERT_EQ(*ours.first(), *theirs.begin());
      }
    }
    const int after = static_cast<int>(rng.below(range));
    std::vector<int> seen;
    ours.for_each_after(after, [&](int key) {
      seen.push_back(key);
      return true;
    });
    EXPECT_EQ(seen, std::vector<int>(theirs.upper_bound(after), theirs.end()));
  }
}

TEST(OrderedSet, stops_when_the_visitor_says_so) {
  OrderedSet<int, 4> set;
  for (int i = 1; i <= 100; ++i) set.insert(i);
  int calls = 0;
  set.for_each_after(10, [&](int key) {
    ++calls;
    return key < 15;
  });
  EXPECT_EQ(calls, 5);
}

}  // namespace
}  // namespace hanse::ledger
