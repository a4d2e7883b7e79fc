#pragma once

// Names that many offers share (GPU models, drivers), each kept once. Inside the market; not thread-safe.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "model/where.hpp"

namespace hanse::market {

class Texts {
 public:
  explicit Texts(model::WhereField field) : field_(field) {}

  /// Its number: small, and free for another text once every use of it was dropped.
  std::uint32_t use(const std::string& text) {
    const auto [it, added] = by_text_.try_emplace(text, 0);
    if (added) {
      it->second = take_slot();
      entries_[it->second] = {text, model::fold(field_, text), 0};
    }
    ++entries_[it->second].uses;
    return it->second;
  }
  void drop(std::uint32_t number) {
    Entry& entry = entries_[number];
    HANSE_CHECK(entry.uses > 0);
    if (--entry.uses > 0) return;
    by_text_.erase(entry.text);
    entry = {};
    free_.push_back(number);
  }

  [[nodiscard]] const std::string& text(std::uint32_t number) const { return entries_[number].text; }
  [[nodiscard]] const std::string& folded(std::uint32_t number) const { return entries_[number].folded; }
  [[nodiscard]] std::size_t slots() const { return entries_.size(); }  ///< Every number is below.

 private:
  struct Entry {
    std::string text, folded;
    std::uint32_t uses = 0;
  };
  std::uint32_t take_slot() {
    if (free_.empty()) {
      entries_.emplace_back();
      return static_cast<std::uint32_t>(entries_.size() - 1);
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }

  model::WhereField field_;
  std::map<std::string, std::uint32_t> by_text_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
};

}  // namespace hanse::market
