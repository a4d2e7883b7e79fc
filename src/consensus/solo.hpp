#pragma once

// One node that orders its own blocks: when there is work (transactions or due timers), at most one every
// block_interval_ms, each durable before anyone hears of it. Under load all that queued up while the last block synced
// goes into the next (group commit). Signatures are checked on a pool of threads.

#include "base/clock.hpp"
#include "consensus/node.hpp"

namespace hanse::consensus {

struct SoloOptions {
  std::uint32_t block_interval_ms = 0;  ///< 0: as soon as the last block is durable.
  std::uint32_t max_queued = 20'000;    ///< Unanswered; beyond that, submit says `unavailable`.
  std::uint32_t verify_threads = 0;     ///< 0: one a core.
  std::uint32_t idle_block_ms = 1000;   ///< With timers due and no transactions, a block at most this often.
};

/// Takes the store (writing the genesis if it is empty; wrong_network if it started from another genesis), loads the
/// ledger and starts. A genesis whose time is 0 takes the clock's at the first start and the store's at later ones.
/// The clock outlives the node. Destroying the node finishes the block in hand and answers the rest with unavailable.
///
/// A block that cannot be committed is never acknowledged: the node stops, says why in its log and stats, answers
/// everything with unavailable, and goes on serving reads of the last durable state.
Result<std::unique_ptr<Node>> start_solo(std::unique_ptr<store::Store> store, const ledger::Genesis& genesis,
                                         SoloOptions options = {}, Clock& clock = system_clock());

}  // namespace hanse::consensus
