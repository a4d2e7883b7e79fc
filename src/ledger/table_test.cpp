#include "ledger/table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/rng.hpp"
#include "ledger/records.hpp"

namespace hanse::ledger {
namespace {

struct BalanceIndex {
  using Position = std::int64_t;
  std::multiset<std::int64_t> balances;

  void added(const model::Account& account) { balances.insert(account.balance.micros); }
  void removed(const model::Account& account) { balances.erase(balances.find(account.balance.micros)); }
  [[nodiscard]] Position position(const model::Account& account) const { return account.balance.micros; }
  void moved(Position from, const model::Account& account) {
    balances.erase(balances.find(from));
    added(account);
  }
};

using Accounts = Table<model::AccountId, model::Account, BalanceIndex>;
using Content = std::map<model::AccountId, std::int64_t>;

Content content_of(const Accounts& table) {
  Content out;
  for (const auto& key : table.sorted_keys()) out.emplace(key, table.at(key).balance.micros);
  return out;
}

TEST(Table, transactions_are_all_or_nothing_and_blocks_know_their_changes) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Accounts table;
    for (int block = 0; block < 20; ++block) {
      const Content at_begin = content_of(table);
      std::set<model::AccountId> touched;
      table.begin_block();
      for (int tx = 0; tx < 10; ++tx) {
        const Content before = content_of(table);
        std::set<model::AccountId> mine;
        table.begin();
        for (std::uint64_t i = rng.below(8); i > 0; --i) {
          model::AccountId id;
          id.data[0] = static_cast<std::uint8_t>(rng.below(12));
          const Money balance{rng.between(0, 100)};
          mine.insert(id);
          if (!table.find(id))
            table.insert({id, balance});
          else if (rng.one_in(3))
            table.erase(id);
          else
            table.change(id, [&](model::Account& a) { a.balance = balance; });
        }
        if (rng.one_in(3)) {
          table.rollback();
          ASSERT_EQ(content_of(table), before);
        } else {
          table.commit();
          touched.merge(mine);
        }
        std::multiset<std::int64_t> balances;
        for (const auto& [id, balance] : content_of(table)) balances.insert(balance);
        ASSERT_EQ(table.index.balances, balances);
      }
      const auto changed = table.take_changed();
      ASSERT_EQ(std::set<model::AccountId>(changed.begin(), changed.end()), touched);
      ASSERT_TRUE(std::is_sorted(changed.begin(), changed.end()));
    }
  }
}

TEST(Table, records_stay_where_they_are) {
  Accounts table;
  table.begin();
  std::vector<const model::Account*> places;
  for (int i = 0; i < 1000; ++i) {
    model::AccountId id;
    std::memcpy(id.data.data(), &i, sizeof i);
    places.push_back(&table.insert({id, Money{i}}));
  }
  table.commit();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(places[static_cast<std::size_t>(i)]->balance.micros, i);
}

}  // namespace
}  // namespace hanse::ledger
