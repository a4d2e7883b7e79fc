#include "consensus/notices.hpp"

#include <vector>

namespace hanse::consensus {

std::shared_ptr<void> Notices::subscribe(OnBlock on_block) {
  const std::lock_guard guard(list_->mutex);
  const std::uint64_t number = list_->next++;
  list_->subscribers.emplace(number, std::make_shared<OnBlock>(std::move(on_block)));
  return std::shared_ptr<void>(nullptr, [list = list_, number](void*) {
    const std::lock_guard inner(list->mutex);
    list->subscribers.erase(number);
  });
}

void Notices::publish(const Node::BlockNotice& notice) {
  const std::lock_guard guard(list_->mutex);
  std::vector<std::uint64_t> numbers;
  numbers.reserve(list_->subscribers.size());
  for (const auto& [number, on_block] : list_->subscribers) numbers.push_back(number);
  for (const auto number : numbers) {
    const auto found = list_->subscribers.find(number);
    if (found == list_->subscribers.end()) continue;
    const auto on_block = found->second;  // alive through its call, even if it unsubscribes itself
    (*on_block)(notice);
  }
}

}  // namespace hanse::consensus
