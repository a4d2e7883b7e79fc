#pragma once

// One node that orders its own blocks: when there is work (transactions or due timers), at most one every
// block_interval_ms, each durable before anyone hears of it. Under load all that queued up while the last block synced
// goes into the next (group commit). Signatures are checked on a pool of threads.

#include "base/clock.hpp"
#include "consensus/node.hpp"

namespace hanse::consensus {

struct SoloOptions {
  std::uint32_t block_interval_ms = 0;     ///< 0: as soon as the last block is durable.
  std::uint32_t max_queued = 20'000;       ///< Beyond that, submit answers `unavailable`.
  std::uint32_t verify_threads = 0;        ///< 0: one a core.
  std::uint32_t idle_block_ms = 1000;      ///< With timers due and no transactions, a block at most this often.
};

/// Opens the store (writing the genesis if it is empty; wrong_network if it holds another network's state), loads the
/// ledger and starts. The clock outlives the node.
Result<std::unique_ptr<Node>> start_solo(std::unique_ptr<store::Store> store, const ledger::Genesis& genesis,
                                         SoloOptions options = {}, Clock& clock = system_clock());

}  // namespace hanse::consensus
