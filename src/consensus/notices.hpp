#pragma once

// Who wants to hear of blocks. Thread-safe. Internal to the room.

#include <map>
#include <mutex>

#include "consensus/node.hpp"

namespace hanse::consensus {

class Notices {
 public:
  using OnBlock = std::function<void(const Node::BlockNotice&)>;

  /// The handle keeps what it needs alive, so it may outlive this object.
  [[nodiscard]] std::shared_ptr<void> subscribe(OnBlock on_block);
  /// Calls every subscriber that is there when its turn comes.
  void publish(const Node::BlockNotice& notice);

 private:
  struct List {
    std::recursive_mutex mutex;  ///< Recursive: a callback may unsubscribe itself or others.
    std::map<std::uint64_t, std::shared_ptr<OnBlock>> subscribers;
    std::uint64_t next = 1;
  };
  std::shared_ptr<List> list_ = std::make_shared<List>();
};

}  // namespace hanse::consensus
